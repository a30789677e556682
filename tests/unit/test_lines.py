"""The lines of a shard: the bytes that Arrow's own CSV writer would write, however they are made."""

from __future__ import annotations

import io
import math

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv

from dropscore.domain import lines as made
from dropscore.domain.lines import Lines, csv_bytes, csv_lines

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
EXTREMES = st.sampled_from(
    [
        0.0,
        -0.0,
        1e-323,
        5e-324,
        1.7976931348623157e308,
        1e15,
        1e16,
        1e17,
        123456789012345680.0,
        1e-5,
        0.1,
        -1e300,
    ]
)
COLUMNS = st.sampled_from(
    [
        (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
        (pa.uint64(), st.integers(0, 2**64 - 1)),
        (pa.int64(), st.integers(0, 1)),
        (pa.int64(), st.integers(0, 63)),
        (pa.uint64(), st.integers(0, 63)),
        (pa.int64(), st.integers(-1, 64)),
        (pa.float64(), FLOATS | EXTREMES),
        (pa.float64(), st.sampled_from([0.0, -0.0, 1.5])),
    ]
)


@st.composite
def features(draw):
    """Rows of numbers, few or so many that columns are not taken for repetitive."""
    kinds = draw(st.lists(COLUMNS, min_size=1, max_size=6))
    rows = draw(st.integers(1, 30))
    first = draw(st.sampled_from([0, 9, 95, 10**12]))
    over = draw(st.sampled_from([1, 1, 100]))
    values = [draw(st.lists(kind, min_size=rows, max_size=rows)) for _, kind in kinds]
    columns = [pa.array(column * over, t) for (t, _), column in zip(kinds, values, strict=True)]
    return rows_of(columns, first)


def rows_of(columns, first=0):
    names = ["row", *(f"f{n}" for n in range(len(columns)))]
    return pa.RecordBatch.from_arrays([pa.arange(first, first + len(columns[0])), *columns], names=names)


def written(batch):
    """What Arrow's writer makes of it."""
    sink = io.BytesIO()
    csv.write_csv(batch, sink, csv.WriteOptions(include_header=False, quoting_style="none"))
    return sink.getvalue()


@settings(max_examples=300, deadline=None)
@given(features())
def test_they_are_what_arrow_s_csv_writer_writes_to_the_byte(batch):
    assert csv_bytes([csv_lines(batch)]) == written(batch)


@settings(max_examples=100, deadline=None)
@given(features(), st.data())
def test_a_slice_has_the_bytes_of_its_rows(batch, data):
    first = data.draw(st.integers(0, batch.num_rows))
    rows = data.draw(st.none() | st.integers(0, batch.num_rows + 1))
    lines = csv_lines(batch).slice(first, rows)
    part = batch.slice(first, rows)
    assert len(lines) == part.num_rows
    assert bytes(lines.csv) == (written(part) if part.num_rows else b"")
    inner = lines.slice(1, 2)
    assert bytes(inner.csv) == b"".join(bytes(lines.csv).splitlines(keepends=True)[1:3])


@settings(max_examples=50, deadline=None)
@given(features(), st.data())
def test_of_columns_that_are_slices_it_is_the_slice_that_counts(batch, data):
    first = data.draw(st.integers(0, batch.num_rows - 1))
    part = batch.slice(first)
    assert csv_bytes([csv_lines(part)]) == written(part)


def test_zero_and_minus_zero_stay_apart_among_values_that_repeat():
    zeros = pa.array([0.0, -0.0] * 5_000)
    lines = bytes(csv_lines(rows_of([zeros])).csv).decode().splitlines()
    assert [math.copysign(1, float(line.split(",")[1])) for line in lines] == [1, -1] * 5_000


def test_a_column_that_repeats_itself_only_at_first_is_written_right():
    values = pa.array([1.5] * 5_000 + [n / 7 for n in range(5_000)])
    batch = rows_of([values])
    assert csv_bytes([csv_lines(batch)]) == written(batch)


@pytest.mark.parametrize("columns", [3, 7, 300])
def test_many_columns_of_small_numbers_do_not_make_a_large_table(columns):
    small = [pa.array([n % 60, 0, 63], pa.int64()) for n in range(columns)]
    batch = rows_of(small)
    made._table.cache_clear()
    assert csv_bytes([csv_lines(batch)]) == written(batch)
    assert made._table.cache_info().currsize <= 4
    assert all(len(group.sizes) <= 16 for group in made._groups([pa.array([0, 1])] * 40))


def test_columns_of_nothing_but_zeros_are_looked_up_as_well():
    batch = rows_of([pa.array([0, 0, 0])] * 50)
    assert csv_bytes([csv_lines(batch)]) == written(batch)


@pytest.mark.parametrize("columns", [[pa.array([], pa.int64())], [pa.array([], pa.float64())] * 2])
def test_no_rows_have_no_bytes(columns):
    lines = csv_lines(rows_of(columns))
    assert (len(lines), bytes(lines.csv), csv_bytes([lines, lines])) == (0, b"", b"")
    assert bytes(Lines(pa.array([], pa.string())).csv) == b""
