"""The door of `python -m ops`: the project's environment, set up if need be, and errors in one line."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

REPOSITORY = Path(__file__).resolve().parents[1]

INTERRUPTED = 130
NOT_ALLOWED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403", "UnauthorizedOperation"}
)
NOT_SIGNED_IN = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


def main() -> None:
    """Run the command line, in the project's environment, which alone has `dropscore` to import."""
    if importlib.util.find_spec("dropscore") is None:
        _change_environment()
    try:
        _run()
    except KeyboardInterrupt:  # before there is a command that could say more
        sys.exit(INTERRUPTED)


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
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError  # noqa: PLC0415 - see above

    from dropscore.domain.errors import DropscoreError  # noqa: PLC0415 - see above
    from ops.cli.app import app  # noqa: PLC0415 - see above

    try:
        app(prog_name="python -m ops")
    except ClientError as error:
        _end(f"{error}: {_advice(error)}")
    except EndpointConnectionError as error:
        _end(f"{error}: is there a network, is the region right, is `make local` up?")
    except BotoCoreError as error:
        _end(f"{error}: check your credentials, the region and --stack-name")
    except (DropscoreError, OSError) as error:
        _end(str(error))


def _advice(error: "ClientError") -> str:
    code = str(error.response["Error"]["Code"])
    if code in NOT_ALLOWED:
        return "you need that permission; docs/permissions.md lists an operator's"
    if code in NOT_SIGNED_IN:
        return "sign in again, as for the AWS CLI"
    return "python -m ops doctor looks for the cause"


def _end(reason: str) -> NoReturn:
    """Say it on stderr, and to a machine that asked for JSON on stdout, too."""
    if "--json" in sys.argv:
        sys.stdout.write(json.dumps({"error": reason}, ensure_ascii=False) + "\n")
    sys.exit(f"error: {reason}")


if __name__ == "__main__":
    main()
