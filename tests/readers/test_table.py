"""The template's Glue table says what results are, and finds them where they are put."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from dropscore.domain.drop import ModelVersion
from dropscore.domain.keys import result_key
from dropscore.domain.results import result_schema
from dropscore.domain.spec import RESERVED_NAMES
from tests.readers.glue_table import GlueTable, predictions_table
from tests.template.translated import translated
from tests.unit.builders import MODEL

GLUE_TYPES = {
    pa.string(): "string",
    pa.int64(): "bigint",
    pa.timestamp("us"): "timestamp",
    pa.float64(): "double",
}
"""Arrow's types of the columns of a result, in Athena's words (its user guide, "Data types")."""


@pytest.fixture(scope="module")
def table() -> GlueTable:
    return predictions_table()


def test_its_columns_are_the_fixed_ones_of_every_result(table: GlueTable) -> None:
    assert list(table.columns.items()) == [
        (field.name, GLUE_TYPES[field.type]) for field in result_schema(())
    ]


def test_no_key_column_can_have_the_name_of_a_column_or_partition(table: GlueTable) -> None:
    assert {*table.columns, *table.partitions} == RESERVED_NAMES


def partition_of(model: ModelVersion, scored_date: str) -> dict[str, str]:
    return {"model_group": model.group, "model_version": str(model.version), "scored_date": scored_date}


@pytest.mark.parametrize("version", [1, 7, 10, 1000])
def test_athena_looks_where_results_are_put(table: GlueTable, version: int) -> None:
    model = replace(MODEL, version=version)

    looked_for = table.location("results", **partition_of(model, "2026-03-04"))

    assert f"{looked_for}{'0' * 20}.parquet" == f"s3://results/{result_key(model, '2026-03-04', '0' * 20)}"
    assert looked_for.endswith("/")  # else version 1 would show the results of 10, too


def test_its_partitions_are_the_folders_of_a_result_s_key(table: GlueTable) -> None:
    folders = result_key(MODEL, "2026-03-04", "0" * 20).split("/")[1:-1]

    assert list(table.partitions) == [folder.split("=")[0] for folder in folders]
    assert table.partitions == {"model_group": "string", "model_version": "int", "scored_date": "string"}


def test_every_partition_is_projected(table: GlueTable) -> None:
    assert table.said["Parameters"]["projection.enabled"] == "true"
    assert table.projection("model_group") == {"type": "enum", "values": {"Ref": "ModelPackageGroupName"}}
    # A range would be listed version by version and day by day where a query names none; and it would end.
    assert table.projection("model_version") == {"type": "injected"}


def test_days_are_projected_up_to_today_in_the_form_that_keys_have(table: GlueTable) -> None:
    day = table.projection("scored_date")

    first, last = day["range"].split(",")
    assert (day["type"], day["format"], last) == ("date", "yyyy-MM-dd", "NOW")
    assert (day["interval"], day["interval.unit"]) == ("1", "DAYS")
    assert date.fromisoformat(first) <= datetime(2026, 1, 1, tzinfo=UTC).date()


def test_the_database_is_named_after_the_stack(table: GlueTable) -> None:
    database = translated().properties("ResultsDatabase")["DatabaseInput"]["Name"]
    assert "AWS::StackName" in str(database)
    assert table.said["Name"] == "predictions"
    assert translated().properties("PredictionsTable")["DatabaseName"] == {"Ref": "ResultsDatabase"}
