"""A finding of the doctor's: what was looked at, how it stands, and what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import BotoCoreError, ClientError

from dropscore.aws.clients import error_code, error_message

DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403", "UnauthorizedOperation"}
)


class Level(StrEnum):
    """How a thing stands; a problem keeps drops from being scored, or keeps you from knowing it."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """One line.

    Attributes
    ----------
    about
        What was looked at.
    next
        What to do; empty where there is nothing to do.
    """

    level: Level
    about: str
    found: str
    next: str = ""


Findings = Iterator[Finding]


def ok(about: str, found: str) -> Finding:
    """It is as it should be."""
    return Finding(Level.OK, about, found)


def warning(about: str, found: str, do: str) -> Finding:
    """It works, but not as well as it could, or only for now."""
    return Finding(Level.WARNING, about, found, do)


def problem(about: str, found: str, do: str) -> Finding:
    """It does not work."""
    return Finding(Level.PROBLEM, about, found, do)


def looked_at(about: str, look: Callable[[], Findings]) -> Findings:
    """What a look finds; a service that refuses to be asked is a finding of its own, and ends the look."""
    try:
        yield from look()
    except ClientError as error:
        if error_code(error) in DENIED:
            yield warning(
                about,
                f"not known: you may not call {error.operation_name}",
                "docs/permissions.md lists what an operator needs",
            )
        else:
            yield problem(
                about, f"{error.operation_name}: {error_code(error)}: {error_message(error)}", "ask again"
            )
    except BotoCoreError as error:
        yield problem(about, str(error), "is there a network, and is the region right?")
