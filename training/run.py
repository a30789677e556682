"""One training run on this machine: train.py in a process of its own, as the container would start it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dropscore.domain.spec import FeatureSpec
from training.archive import pack
from training.errors import TrainingError
from training.split import Prepared

SCRIPT = Path(__file__).with_name("container") / "train.py"
TIME_LIMIT_SECONDS = 600


@dataclass(frozen=True)
class TrainedModel:
    """A trained model, packed.

    Attributes
    ----------
    archive
        ``model.tar.gz``.
    spec
        The ``feature_spec.json`` it was trained with.
    metrics
        What train.py measured on the test channel, e.g. ``AE-at-50th-percentile``; None where undefined.
    """

    archive: Path
    spec: Path
    metrics: Mapping[str, float | None]


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
        When the folder is not a prepared one, or train.py fails; the message ends with what train.py said.
    """
    if not prepared.spec.is_file():
        raise TrainingError(
            f"{prepared.folder} has no {prepared.spec.name}: run `python -m training prepare` first"
        )
    spec = FeatureSpec.parse(prepared.spec.read_bytes())
    model_dir = prepared.folder / "model"
    arguments = ["--features", json.dumps(spec.features), "--target", str(spec.target)]
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), *arguments],
        env=_environment(prepared, model_dir),
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise TrainingError(f"training failed: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    metrics = json.loads((model_dir / "metrics.json").read_text(encoding="utf-8"))
    return TrainedModel(pack(model_dir, prepared.folder / "model.tar.gz"), prepared.spec, metrics)


def _environment(prepared: Prepared, model_dir: Path) -> dict[str, str]:
    """The container's variables, and nothing of the caller's but the search path."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "SM_MODEL_DIR": str(model_dir),
        "SM_CHANNEL_TRAIN": str(prepared.train),
        "SM_CHANNEL_TEST": str(prepared.test),
    }
