"""The two channels of a training run: three quarters of the rows to fit, one quarter to test."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from numpy.typing import NDArray

from training.data import TrainingData

TEST_SHARE = 0.25
SPEC_FILE = "feature_spec.json"


@dataclass(frozen=True)
class Prepared:
    """A folder with prepared training data: ``train/``, ``test/`` and ``feature_spec.json``."""

    folder: Path

    @property
    def train(self) -> Path:
        """The folder of the train channel."""
        return self.folder / "train"

    @property
    def test(self) -> Path:
        """The folder of the test channel."""
        return self.folder / "test"

    @property
    def spec(self) -> Path:
        """The feature spec, with its baseline."""
        return self.folder / SPEC_FILE


def write_prepared(data: TrainingData, folder: Path, seed: int) -> Prepared:
    """Split the rows at random, 75 to 25, and write both channels as CSV with a header.

    Parameters
    ----------
    data
        The rows and their spec.
    folder
        Where to write; made where it is missing.
    seed
        Of the split: the same rows and seed give the same files.

    Returns
    -------
    Prepared
        The folder and what is in it.
    """
    prepared = Prepared(folder)
    order = np.random.default_rng(seed).permutation(len(data.rows))
    tests = round(len(order) * TEST_SHARE)
    names = [*data.spec.features, str(data.spec.target)]
    for channel, chosen in ((prepared.test, order[:tests]), (prepared.train, order[tests:])):
        channel.mkdir(parents=True, exist_ok=True)
        _write_csv(channel / f"{channel.name}.csv", names, data.rows[np.sort(chosen)])
    prepared.spec.write_bytes(data.spec.to_bytes())
    return prepared


def _write_csv(path: Path, names: list[str], rows: NDArray[np.float64]) -> None:
    """Write rows as CSV in shortest exact decimals, under a header."""
    columns = [pa.array(np.ascontiguousarray(rows[:, index])) for index in range(len(names))]
    pc.write_csv(pa.Table.from_arrays(columns, names=names), path)
