"""Measuring how far predictions are from the actuals, in flat memory, however many rows there are."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import pyarrow as pa
import pyarrow.compute as pc

from dropscore.domain.accuracy import ErrorStatistics

MEDIAN = Fraction(1, 2)
P95 = Fraction(19, 20)

RELATIVE_ERROR = 2**-9
"""How far a quantile may be from the error that it stands for, as a share of it: less than 0.2 %."""

_MANTISSA_BITS = 52
_KEPT_BITS = 8
_SHIFT = _MANTISSA_BITS - _KEPT_BITS
"""A bin is a float's exponent and the first bits of its mantissa (IEEE 754, binary64)."""

_BINS = pa.schema([("bin", pa.int64()), ("rows", pa.int64())])

_SAFE = 2.0**400
"""Where a block's sum is below, and its mean above the inverse, its squares neither overflow nor vanish."""

_RESCALE = 2.0**600


class Accuracy:
    """Gathers the errors of a result while it is written, a block of rows at a time.

    Means come from exact sums of the blocks' sums, which Arrow adds up pairwise. Quantiles come from counts
    of bins whose relative width is bounded, as in DDSketch (Masson, Rim, Lee: "DDSketch: a fast and
    fully-mergeable quantile sketch with relative-error guarantees", PVLDB 12(12), 2019). A float's leading
    bits are its bin, which takes no logarithm; there are at most 2,047 x 256 bins.
    """

    def __init__(self) -> None:
        self._rows = 0
        self._absolute = Fraction()
        self._squares = Fraction()
        self._bins = _BINS.empty_table()

    def add(self, predictions: pa.ChunkedArray, actuals: pa.ChunkedArray) -> None:
        """Take in a block of rows: float64 both, predictions finite, actuals null where there are none."""
        if actuals.null_count == len(actuals):
            return
        errors = pc.abs(pc.subtract(predictions, actuals)).combine_chunks().drop_null()
        total = pc.sum(errors).as_py()
        if not math.isfinite(total):
            errors = errors.filter(pc.is_finite(errors))
            total = pc.sum(errors).as_py()  # which may still be more than a float can have
        if len(errors):
            self._take(errors, _scale(total, len(errors)))

    @property
    def statistics(self) -> ErrorStatistics | None:
        """Of all rows so far; None when no row has an actual to compare with."""
        if not self._rows:
            return None
        return ErrorStatistics(
            self._rows,
            _nearest(self._absolute / self._rows),
            self._quantile(MEDIAN),
            self._quantile(P95),
            _square_root(self._squares / self._rows),
        )

    def _take(self, errors: pa.Array, scale: float) -> None:
        """Take in finite absolute errors, of which there are some; their squares are had at a scale."""
        scaled = errors if scale == 1 else pc.multiply(errors, scale)
        self._rows += len(errors)
        self._absolute += Fraction(pc.sum(scaled).as_py()) / Fraction(scale)
        self._squares += Fraction(pc.sum(pc.multiply(scaled, scaled)).as_py()) / Fraction(scale) ** 2
        counts = pc.value_counts(pc.shift_right(errors.view(pa.int64()), _SHIFT))
        block = pa.table([counts.field("values"), counts.field("counts")], schema=_BINS)
        self._bins = _each_once(pa.concat_tables([self._bins, block]))

    def _quantile(self, share: Fraction) -> float:
        rank = math.ceil(share * self._rows)
        reached = pc.greater_equal(pc.cumulative_sum(self._bins["rows"]), rank)
        return _middle(self._bins["bin"][pc.index(reached, True).as_py()].as_py())


def _each_once(bins: pa.Table) -> pa.Table:
    """Bins that are there several times, each once with all its rows, ascending.

    What `group_by` would do, without loading Arrow's query engine for it.
    """
    ordered = bins.take(pc.sort_indices(bins["bin"])).combine_chunks()
    runs = pc.run_end_encode(ordered["bin"].chunk(0))
    so_far = pc.cumulative_sum(ordered["rows"].chunk(0)).take(pc.subtract(runs.run_ends, 1))
    rows = pc.subtract(so_far, pa.concat_arrays([pa.array([0], pa.int64()), so_far[:-1]]))
    return pa.table([runs.values, rows], schema=_BINS)


def _scale(total: float, rows: int) -> float:
    """The power of two that keeps the squares of errors with this sum within a float's range.

    The largest of them is between their mean and their sum.
    """
    if total > _SAFE:
        return 1 / _RESCALE
    return _RESCALE if 0 < total < rows / _SAFE else 1.0


def _middle(place: int) -> float:
    """The middle of a bin; 0 of the first, which has 0 itself."""
    bits = (place << _SHIFT) + (1 << (_SHIFT - 1)) if place else 0
    return float(struct.unpack("<d", struct.pack("<q", bits))[0])


def _nearest(number: Fraction) -> float:
    """The float for it, the largest one where rounding has put it beyond."""
    try:
        return float(number)
    except OverflowError:
        return math.nextafter(math.inf, 0)


def _square_root(number: Fraction) -> float:
    """Its square root, even where the number is beyond a float's range: that of 128 bits of it."""
    if not number:
        return 0.0
    shift = 128 - (number.numerator.bit_length() - number.denominator.bit_length())
    shift += shift % 2
    scaled = number * Fraction(2) ** shift
    return _nearest(Fraction(math.isqrt(int(scaled))) / Fraction(2) ** (shift // 2))
