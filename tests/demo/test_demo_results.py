"""What the demo brings home: every row once, the errors, the summary, the last words."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from dropscore.domain.drop import Drop, DropState
from dropscore.domain.drop import ModelVersion as Scorer
from dropscore.domain.results import result_schema
from dropscore.domain.source import Source
from dropscore.domain.spec import FeatureSpec
from local.demo.model import InstalledModel
from local.demo.panels import MAX_POINTS, read_points
from local.demo.report import report
from local.demo.results import Result, measure_errors, write_predictions, write_summary
from training.registry.packages import ModelVersion

MODEL = InstalledModel(
    ModelVersion("arn:package/3", 3, "Approved"),
    FeatureSpec(("hour",), "load", "ts"),
    {"RMSE": 1.0},
    "1 of 1 files",
)
SCORER = Scorer("dropscore", 3, "arn:package/3", "s3://models/spec", "00")


def drop(key, state=DropState.SCORED, **changes):
    source = Source("inbox", key, "v1")
    scored = {
        "rows_in": 3,
        "rows_scored": 2,
        "rows_rejected": 1,
        "job": "job-1",
        "model": SCORER,
        "result_uri": "s3://r/x",
    }
    fields = {**(scored if state is DropState.SCORED else {}), **changes}
    return Drop(source.drop_id, state, source, datetime(2026, 1, 1, tzinfo=UTC), **fields)


@pytest.fixture
def write_result(tmp_path):
    """Write a result as collect does, with the key columns that are given."""

    def write(key, prediction, actual, **keys):
        drop_ = drop(key)
        rows = len(prediction)
        columns = [
            pa.repeat(drop_.drop_id, rows),
            pa.array(range(rows)),
            pa.array(np.arange(rows) * 60_000_000, pa.timestamp("us")),
            pa.array(prediction, pa.float64()),
            pa.array(actual, pa.float64()),
            *(pa.repeat(value, rows) for value in keys.values()),
        ]
        path = tmp_path / f"{drop_.drop_id}.parquet"
        pq.write_table(pa.table(columns, schema=result_schema(list(keys))), path)
        return Result(drop_, path, rows)

    return write


def test_predictions_hold_the_rows_of_all_results_with_nulls_for_keys_that_a_drop_lacks(
    write_result, tmp_path
):
    results = [
        write_result("a/x.parquet", [1.0, 2.0], [1.5, None], company_id="1"),
        write_result("b/y.parquet", [3.0], [3.0], company_id="2", site="é"),
        write_result("c/zero.parquet", [], []),
    ]

    write_predictions(results, tmp_path / "all.parquet")

    table = pq.read_table(tmp_path / "all.parquet")
    assert table.column_names == ["drop_id", "row", "ts", "prediction", "actual", "company_id", "site"]
    assert table["drop_id"].to_pylist() == [results[0].drop.drop_id] * 2 + [results[1].drop.drop_id]
    assert table["row"].to_pylist() == [0, 1, 0]
    assert table["prediction"].to_pylist() == [1.0, 2.0, 3.0]
    assert table["actual"].to_pylist() == [1.5, None, 3.0]
    assert table["company_id"].to_pylist() == ["1", "1", "2"]
    assert table["site"].to_pylist() == [None, None, "é"]


def test_without_results_the_file_is_there_and_empty(tmp_path):
    write_predictions([], tmp_path / "all.parquet")

    assert pq.read_table(tmp_path / "all.parquet").schema.equals(result_schema([]))


def test_errors_count_only_rows_that_have_an_actual(write_result):
    results = [write_result("a", [1.0, 2.0, 9.0], [0.0, 4.0, None]), write_result("b", [5.0], [8.0])]

    errors = measure_errors(results)

    assert (errors.rows, errors.median_absolute, errors.mean_absolute) == (3, 2.0, 2.0)
    assert errors.root_mean_square == pytest.approx((14 / 3) ** 0.5)


def test_no_actuals_no_errors(write_result):
    assert measure_errors([write_result("a", [1.0], [None])]) is None
    assert measure_errors([]) is None


def test_summary_says_what_became_of_every_drop(tmp_path):
    drops = [
        drop("a b/é.parquet"),
        drop("bad.parquet", DropState.REJECTED, reason="not a Parquet file"),
        drop("zero.parquet", rows_in=0, rows_scored=0, rows_rejected=0, job=None),
    ]

    write_summary(drops, MODEL, None, 12.345, tmp_path / "summary.json")

    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["drops"][0] == {
        "drop_id": drops[0].drop_id,
        "source_key": "a b/é.parquet",
        "state": "SCORED",
        "reason": None,
        "rows_in": 3,
        "rows_scored": 2,
        "rows_rejected": 1,
        "model_version": 3,
        "transform_job": "job-1",
        "result_uri": "s3://r/x",
    }
    assert summary["drops"][1]["reason"] == "not a Parquet file"
    assert summary["transform_jobs"] == ["job-1"]
    assert summary["seconds"] == 12.35
    assert (summary["rows_in"], summary["rows_scored"], summary["rows_rejected"]) == (3, 2, 1)


def test_report_is_short_and_lists_rejected_drops_with_their_reasons():
    out = io.StringIO()
    bad = [drop(f"[bold]{n}.parquet", DropState.REJECTED, reason=f"reason {n}") for n in range(25)]

    report(Console(file=out, width=60), [drop("a.parquet"), *bad], MODEL, None, "out/predictions.parquet")

    text = out.getvalue()
    assert "1 SCORED, 25 REJECTED" in text.replace("25 REJECTED, 1 SCORED", "1 SCORED, 25 REJECTED")
    assert "3 in, 2 scored, 1 rejected" in text
    assert "version 3: hour (time from ts) → load" in text
    assert "REJECTED [bold]7.parquet: reason 7\n" in text
    assert "… and 5 more, in summary.json" in text
    assert "out/predictions.parquet" in text


def test_points_of_a_result_use_time_where_there_is_any(write_result):
    result = write_result("a", [1.0, 2.0], [None, 2.5])

    points = read_points(result)

    assert points.is_time
    np.testing.assert_array_equal(points.x, [0.0, 60.0])
    np.testing.assert_array_equal(points.actual, [np.nan, 2.5])


def test_points_without_any_timestamp_use_row_numbers(write_result):
    result = write_result("a", [1.0, 2.0], [1.0, 2.0])
    table = pq.read_table(result.path)
    pq.write_table(table.set_column(2, "ts", pa.nulls(2, pa.timestamp("us"))), result.path)

    points = read_points(result)

    assert not points.is_time
    np.testing.assert_array_equal(points.x, [0.0, 1.0])


def test_a_huge_result_is_thinned_evenly(write_result):
    rows = 150_000
    result = write_result("a", np.arange(float(rows)), np.zeros(rows))

    points = read_points(replace(result, rows=3 * MAX_POINTS))

    np.testing.assert_array_equal(points.prediction, np.arange(0.0, rows, 3.0))
