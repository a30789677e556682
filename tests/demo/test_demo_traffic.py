"""`make demo TASK=traffic`: trained on a joined pair; traffic dropped, CPU load predicted and measured."""

import json

import pyarrow.parquet as pq
import pytest

from local.demo.traffic_pair import COEFFICIENTS, TARGET
from tests.demo.test_demo_flow import demo


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    out = tmp_path_factory.mktemp("traffic")
    return demo("--task", "traffic", "--out", out, "--limit-seconds", 90), out


@pytest.mark.slow
def test_traffic_files_alone_become_cpu_predictions(scored):
    done, out = scored

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    summary = json.loads((out / "summary.json").read_text())
    assert [drop["state"] for drop in summary["drops"]] == ["SCORED", "SCORED"]
    assert all(drop["source_key"].startswith("data/snmptraffic/company_id=1/") for drop in summary["drops"])
    assert "/cpu-from-traffic/1" in summary["model"]["package"]
    assert (summary["model"]["features"], summary["model"]["target"]) == (list(COEFFICIENTS), TARGET)
    table = pq.read_table(out / "predictions.parquet")
    assert table.num_rows == 2 * 7 * 1440
    assert table["actual"].null_count == table.num_rows


@pytest.mark.slow
def test_the_error_is_that_against_the_sensors_that_were_held_back(scored):
    done, out = scored

    errors = json.loads((out / "summary.json").read_text())["errors"]
    assert errors["rows"] == 2 * 7 * 1440 - 359
    assert errors["root_mean_square"] == pytest.approx(1.04, abs=0.02)
    assert (
        "against 19,801 readings of the CPU sensors, which were held back (the drops have none)"
        in done.stdout
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--task", "traffic", "--parquet", "requirements"), "TASK=traffic brings its own files"),
        (("--task", "other"), "'other' is neither sensor nor traffic"),
    ],
)
def test_what_the_task_cannot_be_asked_for_is_refused(arguments, said, tmp_path):
    done = demo(*arguments, "--out", tmp_path / "out")

    assert done.returncode != 0
    assert said in done.stderr
