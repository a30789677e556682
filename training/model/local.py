"""One training run on this machine: train.py in a process of its own, as the container would start it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from training.data.prepared import Prepared
from training.errors import TrainingError
from training.model.archive import pack
from training.model.image import LIBRARIES
from training.model.run import ARCHIVE, SCRIPT, TrainedModel, hyperparameters

TIME_LIMIT_SECONDS = 600
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "numpy": "numpy"}


def train(prepared: Prepared) -> TrainedModel:
    """Fit a model to prepared data and pack it.

    Parameters
    ----------
    prepared
        The folder with both channels and the spec; ``model/`` and ``model.tar.gz`` are written beside them.

    Returns
    -------
    TrainedModel
        The archive, its spec and its metrics.

    Raises
    ------
    TrainingError
        The folder is not a prepared one, this environment has other libraries than the container, or train.py
        fails; the message ends with what train.py said.
    """
    arguments = hyperparameters(prepared)
    _check_libraries()
    model_dir = prepared.folder / "model"
    command = [sys.executable, "-I", "-W", "error", str(SCRIPT)]
    try:
        done = subprocess.run(
            [*command, *(text for name, value in arguments.items() for text in (f"--{name}", value))],
            env=_environment(prepared, model_dir),
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TrainingError(f"training took over {TIME_LIMIT_SECONDS} s: prepare fewer --max-rows") from error
    if done.returncode != 0:
        raise TrainingError(f"training failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    metrics = json.loads((model_dir / "metrics.json").read_text(encoding="utf-8"))
    return TrainedModel(pack(model_dir, prepared.folder / ARCHIVE), prepared.spec, metrics)


def _check_libraries() -> None:
    """Refuse to train with other libraries than the container's, which might not load the model rightly."""
    for library, distribution in _DISTRIBUTIONS.items():
        try:
            found = version(distribution)
        except PackageNotFoundError:
            found = "none"
        if found != LIBRARIES[library]:
            raise TrainingError(
                f"this environment has {distribution} {found}, the container {LIBRARIES[library]}: run"
                " `make setup`, or train with --where sagemaker"
            )


def _environment(prepared: Prepared, model_dir: Path) -> Mapping[str, str]:
    """The container's variables, and nothing of the caller's but the search path."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "SM_MODEL_DIR": str(model_dir),
        "SM_CHANNEL_TRAIN": str(prepared.train),
        "SM_CHANNEL_TEST": str(prepared.test),
    }
