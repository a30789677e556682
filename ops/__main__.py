"""The door of `python -m ops`: the project's environment, set up if need be, and errors in one line."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def main() -> None:
    """Run the command line, in the project's environment, which alone has `dropscore` to import."""
    if importlib.util.find_spec("dropscore") is None:
        _change_environment()
    _run()


def _change_environment() -> None:
    """Set the environment up where it is missing, and start again in it."""
    make = ["make", "--silent", "setup"]
    done = subprocess.run(make, cwd=REPOSITORY, stdout=sys.stderr, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    python = str(REPOSITORY / ".venv" / "bin" / "python")
    os.execv(python, [python, "-m", "ops", *sys.argv[1:]])  # noqa: S606 - our own interpreter, no shell


def _run() -> None:
    """An error that a person can act on is one line on stderr, and exit code 1."""
    # Only the project's environment has these.
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - see above

    from dropscore.domain.errors import DropscoreError  # noqa: PLC0415 - see above
    from ops.cli import app  # noqa: PLC0415 - see above

    try:
        app(prog_name="python -m ops")
    except BotoCoreError as error:
        sys.exit(f"error: {error}: check your credentials")
    except DropscoreError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
