"""The command `redrive`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from ops.cli.options import Endpoint, Json, Local, Region, StackName, open_stack
from ops.cli.output import interruptible, many
from ops.redrive import HIDDEN_SECONDS, LOOK_SECONDS, SOURCES, UNDELIVERED, Moved, empty, look
from ops.redrive import redrive as send_back
from ops.stack import Stack
from training.cli.output import Output

NAMED = 5


def redrive(  # noqa: PLR0913 - an argument for each option
    *,
    empty_undelivered: Annotated[
        bool, typer.Option("--empty-undelivered", help="Delete what is in UndeliveredDlq, and nothing else.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look at up to 50 messages, and leave them there.")
    ] = False,
    stack_name: StackName = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
    local: Local = False,
    as_json: Json = False,
) -> None:
    """Send dead letters back to the queue they came from. Mend the cause first, or they fail again.

    A message is sent before it is deleted: cut off at any point, none is lost, and some come twice, which
    changes nothing. UndeliveredDlq has nothing that is worth sending: the sweep makes up for it.
    """
    output, stack = Output(as_json), open_stack(stack_name, region, endpoint_url, local=local)
    done: dict[str, Moved] = {}

    def document() -> dict[str, Any]:
        queues = {name: _document(moved) for name, moved in done.items()}
        return {"stack": stack.name, "dry_run": dry_run, "queues": queues}

    with interruptible(output, lambda: _moved(done), document):
        for moved in _moves(stack, dry_run=dry_run, empty_undelivered=empty_undelivered):
            done[moved.queue] = moved
    for moved in done.values():
        _tell(output, moved, dry_run=dry_run)
    output.finish(document())


def _moved(done: dict[str, Moved]) -> str:
    return ", ".join(f"{moved.moved} of {name}" for name, moved in done.items()) or "nothing moved"


def _moves(stack: Stack, *, dry_run: bool, empty_undelivered: bool) -> Iterator[Moved]:
    if dry_run:
        yield from (look(stack, name) for name in (*SOURCES, UNDELIVERED))
    elif empty_undelivered:
        yield from empty(stack)
    else:
        for name in SOURCES:
            yield from send_back(stack, name)


def _document(moved: Moved) -> dict[str, Any]:
    return {"found": moved.found, "moved": moved.moved, "kinds": dict(moved.kinds), "names": moved.names}


def _tell(output: Output, moved: Moved, *, dry_run: bool) -> None:
    if not moved.found:
        output.say(f"{moved.queue}: empty")
        return
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in moved.kinds.items())
    if dry_run:
        seen = kinds or "none, others have them"
        output.say(f"{moved.queue}: about {many(moved.found, 'message')}, looked at: {seen}")
    elif moved.queue == UNDELIVERED:
        output.say(f"{moved.queue}: {many(moved.moved, 'message')} deleted ({kinds})")
    else:
        output.say(f"{moved.queue}: {many(moved.moved, 'message')} back in {SOURCES[moved.queue]} ({kinds})")
    for name in moved.names[:NAMED]:
        output.say(f"  {name}")
    if len(moved.names) > NAMED:
        output.say(f"  and {len(moved.names) - NAMED:,} more")
    _advise(output, moved, dry_run=dry_run)


def _advise(output: Output, moved: Moved, *, dry_run: bool) -> None:
    left = moved.found - moved.moved
    if dry_run and moved.queue == UNDELIVERED:
        output.say("  next: nothing is lost; --empty-undelivered, once EventBridge reaches its targets")
    elif dry_run:
        output.say(
            f"  next: mend the cause, then python -m ops redrive, in {LOOK_SECONDS} s: a look hides messages"
        )
    elif left > 0:
        output.say(f"  next: about {left:,} are left, hidden by somebody's look: again in {HIDDEN_SECONDS} s")
    elif moved.queue != UNDELIVERED:
        output.say("  next: python -m ops status")
