"""train.py as the container runs it: a process of its own, folders in the environment."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from training.data.prepared import DAY_BEFORE
from training.model.metrics import ERRORS, FIT, ROWS, all_names, regular_expression

SCRIPT = Path(__file__).parents[2] / "training" / "container" / "train.py"


@pytest.fixture
def channels(tmp_path):
    """Train and test channels whose target is 2 a - 3 b + 1, with noise on the test channel only."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(80, 2))
    target = 2.0 * rows[:, 0] - 3.0 * rows[:, 1] + 1.0
    target[60:] += rng.normal(size=20)
    for name, part in (("train", slice(0, 60)), ("test", slice(60, 80))):
        (tmp_path / name).mkdir()
        lines = [
            f"{a!r},{y!r},{b!r}" for (a, b), y in zip(rows[part].tolist(), target[part].tolist(), strict=True)
        ]
        (tmp_path / name / "part.csv").write_text('"a","y","b"\n' + "\n".join(lines) + "\n")
    return tmp_path, rows, target


def run_script(folder, *arguments):
    environment = {
        "PATH": os.environ["PATH"],
        "SM_MODEL_DIR": str(folder / "model"),
        "SM_CHANNEL_TRAIN": str(folder / "train"),
        "SM_CHANNEL_TEST": str(folder / "test"),
    }
    command = [sys.executable, "-I", "-W", "error", str(SCRIPT), *arguments]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("features", ["a b", '["a", "b"]'])
def test_fits_on_the_train_channel_and_measures_on_the_test_channel(channels, features):
    folder, rows, target = channels

    done = run_script(folder, "--features", features, "--target", "y")

    assert (done.returncode, done.stderr) == (0, "")
    model = joblib.load(folder / "model" / "model.joblib")
    expected = LinearRegression().fit(rows[:60], target[:60])
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-12)
    median = np.median(np.abs(expected.predict(rows[60:]) - target[60:]))
    printed = dict(line.split(": ") for line in done.stdout.splitlines())
    assert float(printed["AE-at-50th-percentile"]) == pytest.approx(median, rel=1e-9)
    own = {*ERRORS, FIT}
    assert set(printed) == {*own, *(f"{name}-of-training-mean" for name in own), *ROWS}
    assert json.loads((folder / "model" / "metrics.json").read_text()) == {
        k: float(v) for k, v in printed.items()
    }


def test_model_folder_is_a_whole_archive_with_the_code_that_serves_it(channels):
    folder, _, _ = channels

    run_script(folder, "--features", "b a", "--target", "y")

    files = {
        path.relative_to(folder / "model").as_posix()
        for path in (folder / "model").rglob("*")
        if path.is_file()
    }
    assert files == {"model.joblib", "metrics.json", "model.json", "code/inference.py"}
    origin = json.loads((folder / "model" / "model.json").read_text())
    assert (origin["features"], origin["target"]) == (["b", "a"], "y")
    assert set(origin["libraries"]) == {"python", "sklearn", "numpy"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--features", "a nope", "--target", "y"),
            "part.csv has no column 'nope'; its header is 'a', 'y', 'b'",
        ),
        (("--features", "a b"), "--target"),
    ],
)
def test_wrong_arguments_end_with_a_line_that_names_what_is_wrong(channels, arguments, said):
    done = run_script(channels[0], *arguments)

    assert done.returncode != 0
    assert said in done.stderr.splitlines()[-1]


def test_empty_channel_is_refused(channels):
    folder, _, _ = channels
    (folder / "test" / "part.csv").write_text("a,y,b\n")

    done = run_script(folder, "--features", "a b", "--target", "y")

    assert (done.returncode, done.stderr) == (
        1,
        "channel test holds no rows: put CSV files with a header into it\n",
    )


@pytest.mark.parametrize("channel", ["train", "test"])
def test_a_number_whose_square_overflows_is_refused_by_its_column(channels, channel):
    folder, *_ = channels
    with (folder / channel / "part.csv").open("a") as file:
        file.write("1.0,-1.7976931348623157e+308,1.0\n")

    done = run_script(folder, "--features", "a b", "--target", "y")

    assert done.returncode != 0
    assert done.stderr.startswith(
        "column y has values beyond 1e+150 (1, the first is -1.7976931348623157e+308)"
    )


def test_constant_test_target_has_no_r2(channels):
    folder, _, _ = channels
    (folder / "test" / "part.csv").write_text("a,y,b\n1,7,1\n2,7,2\n")

    done = run_script(folder, "--features", "a b", "--target", "y")

    assert "R2" not in done.stdout
    assert json.loads((folder / "model" / "metrics.json").read_text())["R2"] is None


def test_baselines_are_the_training_mean_and_the_day_before_where_that_is_known(channels):
    folder, _, target = channels
    test = (folder / "test" / "part.csv").read_text().splitlines()
    before = ["nan", *(repr(value - 0.5) for value in target[61:80].tolist())]
    lines = [f"{line},{value}" for line, value in zip(test[1:], before, strict=True)]
    (folder / "test" / "part.csv").write_text(f"{test[0]},{DAY_BEFORE}\n" + "\n".join(lines) + "\n")

    done = run_script(folder, "--features", "a b", "--target", "y")

    metrics = json.loads((folder / "model" / "metrics.json").read_text())
    assert set(metrics) == set(all_names())
    assert metrics["rows-of-day-before"] == 19
    assert metrics["AE-mean-of-day-before"] == metrics["RMSE-of-day-before"] == pytest.approx(0.5)
    error = target[60:] - target[:60].mean()
    assert metrics["RMSE-of-training-mean"] == pytest.approx(np.sqrt(np.mean(error**2)))
    assert metrics["R2-of-training-mean"] <= 0
    for name, value in metrics.items():
        (found,) = re.findall(regular_expression(name), done.stdout)
        assert float(found) == value


def test_what_is_to_be_recorded_is_kept_beside_the_hash_of_the_data(channels):
    folder, _, _ = channels

    run_script(folder, "--features", "a b", "--target", "y", "--record", '{"git_commit": "abc-dirty"}')

    origin = json.loads((folder / "model" / "model.json").read_text())
    parts = [(folder / name / "part.csv").read_bytes() for name in ("train", "test")]
    assert origin["git_commit"] == "abc-dirty"
    assert origin["data_sha256"] == hashlib.sha256(b"".join(parts)).hexdigest()
