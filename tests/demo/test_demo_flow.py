"""The demo as a user runs it: a folder in, one file of predictions, a summary and a chart out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from local.demo.sensor_month import sensor_month

ROOT = Path(__file__).parents[2]
ODD_KEY = "data/snmpcpu/company_id=1/sensor_id=a b+c%20'é/month.PARQUET"


def demo(*arguments):
    command = [sys.executable, "-m", "local", "demo", *map(str, arguments)]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "functions"),
        "AWS_PROFILE": "nobody",
        "NO_COLOR": "1",
    }
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def with_a_gap(table):
    """The table, its third row without a timestamp."""
    ts = pa.array([*table["ts"].to_pylist()[:2], None, *table["ts"].to_pylist()[3:]], pa.timestamp("ms"))
    return table.set_column(table.schema.get_field_index("ts"), "ts", ts)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """A run over a folder of two good sensors, one without rows, and two files that are none."""
    folder, out = tmp_path_factory.mktemp("folder"), tmp_path_factory.mktemp("out")
    month = sensor_month()
    tables = {
        ODD_KEY: month.slice(0, 3_000),
        "one.parquet": month.slice(7, 1),
        "zero.parquet": month.slice(0, 0),
        "gap.parquet": with_a_gap(month.slice(0, 4)),
    }
    for key, table in tables.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / key)
    (folder / "text.parquet").write_text("no parquet")
    pq.write_table(month.slice(0, 50).drop_columns("ts"), folder / "timeless.parquet")
    return demo("--parquet", folder, "--out", out, "--limit-seconds", 90), out


@pytest.mark.slow
def test_a_folder_is_scored_and_what_cannot_be_is_listed_with_its_reason(scored):
    done, out = scored

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    summary = json.loads((out / "summary.json").read_text())
    drops = {drop["source_key"]: drop for drop in summary["drops"]}
    assert {key: drop["state"] for key, drop in drops.items()} == {
        ODD_KEY: "SCORED",
        "one.parquet": "SCORED",
        "zero.parquet": "SCORED",
        "gap.parquet": "SCORED",
        "text.parquet": "REJECTED",
        "timeless.parquet": "REJECTED",
    }
    assert [drops[key]["rows_scored"] for key in (ODD_KEY, "one.parquet", "zero.parquet")] == [3_000, 1, 0]
    assert "ts" in drops["timeless.parquet"]["reason"]
    assert drops["zero.parquet"]["transform_job"] is None
    assert len(summary["transform_jobs"]) <= 2
    (rejected,) = pq.read_table(out / "rejects.parquet").to_pylist()
    assert (rejected["drop_id"], rejected["row"], rejected["reason"]) == (
        drops["gap.parquet"]["drop_id"],
        2,
        "ts is null",
    )
    assert "rejects.parquet" in done.stdout
    assert "fetching the results through the results API, as a reader does" in done.stdout
    for key in ("text.parquet", "timeless.parquet"):
        assert f"REJECTED {key}: {drops[key]['reason']}" in done.stdout


@pytest.mark.slow
def test_predictions_carry_row_time_actual_and_keys_of_every_scored_row(scored):
    _, out = scored
    drops = {
        drop["source_key"]: drop["drop_id"]
        for drop in json.loads((out / "summary.json").read_text())["drops"]
    }

    table = pq.read_table(out / "predictions.parquet")
    assert table.num_rows == 3_004
    odd = table.filter(pc.equal(table["drop_id"], drops[ODD_KEY]))
    source = sensor_month().slice(0, 3_000)
    assert odd["row"].to_pylist() == list(range(3_000))
    assert odd["ts"].cast("timestamp[ms]").equals(source["ts"])
    assert odd["actual"].equals(source["snmpcpu_processor_1"])
    assert odd["company_id"].unique().to_pylist() == ["1"]
    assert odd["sensor_id"].unique().to_pylist() == ["a b+c 'é"]
    assert odd["device_id"].unique().to_pylist() == ["1"]
    assert not odd["prediction"].null_count
    assert (out / "chart.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--parquet", "nowhere"), "nowhere does not exist"),
        (("--parquet", "requirements"), "no file in requirements ends in .parquet"),
    ],
)
def test_nothing_to_score_is_one_line_without_traceback(arguments, said, tmp_path):
    done = demo(*arguments, "--out", tmp_path / "out")

    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
