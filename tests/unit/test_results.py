"""Joining outputs to rows: by row number alone, and only when every row has come back exactly once."""

from __future__ import annotations

import math
import random
from datetime import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.domain.errors import OutputsIncomplete
from dropscore.domain.features import context_schema
from dropscore.domain.results import (
    REJECTS_SCHEMA,
    join,
    read_output,
    rejects_table,
    result_keys,
    result_schema,
    result_table,
)


def context(rows, keys=("device_id",)):
    return pa.Table.from_pylist(
        [
            {"row": row, "ts": datetime(2026, 1, 1), "actual": row / 2, **{k: f"{k}-{row}" for k in keys}}  # noqa: DTZ001
            for row in rows
        ],
        context_schema(keys),
    )


def output(lines):
    return "".join(f"{row},{prediction!r}\n" for row, prediction in lines).encode()


def joined_with(rows, data):
    """What becomes of rows with an output."""
    return join(rows, read_output(data))


FIRST = st.sampled_from([0, 1, 2**31, 2**62]) | st.integers(0, 2**62)
RUNS = st.builds(lambda first, rows: [*range(first, first + rows)], FIRST, st.integers(0, 30))
GAPS = st.sets(st.integers(0, 2**62), max_size=30).map(sorted) | st.sets(st.integers(0, 40)).map(sorted)
ROWS = RUNS | GAPS
"""Rows of a shard: all of them in a run, or with some rejected in between."""

SOME_ROWS = ROWS.filter(len)
ANY_ROW = st.integers(-(2**63), 2**63 - 1)


@given(rows=ROWS, seed=st.integers(0, 99), predictions=st.data())
def test_the_order_of_the_lines_does_not_matter(rows, seed, predictions):
    lines = [(row, predictions.draw(st.floats(allow_nan=False, allow_infinity=False))) for row in rows]
    shuffled = random.Random(seed).sample(lines, len(lines))  # noqa: S311 - a fixed shuffle
    joined = joined_with(context(rows), output(shuffled))
    assert [(r["row"], r["prediction"]) for r in joined.scored.to_pylist()] == lines
    assert joined.rejects.num_rows == 0


@given(rows=SOME_ROWS, data=st.data())
def test_a_row_that_is_missing_double_or_unknown_spoils_the_join(rows, data):
    row = data.draw(st.sampled_from(rows))
    lines = [(r, 1.0) for r in rows]
    with pytest.raises(OutputsIncomplete, match=f"1 rows missing .first: row {row}."):
        joined_with(context(rows), output([line for line in lines if line[0] != row]))
    with pytest.raises(OutputsIncomplete, match=f"1 rows there more than once .first: row {row}."):
        joined_with(context(rows), output([*lines, (row, 1.0)]))
    stranger = rows[-1] + 1
    with pytest.raises(OutputsIncomplete, match=f"1 rows not of this shard .first: row {stranger}."):
        joined_with(context(rows), output([*lines, (stranger, 1.0)]))


@given(rows=SOME_ROWS, data=st.data())
def test_as_many_lines_as_rows_are_joined_only_if_they_are_the_rows(rows, data):
    """Rows replaced by others: nearby, as far away as numbers go, or another of them a second time."""
    near = st.integers(max(0, rows[0] - 3), rows[-1] + 3)
    one_of_them = st.sampled_from(rows)

    def as_many(of):
        return st.lists(of, min_size=len(rows), max_size=len(rows))

    ways = [st.permutations(rows), *map(as_many, (one_of_them, near, one_of_them | ANY_ROW))]
    got = data.draw(data.draw(st.sampled_from(ways)))
    lines = [(row, float(place)) for place, row in enumerate(got)]
    if sorted(got) == rows:
        assert joined_with(context(rows), output(lines)).scored["prediction"].to_pylist() == [
            prediction for _, prediction in sorted(lines)
        ]
    else:
        with pytest.raises(OutputsIncomplete, match=f"of {len(rows)} rows: "):
            joined_with(context(rows), output(lines))


