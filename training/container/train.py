"""Train a linear regression in SageMaker's scikit-learn container 1.9-0 (script mode).

The container starts this file in a process of its own, with hyperparameters as arguments and its folders in
``SM_*`` environment variables (https://github.com/aws/sagemaker-training-toolkit):

    SM_MODEL_DIR=… SM_CHANNEL_TRAIN=… SM_CHANNEL_TEST=… python train.py --features "a b" --target y

Each channel is a folder of CSV files with a header. The model folder gets ``model.joblib``, ``metrics.json``,
``model.json`` (what it was trained on, and with which libraries) and ``code/inference.py``: packed as it is,
that is a complete ``model.tar.gz``. This file runs inside the image and imports nothing from the project.
"""

import argparse
import csv
import json
import os
import platform
import shutil
from pathlib import Path

import joblib
import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

Floats = NDArray[np.float64]


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
    parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--train", type=Path, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--test", type=Path, default=os.environ.get("SM_CHANNEL_TEST"))
    parsed = parser.parse_args()
    if None in (parsed.model_dir, parsed.train, parsed.test):
        parser.error(
            "set SM_MODEL_DIR, SM_CHANNEL_TRAIN and SM_CHANNEL_TEST, or --model-dir, --train and --test"
        )
    return parsed


def read_file(path: Path, columns: list[str]) -> Floats:
    """Read the named columns of one CSV file, in that order; shape (rows, columns)."""
    with path.open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file), [])
        missing = [name for name in columns if name not in header]
        if missing:
            raise SystemExit(
                f"{path.name} has no column {', '.join(missing)}; its header is {', '.join(header)}"
            )
        wanted = [header.index(name) for name in columns]
        lines = [line for line in file if line.strip()]
    if not lines:
        return np.empty((0, len(columns)))
    return np.loadtxt(lines, delimiter=",", dtype=np.float64, comments=None, usecols=wanted, ndmin=2)


def read_channel(folder: Path, features: list[str], target: str) -> tuple[Floats, Floats]:
    """Read a channel's CSV files, in the order of their names: (rows, features) and (rows,)."""
    columns = [*features, target]
    tables = [read_file(path, columns) for path in sorted(folder.glob("*.csv"))]
    rows = np.vstack(tables) if tables else np.empty((0, len(columns)))
    if not len(rows):
        raise SystemExit(f"channel {folder.name} holds no rows: put CSV files with a header into it")
    return rows[:, :-1], rows[:, -1]


def evaluate(actual: Floats, predicted: Floats) -> dict[str, float | None]:
    """Measure the errors of a prediction, in the target's unit (R2: without unit, None where undefined)."""
    error = np.abs(actual - predicted)
    spread = float(np.sum((actual - actual.mean()) ** 2))
    return {
        "AE-at-50th-percentile": float(np.percentile(error, 50)),
        "AE-at-95th-percentile": float(np.percentile(error, 95)),
        "AE-mean": float(error.mean()),
        "RMSE": float(np.sqrt(np.mean(error**2))),
        "R2": 1.0 - float(np.sum(error**2)) / spread if spread > 0 else None,
    }


def write_json(path: Path, content: object) -> None:
    """Write JSON for people and programs: indented, keys sorted."""
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def save(model: LinearRegression, metrics: dict[str, float | None], chosen: argparse.Namespace) -> None:
    """Write the model folder: the model, its metrics, its origin and the code that serves it."""
    folder: Path = chosen.model_dir
    (folder / "code").mkdir(parents=True, exist_ok=True)
    joblib.dump(model, folder / "model.joblib")
    write_json(folder / "metrics.json", metrics)
    libraries = {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "sklearn": sklearn.__version__,
        "numpy": np.__version__,
    }
    write_json(
        folder / "model.json", {"features": chosen.features, "target": chosen.target, "libraries": libraries}
    )
    shutil.copyfile(Path(__file__).with_name("inference.py"), folder / "code" / "inference.py")


def main() -> None:
    """Fit, evaluate, print one line a metric, save."""
    chosen = arguments()
    train_features, train_target = read_channel(chosen.train, chosen.features, chosen.target)
    test_features, test_target = read_channel(chosen.test, chosen.features, chosen.target)
    model = LinearRegression().fit(train_features, train_target)
    metrics = evaluate(test_target, model.predict(test_features))
    for name, value in metrics.items():
        if value is not None:
            print(f"{name}: {value}")  # noqa: T201 - SageMaker reads metrics from the output
    save(model, metrics, chosen)


if __name__ == "__main__":
    main()
