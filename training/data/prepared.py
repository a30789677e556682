"""The folder of prepared data, which is all that training reads: both channels, and the feature spec."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from numpy.typing import NDArray

from dropscore.domain.spec import FeatureSpec
from training.data.split import Channels
from training.errors import TrainingError

SPEC_FILE = "feature_spec.json"
REJECTS_FILE = "rejects.parquet"
DAY_BEFORE = "target-a-day-before"
"""A column of the test channel alone, NaN where it is not known; train.py measures it as a baseline."""


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

    def read_spec(self) -> FeatureSpec:
        """The feature spec, read.

        Raises
        ------
        TrainingError
            The folder is not a prepared one.
        SpecError
            The file is none.
        """
        if not self.spec.is_file():
            raise TrainingError(
                f"{self.folder} has no {self.spec.name}: run `python -m training prepare` first"
            )
        return FeatureSpec.parse(self.spec.read_bytes())

    @property
    def rejects(self) -> Path:
        """The rows that were left out; there only where there are some."""
        return self.folder / REJECTS_FILE


def write_prepared(channels: Channels, folder: Path) -> Prepared:
    """Write both channels as CSV with a header, the spec, and the rows that were left out.

    Parameters
    ----------
    channels
        What to write.
    folder
        Where to; made where it is missing.

    Returns
    -------
    Prepared
        The folder and what is in it.

    Raises
    ------
    TrainingError
        A feature or the target has the name that is kept for the baseline's column.
    """
    prepared, data = Prepared(folder), channels.data
    names = [*data.spec.features, str(data.spec.target)]
    if DAY_BEFORE in names:
        raise TrainingError(f"{DAY_BEFORE!r} is the name of a column of the test channel: rename yours")
    for place in (prepared.train, prepared.test):
        place.mkdir(parents=True, exist_ok=True)
    _write_csv(prepared.train / "train.csv", names, data.rows[channels.train])
    test = np.column_stack([data.rows[channels.test], data.day_before[channels.test]])
    _write_csv(prepared.test / "test.csv", [*names, DAY_BEFORE], test)
    prepared.spec.write_bytes(channels.spec.to_bytes())
    data.rejects.write(prepared.rejects)
    return prepared


def _write_csv(path: Path, names: list[str], rows: NDArray[np.float64]) -> None:
    """Write rows as CSV in shortest exact decimals, under a header."""
    columns = [pa.array(np.ascontiguousarray(rows[:, index])) for index in range(len(names))]
    pc.write_csv(pa.Table.from_arrays(columns, names=names), path)
