"""How far the predictions of a result are from the actuals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorStatistics:
    """The errors `prediction - actual` of a result's rows that have an actual, where they are finite numbers.

    Attributes
    ----------
    rows
        How many rows that are; at least 1.
    mean_absolute, root_mean_square
        Of the errors, exact but for rounding.
    median_absolute, p95_absolute
        The smallest absolute error that half, or 95 %, of the rows do not exceed; within 0.2 %
        (`measuring.RELATIVE_ERROR`), 0 for less than 1e-307.
    """

    rows: int
    mean_absolute: float
    median_absolute: float
    p95_absolute: float
    root_mean_square: float
