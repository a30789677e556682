"""Error statistics: against numpy, whatever the numbers, in blocks of any size."""

from __future__ import annotations

import math
import tracemalloc
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.domain.measuring import RELATIVE_ERROR, Accuracy

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)
MODERATE = st.floats(-1e6, 1e6) | st.floats(-1e100, 1e100)
CUTS = st.lists(st.integers(0, 60), max_size=3)


def column(values):
    return pa.chunked_array([pa.array(values, pa.float64())])


def statistics(predictions, actuals, *cuts):
    """Of rows that come in blocks, cut at these places."""
    accuracy = Accuracy()
    places = sorted({0, len(predictions), *(cut % (len(predictions) + 1) for cut in cuts)})
    for start, end in pairwise(places):
        accuracy.add(column(predictions[start:end]), column(actuals[start:end]))
    return accuracy.statistics


def rows_of(predictions, actuals):
    return st.lists(st.tuples(predictions, st.none() | actuals), min_size=1, max_size=60)


def close(found, expected, relative=1e-14):
    return found == pytest.approx(expected, rel=relative, abs=5e-324)


def within_a_bin(found, errors, share):
    """Whether it is the error that this share of the rows do not exceed."""
    exact = np.quantile(errors, share, method="inverted_cdf")
    return abs(found - exact) <= max(exact * RELATIVE_ERROR, 1e-307)


@given(rows=rows_of(MODERATE, MODERATE), cuts=CUTS)
def test_the_statistics_are_numpys(rows, cuts):
    predictions, actuals = zip(*rows, strict=True)
    known = [(p, a) for p, a in rows if a is not None]
    found = statistics(predictions, actuals, *cuts)
    if not known:
        assert found is None
        return
    errors = np.abs(np.array([p for p, _ in known]) - np.array([a for _, a in known]))
    assert found.rows == len(known)
    assert close(found.mean_absolute, math.fsum(errors) / len(errors))
    largest = errors.max() or 1.0
    assert close(found.root_mean_square, largest * np.sqrt(np.mean((errors / largest) ** 2)))
    assert within_a_bin(found.median_absolute, errors, 0.5)
    assert within_a_bin(found.p95_absolute, errors, 0.95)


@given(rows=rows_of(FINITE, st.floats(width=64)), cuts=CUTS)
def test_whatever_the_actuals_are_the_statistics_are_finite_and_in_proportion(rows, cuts):
    predictions, actuals = zip(*rows, strict=True)
    with np.errstate(all="ignore"):
        errors = np.abs(np.array(predictions) - np.array([np.nan if a is None else a for a in actuals]))
    errors = errors[np.isfinite(errors)]
    found = statistics(predictions, actuals, *cuts)
    if not len(errors):
        assert found is None
        return
    assert found.rows == len(errors)
    numbers = (
        found.mean_absolute,
        found.root_mean_square,
        found.median_absolute,
        found.p95_absolute,
    )
    assert all(map(math.isfinite, numbers))
    slack = 1 + 1e-14
    assert found.mean_absolute <= found.root_mean_square * slack + 5e-324
    assert errors.min() / slack - 5e-324 <= found.mean_absolute
    assert found.root_mean_square / slack <= errors.max() + 5e-324
    assert within_a_bin(found.median_absolute, errors, 0.5)
    assert within_a_bin(found.p95_absolute, errors, 0.95)


def test_without_a_row_or_without_an_actual_there_are_none():
    assert Accuracy().statistics is None
    assert statistics([1.0, 2.0], [None, None]) is None
    assert statistics([1.0, 2.0], [math.nan, math.inf]) is None


def test_rows_without_an_actual_do_not_count():
    found = statistics([1.0, 2.0, 9.0], [0.0, None, math.nan])
    assert (found.rows, found.mean_absolute, found.root_mean_square) == (1, 1.0, 1.0)


def test_an_actual_that_is_no_number_spoils_none_of_the_others():
    found = statistics([1e-5, 3e-5, 0.0, 0.0], [0.0, 0.0, math.nan, -math.inf])
    assert (found.rows, close(found.mean_absolute, 2e-5)) == (2, True)
    assert close(found.root_mean_square, math.sqrt(5e-10))


def test_perfect_predictions_have_no_error_at_all():
    found = statistics([1.0, -2.0, 1e300], [1.0, -2.0, 1e300])
    assert set(vars(found).values()) == {3, 0.0}


@pytest.mark.parametrize("error", [5e-324, 1e-310, 1e-200, 1.0, 1e200, 1.7976931348623157e308])
def test_one_error_of_any_size_is_all_its_means(error):
    for rows in (1, 7):
        found = statistics([error] * rows, [0.0] * rows)
        assert close(found.mean_absolute, error)
        assert close(found.root_mean_square, error)


def test_small_errors_beside_huge_ones_still_have_their_median():
    found = statistics([1e-300, 1e-300, 1e-300, 1e300], [0.0] * 4, 2)
    assert found.median_absolute == pytest.approx(1e-300, rel=RELATIVE_ERROR)
    assert close(found.root_mean_square, 5e299)


def test_a_mean_of_many_small_errors_is_not_lost_beside_a_large_one():
    found = statistics([2.0**53, *[1.0] * 100_000], [0.0] * 100_001, *range(1, 100_001, 1_000))
    assert found.mean_absolute == (2**53 + 100_000) / 100_001


def test_the_blocks_make_no_difference():
    rng = np.random.default_rng(0)
    predictions, actuals = rng.normal(0, 1, 5_000), rng.normal(0, 3, 5_000)
    whole, pieces = statistics(predictions, actuals), statistics(predictions, actuals, *range(0, 5_000, 7))
    assert (whole.median_absolute, whole.p95_absolute) == (pieces.median_absolute, pieces.p95_absolute)
    assert close(whole.mean_absolute, pieces.mean_absolute)
    assert close(whole.root_mean_square, pieces.root_mean_square)


def test_memory_does_not_grow_with_the_rows():
    """Errors whose bits are random take the most bins that there can be."""
    rng, accuracy = np.random.default_rng(0), Accuracy()
    zeros = column(np.zeros(65_536))
    sizes = []
    tracemalloc.start()
    for _ in range(60):
        bits = rng.integers(0, 0x7FF0_0000_0000_0000, 65_536)
        accuracy.add(column(bits.view(np.float64)), zeros)
        sizes.append(accuracy._bins.nbytes + tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert accuracy.statistics.rows == 60 * 65_536
    assert max(sizes) < 2_048 * 256 * 16 + 2**20
