"""`python -m training`: from parquet to a packed model, and one line where that cannot be."""

import subprocess
import sys
from pathlib import Path

import pytest

from training.columns import split_names

ROOT = Path(__file__).parents[2]


def run(*arguments, **environment):
    command = [sys.executable, "-m", "training", *map(str, arguments)]
    path = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "functions"), **environment}
    return subprocess.run(command, cwd=ROOT, env=path, capture_output=True, text=True, check=False)


def test_prepare_and_train_make_what_register_takes(write_sensor, tmp_path):
    sensor, out = write_sensor(), tmp_path / "model"
    options = ["--features", "minutes hour load", "--target", "target"]

    prepared = run("prepare", sensor.parent, "--out", out, *options)
    trained = run("train", out)

    assert (prepared.returncode, trained.returncode) == (0, 0), prepared.stderr + trained.stderr
    assert "AE-at-50th-percentile: " in trained.stdout
    assert {"model.tar.gz", "feature_spec.json"} <= {path.name for path in out.iterdir()}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prepare", "nowhere", "--out", "out"), "nowhere does not exist"),
        (("prepare", "requirements", "--out", "out"), "no .parquet file in requirements"),
        (("train", "nowhere"), "training prepare"),
        (("list",), "--region"),
    ],
)
def test_bad_news_is_one_line_without_traceback(arguments, said):
    done = run(*arguments)

    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_shows_the_way_to_an_approved_model():
    shown = run("--help").stdout

    for command in ("prepare", "train", "register", "approve", "reject", "list"):
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
