"""The git commit that a model was trained by."""

import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


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
