"""Key columns of results: from the file or its path, one text per value, readable by everybody."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dropscore.domain.keys import context_key
from dropscore.domain.window import Window
from dropscore.files.pages import Pages
from dropscore.files.rows import csv_rows, json_rows
from tests.simulation.arrivals import parquet
from tests.simulation.world import World

LATIN1 = "café".encode("latin-1")
LOAD = {"load": pa.array([1.0, 2.0, 3.0])}


def called_text(*values: bytes | None) -> pa.Array:
    """A column as writers leave it that call bytes STRING and do not look at them."""
    return pa.array(values, pa.binary()).view(pa.string())


def without(name: str) -> bytes:
    """A file that lacks a column."""
    sink = pa.BufferOutputStream()
    whole = pq.read_table(pa.BufferReader(parquet(3)))
    pq.write_table(whole.drop_columns([name]), sink)
    return bytes(sink.getvalue())


def test_a_row_whose_key_is_not_utf8_is_rejected_and_the_others_are_scored(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(3, device_id=called_text(b"one", LATIN1, None)))
    world.run()
    drop = world.drop(drop_id)
    assert (drop.state, drop.rows_in, drop.rows_scored, drop.rows_rejected) == ("SCORED", 3, 2, 1)
    assert world.result(drop_id)["device_id"].to_pylist() == ["one", None]
    reject = {"drop_id": drop_id, "row": 1, "column": "device_id", "reason": "device_id is not UTF-8 text"}
    assert world.rejects(drop_id) == [reject]


def test_a_file_whose_keys_are_all_unreadable_is_rejected_with_the_column(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(3, device_id=called_text(*[LATIN1] * 3)))
    world.run()
    drop = world.drop(drop_id)
    assert (drop.state, drop.reason) == (
        "REJECTED",
        "none of the 3 rows can be scored: device_id is not UTF-8 text: 3 rows (first: row 0)",
    )


@pytest.mark.parametrize(
    ("folder", "value"),
    [
        ("device_id=dev%2F1", "dev/1"),
        ("device_id=1%0A2", "1\n2"),
        ("device_id=1\n2", "1\n2"),
        ("device_id=__HIVE_DEFAULT_PARTITION__", None),
        ("device_id=", ""),
        ("device_id=caf%E9", "caf%E9"),
    ],
)
def test_a_key_is_the_folder_where_the_file_lacks_it(world: World, folder: str, value: str | None) -> None:
    world.approve()
    drop_id = world.put(f"site=7/{folder}/a.parquet", without("device_id"))
    world.run()
    result = world.result(drop_id)
    assert result["device_id"].to_pylist() == [value] * 3
    assert result["site"].to_pylist() == ["7"] * 3
    assert result.schema.field("device_id").type == pa.string()


def test_a_file_without_rows_has_the_same_key_columns(world: World) -> None:
    world.approve()
    body = parquet(0, load=pa.array([], pa.float64()))
    drop_id = world.put("site=__HIVE_DEFAULT_PARTITION__/a.parquet", body)
    world.run()
    assert world.result(drop_id).column_names[-2:] == ["site", "device_id"]


def test_the_column_counts_where_file_and_folder_have_the_key(world: World) -> None:
    world.approve()
    drop_id = world.put("device_id=2/a.parquet", parquet(3))
    world.run()
    assert world.result(drop_id)["device_id"].to_pylist() == ["1"] * 3


def test_a_key_that_neither_has_is_missed_by_name(world: World) -> None:
    world.approve()
    drop_id = world.put("site=7/a.parquet", without("device_id"))
    world.run()
    reason = "column 'device_id' is missing; the file has: 'ts', 'load'; its folders name: 'site'"
    assert (world.states(drop_id), world.drop(drop_id).reason) == (["REJECTED"], reason)


@pytest.mark.parametrize("folder", ["Device_ID=1", "DROP_ID=1", "Site=1/site=2", "Scored_Date=x"])
def test_folders_that_sql_does_not_tell_apart_are_refused(world: World, folder: str) -> None:
    world.approve()
    drop_id = world.put(f"{folder}/a.parquet", parquet(3))
    world.run()
    assert world.states(drop_id) == ["REJECTED"]
    assert "rename it" in str(world.drop(drop_id).reason)


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array([1, 2, None], pa.decimal128(38, 10)), ["1", "2", None]),
        (pa.array([1.0, 2.0, None]), ["1", "2", None]),
        (pa.array([b"RED", b"", None]), ["RED", "", None]),
        (pa.array(["{}", "[]", None], pa.json_()), ["{}", "[]", None]),
        (pa.array([bytes(16), b"\xab" * 16, None], pa.uuid()), ["0" * 8, "ab" * 4, None]),
        (
            pa.array([0, 1_500, None], pa.timestamp("ms", "Europe/Berlin")),
            ["1970-01-01T00:00:00Z", "1970-01-01T00:00:01.5Z", None],
        ),
    ],
)
def test_a_value_has_one_text_whatever_its_type(world: World, column: pa.Array, texts: list[Any]) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(3, device_id=column))
    world.run()
    found = world.result(drop_id)["device_id"].to_pylist()
    if isinstance(column.type, pa.UuidType):
        found = [text and text[:8] for text in found]
    assert found == texts


def test_what_an_earlier_version_kept_is_joined_without_the_unreadable_rows(world: World) -> None:
    """GIVEN a drop that was prepared before keys were looked at THEN its result can be read by everybody."""
    world.approve()
    drop_id = world.put("a.parquet", parquet(3, **LOAD))
    world.deliver_inbox()
    key, kept = context_key(drop_id, 1), world.adapters.work
    table = pq.read_table(pa.BufferReader(kept.read(key)))
    told = pq.read_metadata(pa.BufferReader(kept.read(key))).metadata
    spoiled = table.set_column(3, "device_id", called_text(b"one", LATIN1, b"two"))
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, spoiled.schema, store_schema=False) as writer:
        writer.write_table(spoiled)
        writer.add_key_value_metadata(told)
    kept.put(key, bytes(sink.getvalue()), "application/vnd.apache.parquet")
    world.run()
    drop = world.drop(drop_id)
    assert (drop.rows_in, drop.rows_scored, drop.rows_rejected) == (3, 2, 1)
    assert world.result(drop_id)["device_id"].to_pylist() == ["one", "two"]
    assert [reject["reason"] for reject in world.rejects(drop_id)] == ["device_id is not UTF-8 text"]


def test_a_result_that_an_earlier_version_wrote_is_read_with_marks(world: World) -> None:
    sink = pa.BufferOutputStream()
    keys = called_text(b"one", LATIN1, None)
    columns = {"drop_id": ["d"] * 3, "row": [0, 1, 2], "prediction": [0.5] * 3, "device_id": keys}
    pq.write_table(pa.table(columns), sink, store_schema=False)
    world.results.put("predictions/old.parquet", bytes(sink.getvalue()), "application/vnd.apache.parquet")
    page = Pages(world.results).page("predictions/old.parquet", 3, Window(0, 9))
    told = [json.loads(row)["device_id"] for row in json_rows(page, 4_000_000).rows]
    assert told == ["one", "caf�", None]
    assert csv_rows(page, 4_000_000).rows[2] == "1,0.5,caf�"
