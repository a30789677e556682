"""The command `enqueue`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from dropscore.domain.source import NoDrop
from ops.cli.options import DryRun, Endpoint, Json, Local, Region, StackName, open_stack
from ops.cli.output import interruptible, many, size
from ops.enqueue import Enqueued
from ops.enqueue import enqueue as send_what_lacks
from ops.inbox import prefix_of
from ops.stack import Stack
from training.cli.output import Output


def enqueue(  # noqa: PLR0913 - an argument for each option
    where: Annotated[str, typer.Argument(metavar="s3://INBOX/PREFIX", help="Files of the stack's inbox.")],
    *,
    dry_run: DryRun = False,
    stack_name: StackName = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
    local: Local = False,
    as_json: Json = False,
) -> None:
    """Send prepare the files that the ledger lacks: there before the stack, or their notification was lost.

    Only current versions; says which objects are no drops, and why. May be repeated at any time.
    """
    output, stack = Output(as_json), open_stack(stack_name, region, endpoint_url, local=local)
    prefix, done = prefix_of(stack, where), Enqueued()
    output.say(f"looking at s3://{stack.inbox}/{prefix}; a second or two for each 1,000 files")
    with (
        interruptible(output, lambda: _words(done, dry_run=dry_run), lambda: asdict(done)),
        output.progress("files") as advance,
    ):
        for done in send_what_lacks(stack, prefix, dry_run=dry_run):
            advance(done.seen, done.seen)
    for key in done.keys:
        output.say(f"  {key}")
    if done.lacking > len(done.keys):
        output.say(f"  and {done.lacking - len(done.keys):,} others")
    _tell_of_no_drops(output, stack, done)
    output.say(_words(done, dry_run=dry_run))
    if done.sent:
        output.say(f"next: python -m ops status; their log lines have correlation_id {done.request}")
    elif done.lacking:
        output.say("next: the same without --dry-run")
    output.finish(
        {"stack": stack.name, "bucket": stack.inbox, "prefix": prefix, "dry_run": dry_run, **asdict(done)}
    )


def _tell_of_no_drops(output: Output, stack: Stack, done: Enqueued) -> None:
    for reason, count in done.no_drops.items():
        why = reason.describe(stack.suffixes)
        output.say(f"no drops: {many(count, 'object')} ({reason}: {why}), such as")
        for key in done.no_drop_keys[reason]:
            output.say(f"  {key}")
    if NoDrop.SUFFIX in done.no_drops:
        output.say("InboxSuffixes takes more: docs/operations.md, Objects that are no drops")


def _words(done: Enqueued, *, dry_run: bool) -> str:
    lacks = f"{done.lacking:,} ({size(done.size)}) that the ledger lacks"
    sent = "none sent (--dry-run)" if dry_run else f"{done.sent:,} sent"
    return f"{many(done.seen, 'file')}: {done.known:,} known, {lacks}, {sent}"
