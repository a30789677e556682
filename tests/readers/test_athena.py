"""Athena over the deployed Glue table.

MiniStack's Athena runs DuckDB over every object below the table's location, and takes the partitions from
their folders. It ignores partition projection: test_table.py holds that its places are where results are put.
"""

from __future__ import annotations

import threading

import pytest

from dropscore.domain.drop import Drop
from tests.flow.flow import Flow, parquet
from tests.readers.athena import Athena
from tests.readers.glue_table import predictions_table
from tests.readers.manual import blocks


@pytest.fixture(scope="session")
def athena(deployed: Flow) -> Athena:
    return Athena(deployed)


def test_the_deployed_table_is_the_template_s_in_a_database_named_after_the_stack(
    flow: Flow, athena: Athena
) -> None:
    deployed = flow.stack.client("glue").get_table(DatabaseName=athena.database, Name="predictions")["Table"]

    assert athena.database == "dropscore_local"
    bucket = flow.stack.outputs["ResultsBucketName"]
    place = {
        "model_group": "${model_group}",
        "model_version": "${model_version}",
        "scored_date": "${scored_date}",
    }
    assert deployed["Parameters"]["storage.location.template"] == predictions_table().location(
        bucket, **place
    )
    assert (
        deployed["Parameters"]["projection.model_group.values"] == flow.stack.outputs["ModelPackageGroupName"]
    )
    assert deployed["StorageDescriptor"]["Location"] == f"s3://{bucket}/predictions/"


def test_it_sees_every_row_of_every_result_under_its_partitions(
    flow: Flow, athena: Athena, scored: list[Drop]
) -> None:
    seen = athena.query(
        'SELECT drop_id, "row", prediction, actual, model_group, model_version, scored_date FROM predictions'
    )

    for drop in scored:
        assert drop.model is not None
        mine = sorted(
            (row for row in seen if row["drop_id"] == drop.drop_id), key=lambda row: int(row["row"])
        )
        result = flow.result(drop)
        assert [int(row["row"]) for row in mine] == result["row"].to_pylist()
        assert [float(row["prediction"]) for row in mine] == result["prediction"].to_pylist()
        actual = [None if row["actual"] is None else float(row["actual"]) for row in mine]
        assert actual == result["actual"].to_pylist()
        for row in mine:
            folder = f"model_group={row['model_group']}/model_version={row['model_version']}"
            assert f"/{folder}/scored_date={row['scored_date']}/" in str(drop.result_uri)


def test_a_partition_is_a_filter(athena: Athena, scored: list[Drop]) -> None:
    version = scored[-1].model.version
    rows = sum(drop.rows_scored for drop in scored if drop.model.version == version)

    found = athena.query(
        f"SELECT drop_id, count(*) AS n FROM predictions WHERE model_version = {version} GROUP BY drop_id"  # noqa: S608
    )

    mine = {drop.drop_id for drop in scored}
    assert sum(int(row["n"]) for row in found if row["drop_id"] in mine) == rows


def test_a_result_is_there_the_moment_that_it_is_committed(flow: Flow, athena: Athena) -> None:
    count = "SELECT count(*) AS n FROM predictions WHERE drop_id = '{}'"
    drop_id = flow.put("moment.parquet", parquet(7))
    assert athena.query(count.format(drop_id)) == [{"n": "0"}]

    flow.wait(drop_id)

    assert athena.query(count.format(drop_id)) == [{"n": "7"}]


def test_a_result_is_whole_or_not_there_however_often_one_looks(flow: Flow, athena: Athena) -> None:
    drop_id = flow.put("whole.parquet", parquet(20_000))
    seen: set[str | None] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            (row,) = athena.query(f"SELECT count(*) AS n FROM predictions WHERE drop_id = '{drop_id}'")  # noqa: S608
            seen.add(row["n"])

    reader = threading.Thread(target=look)
    reader.start()
    try:
        flow.wait(drop_id)
    finally:
        ended.set()
        reader.join(120)
    assert seen <= {"0", "20000"}
    assert "0" in seen


@pytest.mark.usefixtures("scored")
@pytest.mark.parametrize("query", blocks("sql", "athena"))
def test_the_manual_s_queries_find_something(athena: Athena, query: str) -> None:
    assert athena.query(query.strip().removesuffix(";"))
