"""The door of `python -m training`: the project's environment, set up if need be, and errors in one line."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

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
    os.execv(python, [python, "-m", "training", *sys.argv[1:]])  # noqa: S606 - our own interpreter, no shell


def _run() -> None:
    """An error that a person can act on is one line on stderr, and exit code 1."""
    # Only the project's environment has these.
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see above

    from dropscore.domain.errors import DropscoreError  # noqa: PLC0415 - see above
    from training.cli.app import app  # noqa: PLC0415 - see above

    try:
        app(prog_name="python -m training")
    except (ClientError, BotoCoreError) as error:
        _end(f"{error}: check your credentials, the region, --bucket and --group")
    except (DropscoreError, OSError) as error:
        _end(str(error))


def _end(reason: str) -> NoReturn:
    """Say it on stderr, and to a machine that asked for JSON on stdout, too."""
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps({"error": reason}, ensure_ascii=False) + "\n")
    sys.exit(f"error: {reason}")


if __name__ == "__main__":
    main()
