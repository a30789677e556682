"""`python -m training`: from parquet to a packed model, and one line where that cannot be."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.command_line import run_here
from tests.training.builders import sensor_table
from training.__main__ import main
from training.cli.options import microseconds, split_names
from training.errors import TrainingError
from training.sensors.files import find_sensor

ROOT = Path(__file__).parents[2]
OPTIONS = ("--features", "minutes hour load", "--target", "target")


def run(*arguments, **environment):
    path = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "functions"), **environment}
    return run_here(main, *arguments, environment=path)


def test_prepare_and_train_make_what_register_takes(write_sensor, tmp_path):
    sensor, out = write_sensor(), tmp_path / "model"

    prepared = run("prepare", sensor.parent, "--out", out, *OPTIONS)
    trained = run("train", out)

    assert (prepared.returncode, trained.returncode) == (0, 0), prepared.stderr + trained.stderr
    assert "150 rows to train on, 50 to test from 2024-05-01 17:30:00 on" in prepared.stdout
    header, first = trained.stdout.splitlines()[:2]
    assert header.split() == ["model", "training-mean", "day-before"]
    assert first.startswith("AE-at-50th-percentile")
    assert (prepared.stderr, trained.stderr) == ("", "")
    assert {"model.tar.gz", "feature_spec.json"} <= {path.name for path in out.iterdir()}


def test_for_machines_stdout_is_one_json_document(write_sensor, tmp_path):
    sensor, out = write_sensor(), tmp_path / "model"

    prepared = run("prepare", sensor, "--out", out, "--split", "random", *OPTIONS, "--json")
    trained = run("train", out, "--json")
    refused = run("train", "nowhere", "--json")

    assert json.loads(prepared.stdout)["rows_train"] == 150
    assert json.loads(trained.stdout)["metrics"]["rows-of-test"] == 50
    assert json.loads(trained.stdout)["loses_to"] == []
    assert "training prepare" in json.loads(refused.stdout)["error"]
    assert refused.returncode == 1


def test_a_model_that_loses_to_the_mean_says_so_on_stderr_and_in_json(write_sensor, tmp_path):
    rng = np.random.default_rng(3)
    noise = np.where(np.arange(200) < 150, np.arange(200) % 60 * 1.0, -np.arange(200) % 60 * 1.0)
    table = sensor_table().set_column(2, "target", pa.array(noise + rng.normal(size=200)))
    ts = np.datetime64("2024-05-01", "ms") + np.arange(200) * np.timedelta64(1, "m")
    write_sensor(table=table.set_column(0, "ts", pa.array(ts)))
    out = tmp_path / "model"
    run("prepare", tmp_path / "sensor.parquet", "--out", out, "--features", "minutes", "--target", "target")

    done = run("train", out, "--json")

    assert done.returncode == 0
    assert done.stderr.startswith("WARNING: the model loses to the mean (RMSE ")
    told = json.loads(done.stdout)
    assert told["loses_to"] == ["training-mean"]
    assert told["warnings"] == [done.stderr.strip()]


def test_bad_rows_and_files_are_reported_with_counts_and_reasons(write_sensor, tmp_path):
    frame = sensor_table().to_pandas()
    frame.loc[:4, "load"] = None
    write_sensor(table=pa.Table.from_pandas(frame))
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")

    told = run("prepare", tmp_path, "--out", tmp_path / "model", *OPTIONS).stdout

    assert f"left out 5 rows of {tmp_path}: load is null" in told
    assert f"left out {tmp_path / 'broken.parquet'}: " in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prepare", "nowhere", "--out", "out"), "nowhere does not exist"),
        (("prepare", "requirements", "--out", "out"), "no .parquet file in requirements"),
        (("prepare", "requirements", "--out", "out", "--timestamp", ""), "comes from the timestamp"),
        (
            ("prepare", "requirements", "--out", "out", "--timestamp", "", "--features", "load"),
            "--split time needs a timestamp",
        ),
        (("train", "nowhere"), "training prepare"),
        (("train", "nowhere", "--where", "sagemaker"), "--bucket and --role"),
        (("list",), "--region"),
    ],
)
def test_bad_news_is_one_line_without_traceback(arguments, said):
    done = run(*arguments)

    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_shows_the_way_to_an_approved_model():
    command = [sys.executable, "-m", "training", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    for command in ("prepare", "train", "register", "approve", "reject", "list", "show"):
        assert command in shown


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("minutes hour", ("minutes", "hour")),
        (" CPU load , hour,", ("CPU load", "hour")),
        ("", ()),
    ],
)
def test_names_are_separated_by_commas_or_else_by_blanks(text, names):
    assert split_names(text) == names


@pytest.mark.parametrize(
    ("text", "expected"),
    [("60s", 60_000_000), ("1.5m", 90_000_000), ("250ms", 250_000), ("1h", 3_600_000_000), ("2", 2_000_000)],
)
def test_durations_are_read_with_their_units(text, expected):
    assert microseconds(text) == expected


@pytest.mark.parametrize("text", ["", "1 day", "-1s", "2d", "25h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(TrainingError, match="--tolerance"):
        microseconds(text)


def test_prepare_says_whose_clock_shows_the_features(write_sensor, tmp_path):
    naive, out = sensor_table(), tmp_path / "model"
    zoned = naive.set_column(0, "ts", naive["ts"].cast(pa.timestamp("ms", "Asia/Kolkata")))
    files = [write_sensor("a.parquet", zoned), write_sensor("b.parquet", zoned)]

    told = run("prepare", *files, "--out", out, *OPTIONS)
    assert "minutes, hour: as clocks show in zone Asia/Kolkata, in training and in scoring" in told.stdout
    assert json.loads((out / "feature_spec.json").read_text())["timezone"] == "Asia/Kolkata"

    mixed = [files[0], write_sensor("c.parquet", naive)]
    refused = run("prepare", *mixed, "--out", out, *OPTIONS)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--timezone" in refused.stderr

    asked = run("prepare", *mixed, "--out", out, *OPTIONS, "--timezone", "GMT+8")
    assert "1 of the files have timestamps without a zone: they were read as UTC" in asked.stderr


def test_what_training_cannot_square_is_refused_before_anything_is_written(write_sensor, tmp_path):
    frame = sensor_table().to_pandas()
    frame.loc[3, "target"] = -1.7976931348623157e308
    write_sensor(table=pa.Table.from_pandas(frame))

    refused = run("prepare", tmp_path, "--out", tmp_path / "model", *OPTIONS)

    assert refused.stderr.startswith("error: column 'target' has values beyond ±1e+150 (1 of them")
    assert not (tmp_path / "model").exists()


def test_a_folder_gives_what_the_inbox_would_score_and_a_file_is_taken_as_it_is(write_sensor, tmp_path):
    file = write_sensor()
    data = file.read_bytes()
    hidden = ["_temporary/0/a.parquet", ".spark-staging-1/b.parquet", "_delta_log/c.parquet", "._d.parquet"]
    for name in [*hidden, "_x=1/e.PARQUET", "unload"]:
        (tmp_path / "spark" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "spark" / name).write_bytes(data)

    assert find_sensor([tmp_path / "spark"]).files == (tmp_path / "spark/_x=1/e.PARQUET",)
    assert find_sensor([tmp_path / "spark/_temporary"]).files == (tmp_path / "spark" / hidden[0],)
    assert find_sensor([tmp_path / "spark/._d.parquet"]).files == (tmp_path / "spark/._d.parquet",)
    (tmp_path / "spark/_x=1/e.PARQUET").unlink()
    with pytest.raises(TrainingError, match="temporary or metadata"):
        find_sensor([tmp_path / "spark"])


def test_a_file_given_twice_counts_once(write_sensor, tmp_path):
    file = write_sensor()

    assert find_sensor([tmp_path, file]).files == (file,)
