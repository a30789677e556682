"""Options that several commands have, and how names and durations in them are read."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer

from training.errors import TrainingError

Json = Annotated[
    bool, typer.Option("--json", help="For machines: one JSON document on stdout, and nothing else.")
]
Folder = Annotated[Path, typer.Argument(help="The folder that `prepare` wrote.")]
Group = Annotated[str, typer.Option(envvar="MODEL_PACKAGE_GROUP", help="The stack's ModelPackageGroupName.")]
Endpoint = Annotated[
    str | None,
    typer.Option(envvar="AWS_ENDPOINT_URL", help="Another AWS than the real one, e.g. the local stack's."),
]
Region = Annotated[str | None, typer.Option(envvar="AWS_REGION", help="By default the AWS CLI's.")]
Number = Annotated[int, typer.Argument(metavar="VERSION", help="The number that `list` shows.", min=1)]
Reason = Annotated[str, typer.Option(help="Kept with the decision.")]
Yes = Annotated[
    bool, typer.Option("--yes", help="Do not ask: approve it even if it is worse than the one it replaces.")
]
Image = Annotated[str | None, typer.Option(help="Image URI, for regions that training does not know.")]

DEFAULT_GROUP = "dropscore"
DEFAULT_REASON = "decided with python -m training"

_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
_LONGEST = 24 * _UNITS["h"]


def split_names(text: str) -> tuple[str, ...]:
    """Split names separated by commas, or by blanks where there is no comma (names may then hold blanks).

    Parameters
    ----------
    text
        E.g. ``minutes hour`` or ``CPU load, hour``.

    Returns
    -------
    tuple of str
        The names, in order, without surrounding blanks.
    """
    parts = text.split(",") if "," in text else text.split()
    return tuple(name.strip() for name in parts if name.strip())


def microseconds(text: str) -> int:
    """Read ``60s``, ``1.5m``, ``250ms`` or ``1h``; a bare number means seconds.

    Raises
    ------
    TrainingError
        It is none of these, or longer than a day.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|)\s*", text)
    if not match:
        raise TrainingError(f"--tolerance {text!r} is no duration: write e.g. 60s, 5m or 250ms")
    found = int(Fraction(match[1]) * _UNITS[match[2] or "s"])
    if found > _LONGEST:
        raise TrainingError(
            f"--tolerance {text!r} is more than a day: rows so far apart have nothing in common"
        )
    return found
