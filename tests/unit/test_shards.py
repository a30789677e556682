"""Shards: every row that can be scored, once, in order, in the exact digits."""

from __future__ import annotations

import math
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.domain.features import Extraction
from dropscore.domain.keys import base_name, manifest_entry
from dropscore.domain.shards import ROW_GROUP
from dropscore.domain.spec import FeatureSpec
from tests.unit.builders import convert_batches

SPEC = FeatureSpec(("x", "n"), target="x", keys=("n",))
SCHEMA = pa.schema([("x", pa.float64()), ("n", pa.int64())])
ROWS = st.lists(st.tuples(st.floats() | st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=40)


def in_batches(rows, sizes):
    """The rows, cut into batches of the given sizes, over and over."""
    start = 0
    while start < len(rows):
        for size in sizes:
            part = rows[start : start + size]
            yield pa.RecordBatch.from_pylist([{"x": x, "n": n} for x, n in part], SCHEMA)
            start += size


def converted(rows, sizes=(7,), shard_rows=4):
    return convert_batches(Extraction.bind(SPEC, SCHEMA), in_batches(rows, sizes), shard_rows=shard_rows)


@given(ROWS, st.lists(st.integers(0, 9), min_size=1, max_size=3).filter(any), st.integers(1, 12))
def test_every_row_is_in_one_shard_or_rejected_and_read_back_exactly(rows, sizes, shard_rows):
    found = converted(rows, sizes, shard_rows)
    fine = [(row, x, n) for row, (x, n) in enumerate(rows) if x is not None and math.isfinite(x)]
    # the shards, read as the model's container reads them, are the rows, in order
    assert [(row, x) for row, x, _ in found.lines] == [(row, x) for row, x, _ in fine]
    assert [line.decode().rsplit(",", 1)[1] for s in found.shards for line in s.csv.splitlines()] == [
        str(n) for _, _, n in fine
    ]
    # and the rest is rejected
    assert set(found.rejected) == set(range(len(rows))) - {row for row, _, _ in fine}
    # the context lies beside them, line by line
    assert [(c["row"], c["actual"], c["n"]) for c in found.context] == [
        (row, x, str(n)) for row, x, n in fine
    ]


@given(ROWS, st.integers(1, 12))
def test_every_shard_but_the_last_is_full_and_none_is_empty(rows, shard_rows):
    shards = converted(rows, shard_rows=shard_rows).shards
    sizes = [shard.context.num_rows for shard in shards]
    assert [len(shard.csv.splitlines()) for shard in shards] == sizes
    assert all(size == shard_rows for size in sizes[:-1])
    assert all(0 < size <= shard_rows for size in sizes)
    assert [shard.number for shard in shards] == list(range(len(shards)))


def test_how_a_drop_is_cut_into_batches_changes_nothing():
    rows = [(float(n) / 7, n) for n in range(50)]
    whole = converted(rows, sizes=(50,), shard_rows=8)
    for sizes in ((1,), (3, 0, 11), (8,), (49, 1)):
        assert [s.csv for s in converted(rows, sizes, 8).shards] == [s.csv for s in whole.shards]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_written_in_the_shortest_exact_form(number):
    (shard,) = converted([(number, 0)]).shards
    text = shard.csv.decode().split(",")[1]
    assert math.copysign(1, float(text)) == math.copysign(1, number)
    assert float(text) == number
    digits = [c for c in text.split("e")[0] if c.isdigit()]
    shortest = [c for c in repr(number).split("e")[0] if c.isdigit()]
    assert len("".join(digits).strip("0")) <= len("".join(shortest).strip("0"))


def test_a_shard_has_no_header_no_quotes_no_blank_line_and_ends_with_a_newline():
    (shard,) = converted([(1.5, 2), (1e300, -1)]).shards
    assert shard.csv == b"0,1.5,2\n1,1e+300,-1\n"


def test_a_batch_without_a_row_that_can_be_scored_leaves_no_trace_in_the_shard():
    """Arrow's CSV writer writes stray memory for a table that starts with an empty batch."""
    found = converted([(None, 0)] * 6 + [(0.5, 1)], sizes=(3,))
    assert [shard.csv for shard in found.shards] == [b"6,0.5,1\n"]


def test_booleans_and_uint64_are_plain_numbers():
    batch = pa.RecordBatch.from_pydict(
        {"b": pa.array([True, False]), "u": pa.array([2**64 - 1, 0], pa.uint64())}
    )
    found = convert_batches(Extraction.bind(FeatureSpec(("b", "u")), batch.schema), [batch])
    assert found.shards[0].csv == b"0,1,18446744073709551615\n1,0,0\n"


def sized(rows, shard_bytes, columns=1):
    """How many lines and bytes each shard of a file of integers has."""
    schema = pa.schema([(f"x{n}", pa.int64()) for n in range(columns)])
    extraction = Extraction.bind(FeatureSpec(tuple(schema.names)), schema)
    batches = (
        pa.RecordBatch.from_arrays([pa.arange(10**9 + start, 10**9 + end)] * columns, schema=schema)
        for start, end in pairwise([*range(0, rows, ROW_GROUP), rows])
    )
    shards = convert_batches(extraction, batches, rows=rows, shard_bytes=shard_bytes).shards
    return [(shard.context.num_rows, len(shard.csv)) for shard in shards]


@pytest.mark.parametrize("columns", [1, 5])
def test_shards_are_whole_row_groups_of_about_the_size_that_is_wanted(columns):
    wanted = 4 * 1024 * 1024
    *full, last = sized(10 * ROW_GROUP + 5, wanted, columns)
    assert {rows % ROW_GROUP for rows, _ in full} == {0}
    assert len({rows for rows, _ in full}) == 1
    line = 6 + 1 + columns * 11  # the row number's digits, then a comma or newline and ten digits each
    assert all(wanted - ROW_GROUP * line < size <= wanted for _, size in full)
    assert sum(rows for rows, _ in full) + last[0] == 10 * ROW_GROUP + 5


def test_a_shard_has_one_row_group_at_least_however_wide_the_rows_are():
    assert [rows for rows, _ in sized(2 * ROW_GROUP + 3, 1000)] == [ROW_GROUP, ROW_GROUP, 3]


def test_a_shard_s_name_holds_drop_attempt_and_number_and_nothing_s3_or_sagemaker_could_mangle():
    assert base_name("0123456789abcdef0123", 2, 7) == "0123456789abcdef0123-2-00007.csv"
    assert manifest_entry("ab", 2, 7) == "ab/2/ab-2-00007.csv"
