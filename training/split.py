"""The two channels of a training run: three quarters of the rows to fit, one quarter to test."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from numpy.typing import NDArray

from dropscore.domain.spec import FeatureSpec
from training.baseline import baseline
from training.data import TrainingData
from training.errors import TrainingError

TEST_SHARE = 0.25
SPEC_FILE = "feature_spec.json"
REJECTS_FILE = "rejects.parquet"
DAY_BEFORE = "target-a-day-before"
"""A column of the test channel alone, NaN where it is not known; train.py measures it as a baseline."""


class Split(StrEnum):
    """How the rows are split.

    By time, the test rows are the last ones: the model is measured on a future that it has not seen, as it
    will be used. At random, each test row has neighbours a minute away that the model has seen.
    """

    TIME = "time"
    RANDOM = "random"


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


@dataclass(frozen=True)
class Channels:
    """Training data, split.

    Attributes
    ----------
    spec
        The feature spec, with the baseline of the train channel.
    data
        The rows.
    train, test
        Which of them, ascending.
    """

    spec: FeatureSpec
    data: TrainingData
    train: NDArray[np.int64]
    test: NDArray[np.int64]

    @property
    def begin_of_test(self) -> datetime | None:
        """The earliest timestamp of the test channel, as UTC; None where its rows have none."""
        instants = self.data.instants[self.test]
        first = int(instants.min())
        timed = first > np.iinfo(np.int64).min
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=first) if timed else None


def split(data: TrainingData, how: Split, seed: int) -> Channels:
    """Choose a quarter of the rows to test.

    Parameters
    ----------
    data
        The rows and their spec.
    how
        By time, rows of one instant stay together, so that the quarter may be a little larger.
    seed
        Of a random split: the same rows and seed give the same channels.

    Returns
    -------
    Channels
        With the baseline of the rows to fit.

    Raises
    ------
    TrainingError
        By time, when all rows have the same timestamp.
    """
    tests = _latest(data.instants) if how is Split.TIME else _random(len(data.rows), seed)
    train, test = np.flatnonzero(~tests), np.flatnonzero(tests)
    return Channels(replace(data.spec, baseline=_baseline(data, train)), data, train, test)


def _random(rows: int, seed: int) -> NDArray[np.bool_]:
    tests = np.zeros(rows, dtype=bool)
    order = np.random.default_rng(seed).permutation(rows)
    tests[order[: round(rows * TEST_SHARE)]] = True
    return tests


def _latest(instants: NDArray[np.int64]) -> NDArray[np.bool_]:
    begin = np.sort(instants)[len(instants) - round(len(instants) * TEST_SHARE)]
    tests: NDArray[np.bool_] = instants >= begin
    if tests.all():
        raise TrainingError(
            "more than three quarters of the rows have one and the same timestamp, no past is left to train"
            " on: give more rows, or --split random"
        )
    return tests


def _baseline(data: TrainingData, train: NDArray[np.int64]) -> dict[str, object]:
    """The baseline of the rows to fit; a derived feature is null where its timestamp is."""
    spec = data.spec
    names = [*spec.features, str(spec.target)]
    sources = {name: str(spec.timestamp) if name in spec.derived else name for name in names}
    values = {name: data.rows[train, index] for index, name in enumerate(names)}
    return baseline(values, {name: data.nulls.share(source) for name, source in sources.items()})


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