@given(rows=SOME_ROWS, seed=st.integers(0, 99), blank=st.sampled_from([b"\n", b"\n\n\n", b"\r\n\r\n"]))
def test_blank_lines_anywhere_change_nothing(rows, seed, blank):
    lines = [f"{row},{row / 3!r}".encode() for row in rows]
    shuffled = random.Random(seed).sample(lines, len(lines))  # noqa: S311 - a fixed shuffle
    data = b"\n" + blank.join(shuffled) + blank
    assert joined_with(context(rows), data).scored.equals(
        joined_with(context(rows), b"\n".join(lines)).scored
    )


@given(rows=SOME_ROWS, seed=st.integers(0, 99), data=st.data())
def test_every_row_is_either_scored_or_rejected_in_whatever_order_the_lines_are(rows, seed, data):
    predictions = {row: data.draw(st.sampled_from([0.5, math.nan, math.inf])) for row in rows}
    shuffled = random.Random(seed).sample([*predictions.items()], len(rows))  # noqa: S311 - a fixed shuffle
    joined = joined_with(context(rows), output(shuffled))
    assert joined.scored["row"].to_pylist() == [row for row in rows if predictions[row] == 0.5]
    assert joined.rejects["row"].to_pylist() == [row for row in rows if predictions[row] != 0.5]
    assert joined.scored["device_id"].to_pylist() == [
        f"device_id-{row}" for row in joined.scored["row"].to_pylist()
    ]


def quoted(data):
    """Every cell in quotes."""
    return b"".join(b'"%b"\n' % line.replace(b",", b'","') for line in data.splitlines())


STYLES = st.sampled_from([bytes, quoted]).flatmap(
    lambda cells: st.sampled_from(
        [
            cells,
            lambda data: cells(data).replace(b"\n", b"\r\n"),
            lambda data: cells(data).removesuffix(b"\n"),
            lambda data: cells(data).replace(b"\n", b"\r\n").removesuffix(b"\r\n"),
        ]
    )
)
"""What RFC 4180 leaves to who writes: quotes, CRLF or LF, an end of the last line."""


@given(rows=SOME_ROWS, style=STYLES, data=st.data())
def test_quotes_line_ends_and_the_last_newline_change_no_byte_of_what_is_read(rows, style, data):
    plain = output((row, data.draw(st.floats())) for row in rows)

    assert serialized(read_output(style(plain))) == serialized(read_output(plain))


@given(rows=SOME_ROWS, data=st.data())
def test_some_quoted_cells_among_others_are_read_as_the_others(rows, data):
    lines = output((row, row / 3) for row in rows).splitlines(keepends=True)
    mixed = b"".join(quoted(line) if data.draw(st.booleans()) else line for line in lines)

    assert serialized(read_output(mixed)) == serialized(read_output(b"".join(lines)))


