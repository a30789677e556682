"""The two channels of a training run: three quarters of the rows to fit, one quarter to test."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from dropscore.domain.spec import FeatureSpec
from training.data.baseline import baseline
from training.data.reading import TrainingData
from training.errors import TrainingError
from training.sensors.clocks import NO_INSTANT

TEST_SHARE = 0.25


class Split(StrEnum):
    """How the rows are split.

    By time, the test rows are the last ones: the model is measured on a future that it has not seen, as it
    will be used. At random, each test row has neighbours a minute away that the model has seen.
    """

    TIME = "time"
    RANDOM = "random"


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
        timed = first != NO_INSTANT
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
