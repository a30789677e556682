"""Train a linear regression in SageMaker's scikit-learn container 1.9-0 (script mode).

It is started in a process of its own, with hyperparameters as arguments and its folders in ``SM_*``
environment variables (by the driver that ModelTrainer sends along, or sagemaker-training-toolkit):

    SM_MODEL_DIR=… SM_CHANNEL_TRAIN=… SM_CHANNEL_TEST=… python train.py --features "a b" --target y

Each channel is a folder of CSV files with a header. The model folder gets ``model.joblib``, ``metrics.json``,
``model.json`` (what it was trained on, and with which libraries) and ``code/inference.py``: packed as it is,
that is a complete ``model.tar.gz``. This file runs inside the image and imports nothing from the project.
"""

import argparse
import csv
import hashlib
import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

Floats = NDArray[np.float64]
Metrics = dict[str, float | None]

DAY_BEFORE = "target-a-day-before"
"""A column that the test channel may have: the target of the same minute a day before, or nan."""

LARGEST = 1e150
"""The largest number, either sign, that is trained on: as in training/data/reading.py, which says why."""


def names(text: str) -> list[str]:
    """Read column names: separated by blanks, or a JSON list (for names that hold blanks)."""
    return [str(name) for name in json.loads(text)] if text.startswith("[") else text.split()


def arguments() -> argparse.Namespace:
    """Parse what the container hands over, in arguments and environment."""
    parser = argparse.ArgumentParser(
        description="Fit target ~ features and report the errors on the test channel."
    )
    parser.add_argument("--features", type=names, required=True, help='e.g. "minutes hour day_of_week"')
    parser.add_argument("--target", required=True, help="the column to predict")
    parser.add_argument("--record", type=json.loads, default={}, help="a JSON object to keep in model.json")
    parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--train", type=Path, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--test", type=Path, default=os.environ.get("SM_CHANNEL_TEST"))
    parsed = parser.parse_args()
    if None in (parsed.model_dir, parsed.train, parsed.test):
        parser.error(
            "set SM_MODEL_DIR, SM_CHANNEL_TRAIN and SM_CHANNEL_TEST, or --model-dir, --train and --test"
        )
    return parsed


def header(path: Path) -> list[str]:
    """The column names of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])


def read_file(path: Path, columns: list[str]) -> Floats:
    """Read the named columns of one CSV file, in that order; shape (rows, columns)."""
    with path.open(newline="", encoding="utf-8") as file:
        there = next(csv.reader(file), [])
        lines = [line for line in file if line.strip()]
    missing = [name for name in columns if name not in there]
    if missing:
        lacks, has = (", ".join(map(repr, names)) for names in (missing, there))
        raise SystemExit(f"{path.name} has no column {lacks}; its header is {has}")
    wanted = [there.index(name) for name in columns]
    if not lines:
        return np.empty((0, len(columns)))
    return np.loadtxt(lines, delimiter=",", dtype=np.float64, comments=None, usecols=wanted, ndmin=2)


def check_sizes(columns: list[str], rows: Floats) -> None:
    """Refuse numbers whose squares overflow when they are added up, by their column."""
    for name, column in zip(columns, rows.T, strict=True):
        beyond = column[np.abs(column) > LARGEST]
        if len(beyond):
            raise SystemExit(
                f"column {name} has values beyond {LARGEST:g} ({len(beyond)}, the first is {beyond[0]}), and"
                " training overflows: write null where there is no value, and prepare the data again"
            )


def files_of(channel: Path) -> list[Path]:
    """A channel's CSV files, in the order of their names."""
    return sorted(channel.glob("*.csv"))


def read_channel(folder: Path, features: list[str], target: str) -> tuple[Floats, Floats]:
    """Read a channel's rows: features (rows, features) and target (rows,)."""
    columns = [*features, target]
    tables = [read_file(path, columns) for path in files_of(folder)]
    rows = np.vstack(tables) if tables else np.empty((0, len(columns)))
    if not len(rows):
        raise SystemExit(f"channel {folder.name} holds no rows: put CSV files with a header into it")
    return rows[:, :-1], rows[:, -1]


