"""The command `tail`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ops.cli.options import Endpoint, Json, Local, Region, StackName, open_stack
from ops.cli.output import interruptible
from ops.tail import Follower, Line, Subject, subject_of
from training.cli.output import Output


def tail(  # noqa: PLR0913 - an argument for each option
    drop: Annotated[
        str,
        typer.Argument(metavar="DROP_ID|KEY", help="A drop, or a file of the inbox: its current version."),
    ],
    *,
    seconds: Annotated[
        float, typer.Option("--for", min=0, metavar="SECONDS", help="Look no longer than this.")
    ] = 900,
    stack_name: StackName = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
    local: Local = False,
    as_json: Json = False,
) -> None:
    """Follow one drop through its states, with what the functions log about it, until it is final.

    The exit code is 0 when it is SCORED, 1 when it is REJECTED or FAILED, or not final in time.
    """
    output, stack = Output(as_json), open_stack(stack_name, region, endpoint_url, local=local)
    subject = subject_of(stack, drop)
    follower, told = Follower(stack, subject), list[Line]()
    named = f" ({subject.key})" if subject.key else ""
    output.say(f"drop {subject.drop_id}{named}; a job takes minutes on AWS. Ctrl-C ends this, not the drop.")
    with interruptible(output, lambda: "the drop goes on", lambda: _document(subject, follower, told)):
        for lines in follower.follow(seconds):
            told += lines
            for line in lines:
                output.say(f"{line.at:%H:%M:%S} {line.source:12} {line.text}")
    _tell_end(output, follower, seconds)
    output.finish(_document(subject, follower, told))
    scored = follower.drop is not None and follower.drop.state.value == "SCORED"
    raise typer.Exit(0 if scored else 1)


def _tell_end(output: Output, follower: Follower, seconds: float) -> None:
    drop = follower.drop
    if drop is None or not drop.state.final:
        output.say(f"not final within {seconds:g} s; next: python -m ops status says what waits for what")
        return
    counts = f"{drop.rows_in:,} rows in, {drop.rows_scored:,} scored, {drop.rows_rejected:,} rejected"
    output.say(f"{drop.state.value}: {counts if drop.rows_in else drop.reason or 'no rows'}")
    if drop.result_uri:
        output.say(f"result: {drop.result_uri}")
    if drop.rejects_uri:
        output.say(f"rejects: {drop.rejects_uri}")
    if drop.state.value == "FAILED":
        output.say(f"next: mend the cause, then python -m ops retry {drop.drop_id}")
    elif drop.state.value == "REJECTED":
        output.say("next: send the sender the reason")


def _document(subject: Subject, follower: Follower, told: list[Line]) -> dict[str, Any]:
    drop = follower.drop
    return {
        "drop_id": subject.drop_id,
        "key": drop.source.key if drop else subject.key,
        "state": drop.state.value if drop else None,
        "reason": drop.reason if drop else None,
        "final": follower.final,
        "rows_in": drop.rows_in if drop else None,
        "result_uri": drop.result_uri if drop else None,
        "rejects_uri": drop.rejects_uri if drop else None,
        "lines": [{"at": line.at.isoformat(), "source": line.source, "text": line.text} for line in told],
    }
