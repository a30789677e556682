"""A training run, wherever it runs: what train.py is given, and what it makes."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dropscore.domain.spec import sha256_hex
from training.data.prepared import Prepared
from training.model.metrics import Metrics

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = REPOSITORY / "training" / "container" / "train.py"
ARCHIVE = "model.tar.gz"


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
    metrics: Metrics


def hyperparameters(prepared: Prepared) -> dict[str, str]:
    """The arguments that train.py is started with, here and on SageMaker, by name.

    Raises
    ------
    TrainingError
        The folder is not a prepared one.
    SpecError
        Its feature spec is none.
    """
    spec = prepared.read_spec()
    record = {"feature_spec_sha256": sha256_hex(prepared.spec.read_bytes()), "git_commit": git_commit()}
    return {"features": json.dumps(spec.features), "target": str(spec.target), "record": json.dumps(record)}


def git_commit(repository: Path = REPOSITORY) -> str | None:
    """Name the commit of a working tree, with ``-dirty`` where something in it is not committed.

    None where there is no git, or the folder is not the top of a working tree: a downloaded archive that lies
    in somebody else's tree must not be taken for that tree's commit.
    """
    top = _git(repository, "rev-parse", "--show-toplevel")
    commit = _git(repository, "rev-parse", "HEAD")
    changes = _git(repository, "status", "--porcelain")
    if not top or not commit or changes is None or Path(top).resolve() != repository.resolve():
        return None
    return f"{commit}-dirty" if changes else commit


def _git(repository: Path, *arguments: str) -> str | None:
    """What git says; None where it cannot."""
    command = ["git", "--no-optional-locks", "-C", str(repository), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