def read_day_before(folder: Path) -> Floats:
    """Read the test channel's target of a day before, shape (rows,); empty where a file does not have it."""
    paths = files_of(folder)
    if not all(DAY_BEFORE in header(path) for path in paths):
        return np.empty(0)
    return np.concatenate([read_file(path, [DAY_BEFORE])[:, 0] for path in paths])


def evaluate(actual: Floats, predicted: Floats, suffix: str = "") -> Metrics:
    """Measure the errors of a prediction, in the target's unit (R2: without unit, None where undefined)."""
    error = np.abs(actual - predicted)
    spread = float(np.sum((actual - actual.mean()) ** 2))
    return {
        f"AE-at-50th-percentile{suffix}": float(np.percentile(error, 50)),
        f"AE-at-95th-percentile{suffix}": float(np.percentile(error, 95)),
        f"AE-mean{suffix}": float(error.mean()),
        f"RMSE{suffix}": float(np.sqrt(np.mean(error**2))),
        f"R2{suffix}": 1.0 - float(np.sum(error**2)) / spread if spread > 0 else None,
    }


def evaluate_baselines(train_target: Floats, test_target: Floats, day_before: Floats) -> Metrics:
    """Measure what needs no model: the mean of the training target, and the value of a day before.

    The latter only over the test rows that have such a value; how many these are is measured, too.
    """
    metrics = evaluate(test_target, np.full(len(test_target), train_target.mean()), "-of-training-mean")
    known = np.isfinite(day_before)
    metrics["rows-of-day-before"] = float(known.sum())
    if known.any():
        metrics |= evaluate(test_target[known], day_before[known], "-of-day-before")
    return metrics


def sha256_of(*channels: Path) -> str:
    """SHA-256 over the bytes of the channels' files, one after the other."""
    digest = hashlib.sha256()
    for path in [path for channel in channels for path in files_of(channel)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def write_json(path: Path, content: object) -> None:
    """Write JSON for people and programs: indented, keys sorted."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def origin(chosen: argparse.Namespace) -> dict[str, Any]:
    """Say what the model was trained on, and with which libraries."""
    libraries = {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "sklearn": sklearn.__version__,
        "numpy": np.__version__,
    }
    return {
        **chosen.record,
        "features": chosen.features,
        "target": chosen.target,
        "data_sha256": sha256_of(chosen.train, chosen.test),
        "libraries": libraries,
    }


def save(model: LinearRegression, metrics: Metrics, chosen: argparse.Namespace) -> None:
    """Write the model folder: the model, its metrics, its origin and the code that serves it."""
    folder: Path = chosen.model_dir
    (folder / "code").mkdir(parents=True, exist_ok=True)
    joblib.dump(model, folder / "model.joblib")
    write_json(folder / "metrics.json", metrics)
    write_json(folder / "model.json", origin(chosen))
    shutil.copyfile(Path(__file__).with_name("inference.py"), folder / "code" / "inference.py")


def main() -> None:
    """Fit, evaluate, print one line a metric, save."""
    chosen = arguments()
    train_features, train_target = read_channel(chosen.train, chosen.features, chosen.target)
    test_features, test_target = read_channel(chosen.test, chosen.features, chosen.target)
    for features, target in ((train_features, train_target), (test_features, test_target)):
        check_sizes([*chosen.features, chosen.target], np.column_stack([features, target]))
    model = LinearRegression().fit(train_features, train_target)
    metrics = {
        **evaluate(test_target, model.predict(test_features)),
        **evaluate_baselines(train_target, test_target, read_day_before(chosen.test)),
        "rows-of-training": float(len(train_target)),
        "rows-of-test": float(len(test_target)),
    }
    for name, value in metrics.items():
        if value is not None:
            print(f"{name}: {value}")  # noqa: T201 - SageMaker reads metrics from the output
    save(model, metrics, chosen)


if __name__ == "__main__":
    main()