def serialized(table):
    """A table's bytes in Arrow's format for streams."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def test_a_row_in_another_s_place_is_not_a_match():
    with pytest.raises(OutputsIncomplete, match=r"of 2 rows: 1 rows missing .*, 1 rows not of this shard"):
        joined_with(context([4, 5]), output([(4, 1.0), (6, 1.0)]))


def test_predictions_land_beside_their_own_row_s_context():
    joined = joined_with(context([3, 8], keys=("a", "b")), b"8,0.25\n3,-1e-3\n")
    assert joined.scored.column_names == ["row", "ts", "prediction", "actual", "a", "b"]
    assert [(r["row"], r["prediction"], r["actual"], r["b"]) for r in joined.scored.to_pylist()] == [
        (3, -0.001, 1.5, "b-3"),
        (8, 0.25, 4.0, "b-8"),
    ]


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-inf", "Infinity"])
def test_a_row_whose_prediction_is_not_finite_is_rejected_and_the_others_kept(text):
    joined = joined_with(context([0, 1, 2]), f"0,1.0\n1,{text}\n2,3.0\n".encode())
    assert joined.scored["row"].to_pylist() == [0, 2]
    assert joined.rejects.to_pylist() == [
        {"row": 1, "column": "prediction", "reason": "prediction is not finite"}
    ]


@pytest.mark.parametrize(
    "data", [b"0,1.5\n\n1,2.5\n\n\n", b"\n0,1.5\n1,2.5", b"0,1.5\r\n1,2.5\r\n", b"1,2.5\n0,1.5"]
)
def test_blank_lines_and_a_missing_last_newline_are_tolerated(data):
    assert joined_with(context([0, 1]), data).scored["prediction"].to_pylist() == [1.5, 2.5]


@pytest.mark.parametrize(
    "data",
    [
        b"[0.5, 0.25]",
        b"0\n1\n",
        b"0,1.5,7\n1,2.5,7\n",
        b"0,\n1,2\n",
        b",1\n1,2\n",
        b"0,None\n1,2\n",
        b"row,prediction\n0,1\n1,2\n",
        b'"0,1"\n"1,2"\n',
        b'"0","1"\n"1","2',
        b'"0","1\n1","2"\n',
        b'"0",""\n"1","2"\n',
        b"0,1.5\n1,2.5\ngarbage",
        b"\xff\xfe\x00",
        b"99999999999999999999,1\n1,2\n",
        b"0.5,1\n1,2\n",
    ],
)
def test_what_is_not_row_and_prediction_lines_is_incomplete(data):
    with pytest.raises(OutputsIncomplete, match="not `row,prediction` lines"):
        joined_with(context([0, 1]), data)


@pytest.mark.parametrize("data", [b"", b"\n", b" \n\n"])
def test_an_empty_output_lacks_every_row(data):
    with pytest.raises(OutputsIncomplete, match=r"of 2 rows: 2 rows missing .first: row 0."):
        joined_with(context([0, 1]), data)


def test_a_large_output_is_joined_whole():
    rows = range(200_000)
    shuffled = random.Random(1).sample(rows, len(rows))  # noqa: S311 - a fixed shuffle
    joined = joined_with(bare(rows), output((row, row / 4) for row in shuffled))
    assert joined.scored["prediction"].to_pylist() == [row / 4 for row in rows]


def bare(rows):
    """A context of rows alone."""
    table = pa.table({"row": pa.array(rows, pa.int64())})
    for field in [*context_schema(())][1:]:
        table = table.append_column(field, pa.nulls(len(rows), field.type))
    return table


def test_a_prediction_keeps_every_digit():
    number = math.nextafter(0.1, 1)
    assert joined_with(context([0]), output([(0, number)])).scored["prediction"].to_pylist() == [number]


def test_result_columns_are_the_fixed_ones_then_the_key_s_folders_then_the_spec_s_keys():
    joined = joined_with(context([7], keys=("device_id",)), b"7,1.5\n")
    table = result_table("d" * 20, {"company_id": "1", "sensor_id": "422"}, joined.scored)
    schema = result_schema(["company_id", "sensor_id", "device_id"])
    assert table.column_names == schema.names
    assert [(f.name, str(f.type)) for f in schema][:5] == [
        ("drop_id", "string"),
        ("row", "int64"),
        ("ts", "timestamp[us]"),
        ("prediction", "double"),
        ("actual", "double"),
    ]
    assert table.to_pylist() == [
        {
            "drop_id": "d" * 20,
            "row": 7,
            "ts": datetime(2026, 1, 1),  # noqa: DTZ001 - no zone in a result
            "prediction": 1.5,
            "actual": 3.5,
            "company_id": "1",
            "sensor_id": "422",
            "device_id": "device_id-7",
        }
    ]


def test_where_folder_and_spec_have_a_key_of_one_name_the_spec_s_wins():
    joined = joined_with(context([7]), b"7,1.5\n")
    assert result_keys({"device_id": "9", "site": "x"}, ["device_id"]) == ["site", "device_id"]
    (row,) = result_table("d", {"device_id": "9", "site": "x"}, joined.scored).to_pylist()
    assert (row["site"], row["device_id"]) == ("x", "device_id-7")


def test_rejects_carry_their_drop():
    joined = joined_with(context([0]), b"0,nan\n")
    table = rejects_table("d", joined.rejects)
    assert table.schema == REJECTS_SCHEMA
    assert table.to_pylist() == [
        {"drop_id": "d", "row": 0, "column": "prediction", "reason": "prediction is not finite"}
    ]
