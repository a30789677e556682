"""The command `rescore`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from dropscore.domain.drop import DropState
from ops.choosing import Chosen, Wish, choose, clock_of
from ops.cli.options import (
    Day,
    DryRun,
    Endpoint,
    Json,
    Local,
    Region,
    StackName,
    Yes,
    arrived_on,
    confirm,
    open_stack,
)
from ops.cli.output import ago, interruptible, many, size
from ops.connection import THREADS
from ops.errors import BadChoice
from ops.prices import Cost, estimate
from ops.rescore import Copied
from ops.rescore import rescore as copy_onto_themselves
from ops.stack import Stack
from training.cli.output import Output

SECONDS_A_COPY = 0.2
"""What a small file's copy takes, by experience with S3; large ones take longer."""


def rescore(  # noqa: PLR0913 - an argument for each option
    *,
    key: Annotated[str | None, typer.Option(help="One file.")] = None,
    prefix: Annotated[str | None, typer.Option(help="All files below it; `/` ends a folder.")] = None,
    day: Day = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="Drops that this model version has scored.")
    ] = None,
    state: Annotated[
        list[DropState] | None, typer.Option(help="Only drops in this state: SCORED, REJECTED or FAILED.")
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(metavar="MOMENT", help="Only files put before it; what an interrupted run says."),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    stack_name: StackName = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
    local: Local = False,
    as_json: Json = False,
) -> None:
    """Have files scored again, by the version that is approved now: each is copied onto itself.

    A copy is a new drop; the first one and its result stay. Says how many and what it costs, and asks.
    """
    output, stack = Output(as_json), open_stack(stack_name, region, endpoint_url, local=local)
    wish = _wish(stack, key, prefix, day, version, state, before)
    chosen, done = Chosen(), Copied()
    repeat = f"the same with --before {wish.before:%Y-%m-%dT%H:%M:%SZ} goes on where this ended"

    def document() -> dict[str, Any]:
        return _document(stack, wish, chosen, done, dry_run=dry_run)

    with interruptible(output, lambda: f"{done.copied:,} copied; next: {repeat}", document):
        with output.progress("files found") as advance:
            for chosen in choose(stack, wish):
                advance(len(chosen.files), len(chosen.files))
        _tell_of_choice(output, stack, chosen)
        if chosen.files and not dry_run:
            confirm(f"Copy {many(len(chosen.files), 'file')} in place?", yes=yes)
            with output.progress("copied") as advance:
                for done in copy_onto_themselves(stack, chosen.files):
                    advance(done.copied + done.failed, len(chosen.files))
    _tell_of_copies(output, chosen, done, repeat, dry_run=dry_run)
    output.finish(document())
    raise typer.Exit(1 if done.failed else 0)


def _wish(  # noqa: PLR0913, PLR0917 - an argument for each option
    stack: Stack,
    key: str | None,
    prefix: str | None,
    day: str | None,
    version: int | None,
    states: list[DropState] | None,
    before: str | None,
) -> Wish:
    by_drop = day is not None or version is not None
    if (key is not None) + (prefix is not None) + by_drop != 1:
        raise BadChoice("give one of --key, --prefix, --day and --version; --day and --version go together")
    final = frozenset(state for state in DropState if state.final)
    wanted = frozenset(states or final)
    if not wanted <= final:
        raise BadChoice("--state takes SCORED, REJECTED and FAILED: all others are scored anyway")
    return Wish(key, prefix, arrived_on(day) if day else None, version, wanted, _moment(stack, before))


def _moment(stack: Stack, text: str | None) -> datetime:
    if text is None:
        return clock_of(stack)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadChoice(f"--before {text!r} is no moment: write it as 2026-11-22T16:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tell_of_choice(output: Output, stack: Stack, chosen: Chosen) -> None:
    output.say(f"{many(len(chosen.files), 'file')}, {size(chosen.size)}, {many(chosen.rows, 'row')}")
    for reason, count in chosen.left_alone.items():
        output.say(f"left alone: {count:,}, {reason}")
    if chosen.files:
        output.say(f"cost: {_cost(stack, chosen).words(stack.parameters['InstanceType'])}")
        output.say(
            f"copying takes about {ago(len(chosen.files) * SECONDS_A_COPY / THREADS)}, scoring some minutes"
        )


def _cost(stack: Stack, chosen: Chosen) -> Cost:
    return estimate(
        files=len(chosen.files),
        size=chosen.size,
        job_max_drops=stack.number("JobMaxDrops"),
        instances=int(stack.parameters["MinInstances"]),
        instance_type=stack.parameters["InstanceType"],
    )


def _tell_of_copies(output: Output, chosen: Chosen, done: Copied, repeat: str, *, dry_run: bool) -> None:
    for failure in done.failures:
        output.say(f"not copied: {failure}")
    if dry_run or not chosen.files:
        output.say("next: the same without --dry-run" if chosen.files else "nothing to score again")
        return
    output.say(f"{done.copied:,} copied, {done.failed:,} not")
    if done.failed:
        output.say(f"next: mend the cause; {repeat}")
    else:
        output.say("next: python -m ops status; the copies are new drops")


def _document(stack: Stack, wish: Wish, chosen: Chosen, done: Copied, *, dry_run: bool) -> dict[str, Any]:
    return {
        "stack": stack.name,
        "bucket": stack.inbox,
        "dry_run": dry_run,
        "before": wish.before.isoformat(),
        "files": len(chosen.files),
        "size": chosen.size,
        "rows": chosen.rows,
        "left_alone": dict(chosen.left_alone),
        "cost": vars(_cost(stack, chosen)),
        **vars(done),
    }
