"""DuckDB over the results bucket's layout, by the manual's own lines, sees what results are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from dropscore.domain.results import result_schema
from tests.readers.glue_table import predictions_table
from tests.readers.manual import blocks
from tests.simulation.world import World

DUCKDB_TYPES = {
    "string": "VARCHAR",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "timestamp": "TIMESTAMP",
    "double": "DOUBLE",
}


@pytest.fixture
def database(bucket_folder: Path) -> duckdb.DuckDBPyConnection:
    """The manual's view of the bucket, over a folder in its place."""
    (view,) = [block for block in blocks("sql") if "CREATE VIEW" in block]
    connection = duckdb.connect()
    connection.execute(view.replace("s3://dropscore-results", str(bucket_folder)))
    return connection


def rows_of(world: World) -> list[dict[str, Any]]:
    """Every row of every result, read one by one with pyarrow, under its partitions."""
    rows = []
    for item in world.all_items("drop#"):
        drop = world.drop(item["drop_id"])
        assert drop.result_uri is not None
        folders = dict(part.split("=") for part in drop.result_uri.split("/")[4:-1])
        partition = {**folders, "model_version": int(folders["model_version"])}
        rows += [{**row, **partition} for row in world.result(drop.drop_id).to_pylist()]
    return sorted(rows, key=lambda row: (row["drop_id"], row["row"]))


def test_it_sees_every_row_of_every_result_under_its_partitions(
    world: World, database: duckdb.DuckDBPyConnection
) -> None:
    seen = database.sql("SELECT * FROM predictions ORDER BY drop_id, row").to_arrow_table().to_pylist()

    expected = rows_of(world)
    assert len(expected) == 5 + 3 + 0 + 4 + 3
    assert [{name: row.get(name) for name in seen[0]} for row in expected] == seen
    assert {(row["model_version"], row["scored_date"]) for row in seen} == {
        (1, "2026-03-01"),
        (2, "2026-03-02"),
    }


def test_its_columns_are_those_of_the_glue_table_then_the_keys_then_the_partitions(
    database: duckdb.DuckDBPyConnection,
) -> None:
    described = {name: kind for name, kind, *_ in database.sql("DESCRIBE predictions").fetchall()}

    table = predictions_table()
    keys = ("company_id", "sensor_id", "device_id")
    assert set(described) == {*table.columns, *keys, *table.partitions}
    for name, kind in {**table.columns, **table.partitions}.items():
        assert described[name] == DUCKDB_TYPES[kind], name
    assert {described[name] for name in keys} == {"VARCHAR"}


def test_a_result_alone_has_the_columns_of_the_table(world: World, bucket_folder: Path) -> None:
    (drop_id,) = [
        item["drop_id"] for item in world.all_items("drop#") if item["source_key"] == "plain.parquet"
    ]
    (file,) = bucket_folder.glob(f"predictions/**/{drop_id}.parquet")

    alone = duckdb.read_parquet(str(file), hive_partitioning=False).to_arrow_table()

    assert alone.schema.names == [*predictions_table().columns, "device_id"]
    assert alone.schema.remove_metadata().equals(pa.schema(result_schema(["device_id"])))
