"""The command `status`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from dropscore.domain.drop import DropState
from dropscore.domain.source import NoDrop
from ops.cli.options import Endpoint, Json, Local, Region, StackName, open_stack
from ops.cli.output import ago, many, since
from ops.queues import Depth
from ops.stack import Stack
from ops.status import OpenJob, Status, look
from ops.waiting import Wait
from training.cli.output import Output


def status(
    days: Annotated[int, typer.Option(min=1, max=400, help="Count what ended of the last so many days.")] = 7,
    *,
    stack_name: StackName = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
    local: Local = False,
    as_json: Json = False,
) -> None:
    """Drops and jobs by state, what waits for what, queues and dead letter queues. Only reads."""
    output, stack = Output(as_json), open_stack(stack_name, region, endpoint_url, local=local)
    found = look(stack, days)
    output.say(f"stack {stack.name} in {stack.connection.region}, {stack.status}")
    _tell(output, stack, found)
    output.finish({"stack": stack.name, "stack_status": stack.status, **found.document()})


def _tell(output: Output, stack: Stack, found: Status) -> None:
    output.say(f"\ndrops (the final ones: arrived in the last {found.days} days)")
    output.table([(f"  {state.value}", str(found.drops[state])) for state in DropState])
    if found.no_drops and any(found.no_drops.values()):
        output.say(f"\nobjects of the inbox that are no drops (last {found.days} days)")
        output.table([_no_drops(*pair, stack.suffixes) for pair in found.no_drops.items()])
    output.say(f"\njobs: {found.jobs_today} planned today, MaxJobsPerDay is {found.max_per_day}")
    if found.jobs:
        output.table([_job(job, found.now) for job in found.jobs])
    if found.waits:
        output.say("\nwhat waits for what")
        output.table([_wait(wait, found.now) for wait in found.waits])
    output.say("\nqueues")
    output.table([_queue(queue) for queue in found.queues])
    if found.paused:
        output.say("\nPaused=true: files are prepared, no jobs are started")
    for arn, reason in found.held.items():
        output.say(f"\nheld: {arn}: {reason}")
    output.say("")
    for needed in found.needs:
        output.say(f"next: {needed}")
    if not found.needs:
        output.say("nothing needs you")


def _no_drops(reason: NoDrop, count: int, suffixes: Sequence[str]) -> tuple[str, ...]:
    return (f"  {reason.value}", f"{count:,}", reason.describe(suffixes))


def _job(job: OpenJob, now: datetime) -> tuple[str, ...]:
    return (
        f"  {job.state.value}",
        job.name,
        many(job.drops, "drop"),
        f"version {job.version}",
        since(job.since, now),
        f"SageMaker: {job.at_sagemaker or 'has not got it, or was not asked'}",
    )


def _wait(wait: Wait, now: datetime) -> tuple[str, ...]:
    return (f"  {wait.number:,}", wait.what, f"for {since(wait.since, now)}", f"waits for {wait.waits_for}")


def _queue(queue: Depth) -> tuple[str, ...]:
    if not queue.total:
        return (f"  {queue.name}", "empty", "")
    parts = [f"{queue.waiting:,} waiting"]
    parts += [f"{queue.in_flight:,} in flight"] if queue.in_flight else []
    parts += [f"{queue.delayed:,} delayed"] if queue.delayed else []
    age = (
        "age of the oldest not known (yet)"
        if queue.oldest_seconds is None
        else f"oldest {ago(queue.oldest_seconds)}"
    )
    return (f"  {queue.name}", ", ".join(parts), age)
