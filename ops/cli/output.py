"""How commands say times, sizes and money, and how they end when they are interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import typer

from training.cli.output import Output

INTERRUPTED = 130
"""The exit code of what Ctrl-C has ended (128 + SIGINT)."""

KIB = 1024
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def ago(seconds: float) -> str:
    """A duration in its largest unit: `42 s`, `12 min`, `3 h`, `2 d`."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def since(moment: datetime, now: datetime) -> str:
    """How long ago a moment was."""
    return ago((now - moment).total_seconds())


def size(count: float) -> str:
    """Bytes in a unit that a person can compare."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < KIB or unit == "GiB":
            break
        count /= KIB
    return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"


def many(number: int, what: str) -> str:
    """A number of things: `1 file`, `2,000 files`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


@contextmanager
def interruptible(
    output: Output, done: Callable[[], str], document: Callable[[], dict[str, Any]]
) -> Iterator[None]:
    """Let Ctrl-C end a block: say what has been done by then, and leave with 130."""
    try:
        yield
    except KeyboardInterrupt:
        output.say(f"\ninterrupted: {done()}")
        output.finish({**document(), "interrupted": True})
        raise typer.Exit(INTERRUPTED) from None
