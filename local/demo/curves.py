"""Rows thinned to curves: a drop's predictions and actuals, grouped along time or row number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_BINS = 800
"""About two pixels of the chart's width each."""

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_STEPS = (
    (1.0, "1-second"),
    (_MINUTE, "1-minute"),
    (5 * _MINUTE, "5-minute"),
    (15 * _MINUTE, "15-minute"),
    (_HOUR, "1-hour"),
    (3 * _HOUR, "3-hour"),
    (12 * _HOUR, "12-hour"),
    (_DAY, "1-day"),
    (7 * _DAY, "7-day"),
    (30 * _DAY, "30-day"),
)


@dataclass(frozen=True)
class Points:
    """The rows of a drop that a chart is made of, each of shape (n,), float64.

    Attributes
    ----------
    x
        Seconds since 1970, or row numbers; NaN where a row has no timestamp.
    is_time
        Which of the two.
    prediction
        Finite.
    actual
        NaN where there is none.
    """

    x: Floats
    is_time: bool
    prediction: Floats
    actual: Floats


@dataclass(frozen=True)
class Curves:
    """What is drawn, one value a bin, NaN in bins without rows.

    Attributes
    ----------
    x
        Middle of each bin, in the unit of ``Points.x``; not beyond the first and last row.
    step
        What a bin is, for a reader: "1-hour", "1-minute", or "54-row".
    predicted, actual
        Means.
    low, high
        Means of the lowest and of the highest quarter of the actuals: how far they spread. Percentiles of
        whole numbers would jump from one bin to the next.
    """

    x: Floats
    step: str
    predicted: Floats
    actual: Floats
    low: Floats
    high: Floats


def curves(points: Points) -> Curves:
    """Group rows into at most ``MAX_BINS`` bins of equal, round width.

    Parameters
    ----------
    points
        In any order, at least one row with an x.

    Returns
    -------
    Curves
        In ascending x.
    """
    placed = np.isfinite(points.x)
    x = points.x[placed]
    width, step = (_time_step if points.is_time else _row_step)(float(np.ptp(x)))
    first = np.floor(x.min() / width)
    bins = (x // width - first).astype(np.int64)
    count = int(bins.max()) + 1
    group = _grouped(bins, count)
    actual, predicted = points.actual[placed], points.prediction[placed]
    return Curves(
        x=np.clip((first + np.arange(count) + 0.5) * width, x.min(), x.max()),
        step=step,
        predicted=group(predicted, np.mean),
        actual=group(actual, np.mean),
        low=group(actual, lambda values: np.mean(np.sort(values)[: _quarter(values)])),
        high=group(actual, lambda values: np.mean(np.sort(values)[-_quarter(values) :])),
    )


def _quarter(values: Floats) -> int:
    """A quarter of so many values, at least one."""
    return max(1, len(values) // 4)


def _row_step(span: float) -> tuple[float, str]:
    """The rows of a bin that covers a span with few enough bins, and the bin's name."""
    rows = int(span // (MAX_BINS - 1)) + 1
    return float(rows), f"{rows}-row"


def _time_step(span: float) -> tuple[float, str]:
    """The seconds of a round bin that covers a span with few enough bins, and the bin's name."""
    years = int(span // ((MAX_BINS - 1) * 365 * _DAY)) + 1
    steps = (*_STEPS, (years * 365 * _DAY, f"{years}-year"))
    return next((width, name) for width, name in steps if span / width < MAX_BINS - 1)


Reduction = Callable[[Floats], np.float64]


def _grouped(bins: NDArray[np.int64], count: int) -> Callable[[Floats, Reduction], Floats]:
    """A function that reduces the finite values of each bin to one number."""
    order = np.argsort(bins, kind="stable")
    borders = np.searchsorted(bins[order], np.arange(1, count))

    def reduce(values: Floats, reduction: Reduction) -> Floats:
        parts = (part[np.isfinite(part)] for part in np.split(values[order], borders))
        return np.array([reduction(part) if len(part) else np.nan for part in parts], dtype=np.float64)

    return reduce
