"""Durations, as a person writes them on a command line."""

import re
from fractions import Fraction

from training.errors import TrainingError

_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
LONGEST = 24 * _UNITS["h"]


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
    if found > LONGEST:
        raise TrainingError(
            f"--tolerance {text!r} is more than a day: rows so far apart have nothing in common"
        )
    return found


def in_words(duration: int) -> str:
    """Say a duration in microseconds in seconds, e.g. ``60 s``."""
    return f"{duration / 1_000_000:g} s"
