"""The commands `retry` and `release`: what only an operator can bring back."""

from __future__ import annotations

from typing import Annotated

import typer

from dropscore.domain.catalogue import Arrived
from ops import sweeping
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
    only_one,
    open_stack,
)
from ops.cli.output import interruptible, many
from ops.failed import HeldVersion, arn_of, failed_drops, held_versions, reasons
from ops.stack import Stack
from training.cli.output import Output

REVIVED = "WAITING"
"""How the function's answer begins for a drop that is tried again."""

RELEASED = "scores again"


def retry(  # noqa: PLR0913 - an argument for each option
    drop_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[DROP_ID]...", help="FAILED drops.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All FAILED drops.")] = False,
    day: Day = None,
    prefix: Annotated[str, typer.Option(help="With --all or --day: only of keys that begin so.")] = "",
    dry_run: DryRun = False,
    yes: Yes = False,
    stack_name: StackName = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
    local: Local = False,
    as_json: Json = False,
) -> None:
    """Have FAILED drops prepared and scored anew, as the same drops. Mend the cause first."""
    only_one(drop_id=drop_ids, all=every, day=day)
    output, stack = Output(as_json), open_stack(stack_name, region, endpoint_url, local=local)
    chosen = drop_ids or _choose(output, stack, arrived_on(day), prefix)
    answers: dict[str, str] = {}
    if chosen and not dry_run:
        if not drop_ids:
            confirm(f"Retry {many(len(chosen), 'drop')}?", yes=yes)
        with interruptible(
            output, lambda: f"{len(answers):,} of {len(chosen):,} asked for", lambda: {"retry": answers}
        ):
            for answer in sweeping.retry(stack, chosen):
                answers.update(answer)
    _tell(output, chosen, answers, dry_run=dry_run)
    output.finish({"stack": stack.name, "drops": list(chosen), "retry": answers, "dry_run": dry_run})
    raise typer.Exit(0 if all(answer.startswith(REVIVED) for answer in answers.values()) else 1)


def _choose(output: Output, stack: Stack, arrived: Arrived, prefix: str) -> list[str]:
    """Find FAILED drops, and say why they failed."""
    drops = failed_drops(stack, arrived, prefix)
    output.say(f"{many(len(drops), 'drop')} FAILED")
    if drops:
        output.table([(f"  {count:,}", reason) for reason, count in reasons(drops)])
    return [drop.drop_id for drop in drops]


def _tell(output: Output, chosen: list[str], answers: dict[str, str], *, dry_run: bool) -> None:
    revived = sum(answer.startswith(REVIVED) for answer in answers.values())
    for drop_id, answer in answers.items():
        if not answer.startswith(REVIVED):
            output.say(f"  {drop_id}: {answer}")
    if dry_run:
        output.say(f"{many(len(chosen), 'drop')} to be retried; next: the same without --dry-run")
    elif revived:
        output.say(
            f"{many(revived, 'drop')} WAITING, to be prepared and scored anew; next: python -m ops status"
        )
    else:
        output.say("nothing to retry" if not chosen else "nothing was retried")


def release(
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Its number or ARN; none shows which are held.")
    ] = None,
    *,
    stack_name: StackName = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
    local: Local = False,
    as_json: Json = False,
) -> None:
    """Let a held model version score again; without a version, say which are held and why."""
    output, stack = Output(as_json), open_stack(stack_name, region, endpoint_url, local=local)
    if version is None:
        _tell_of_held(output, stack, held_versions(stack))
        return
    arn = arn_of(stack, int(version)) if version.isdecimal() else version
    answer = sweeping.release(stack, arn)
    output.say(f"{arn}: {answer}")
    if answer == RELEASED:
        output.say("its drops are looked at again within 5 minutes; next: python -m ops status")
    output.finish({"stack": stack.name, "release": {arn: answer}})
    raise typer.Exit(0 if answer == RELEASED else 1)


def _tell_of_held(output: Output, stack: Stack, held: list[HeldVersion]) -> None:
    for one in held:
        output.say(f"version {one.version} is held: {one.reason}")
        output.say(
            f"next: mend it, then python -m ops release {one.version}; or reject it with python -m training"
        )
    if not held:
        output.say(f"no version of {stack.group} is held")
    output.finish({"stack": stack.name, "held": [vars(one) for one in held]})
