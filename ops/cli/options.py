"""Options that several commands have."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dropscore.domain.catalogue import Arrived
from ops.connection import connect
from ops.errors import BadChoice, NeedsConfirmation
from ops.ledger import day_of
from ops.stack import Stack, find_stack

Json = Annotated[
    bool, typer.Option("--json", help="For machines: one JSON document on stdout, and nothing else.")
]
StackName = Annotated[
    str | None, typer.Option(envvar="STACK", help="By default what samconfig.toml names, else dropscore.")
]
Region = Annotated[str | None, typer.Option(envvar="AWS_REGION", help="By default the AWS CLI's.")]
Endpoint = Annotated[
    str | None,
    typer.Option(envvar="AWS_ENDPOINT_URL", help="Another AWS than the real one."),
]
Local = Annotated[bool, typer.Option("--local", help="The stack of `make local`, whatever else is set.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Day = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Drops that arrived on that day (UTC).")]


def open_stack(stack_name: str | None, region: str | None, endpoint_url: str | None, *, local: bool) -> Stack:
    """The stack that a command is about."""
    return find_stack(connect(stack_name, region, endpoint_url, local=local))


def arrived_on(day: str | None) -> Arrived:
    """The bounds of a day; none without one.

    Raises
    ------
    BadChoice
        It is no day.
    """
    try:
        return day_of(day) if day else Arrived()
    except ValueError as error:
        raise BadChoice(f"--day {day!r} is no day: write it as 2026-11-22") from error


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that costs; nobody to ask counts as a no.

    Raises
    ------
    NeedsConfirmation
        It was not agreed to.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise NeedsConfirmation(f"{question} Pass --yes to agree; nothing was done")
    if not typer.confirm(question, err=True):
        raise NeedsConfirmation("nothing was done")


def only_one(**given: object) -> None:
    """Refuse a command that says twice, or not at all, what it is about.

    Raises
    ------
    BadChoice
        Not exactly one of the options was given.
    """
    chosen = [name for name, value in given.items() if value]
    if len(chosen) != 1:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise BadChoice(f"give exactly one of {names}")
