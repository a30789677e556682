"""The command `smoke`."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.options import Endpoint, Json, Local, Region, StackName, Yes, confirm, open_stack
from ops.cli.output import INTERRUPTED, many
from training.cli.output import Output

if TYPE_CHECKING:
    from ops.smoke.frame import Seen
    from ops.smoke.run import Run


def smoke(  # noqa: PLR0913 - an argument for each option
    *,
    replace_approved: Annotated[
        bool,
        typer.Option(
            "--replace-approved",
            help="Run although a version is approved or drops are open: for some 20 minutes the smoke test's"
            " model scores, or rejects, every file that arrives. They are named at the end.",
        ),
    ] = False,
    out: Annotated[Path, typer.Option(help="Where to write what was seen.")] = Path("smoke.json"),
    yes: Yes = False,
    stack_name: StackName = None,
    region: Region = None,
    endpoint_url: Endpoint = None,
    local: Local = False,
    as_json: Json = False,
) -> None:
    """Do what a first day does on a deployed stack, and say item by item what was seen; half an hour on AWS.

    Registers and approves a model of its own, drops five files, and removes all of it at the end, also after
    Ctrl-C. Says what it costs, and asks. The exit code is 1 when an item failed or something is left.
    """
    from ops.smoke.run import ITEMS, cost, refuse, run  # noqa: PLC0415 - loads pyarrow and what trains models

    output, stack = Output(as_json), open_stack(stack_name, region, endpoint_url, local=local)
    refuse(stack, replace_approved=replace_approved)
    output.say(f"{many(len(ITEMS), 'item')} on stack {stack.name}. {cost(stack)}")
    confirm(f"{cost(stack)} Run the smoke test on stack {stack.name}?", yes=yes)

    def tell(name: str, seen: Seen) -> None:
        output.say(f"{seen.state.value:8} {name}: {seen.saw}")

    with tempfile.TemporaryDirectory(prefix="dropscore-smoke-") as folder:
        done = run(stack, Path(folder), tell)
    out.write_text(json.dumps(done.document(), indent=2, ensure_ascii=False) + "\n")
    _tell_end(output, done, out)
    output.finish(done.document())
    raise typer.Exit(INTERRUPTED if done.interrupted else int(done.failed))


def _tell_end(output: Output, done: Run, out: Path) -> None:
    cleaned = done.cleaned
    if cleaned is None:
        return
    output.say(f"\nremoved: {many(len(cleaned.removed), 'thing')}")
    for what in cleaned.kept:
        output.say(f"stays: {what}")
    for what in cleaned.left:
        output.say(f"left, remove it yourself: {what}")
    if cleaned.others:
        output.say(f"scored or rejected by the smoke test's model: {many(len(cleaned.others), 'other file')}")
        output.say(f"  such as {cleaned.others[0]}; {out} names all")
        output.say("next: python -m ops rescore --key KEY for each of them")
    output.say(f"what was seen is in {out}")
