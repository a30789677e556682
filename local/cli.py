"""The commands of the embedded stack: serve, invoke and demo."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from dropscore.domain.errors import DropscoreError
from local.errors import LocalError

app = typer.Typer(
    help="Dropscore on this machine: no account, no container.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, envvar="PORT", help="0 takes a free one.")] = 0,
    page_port: Annotated[
        int, typer.Option(min=0, max=65535, envvar="PAGE_PORT", help="Of the results page; 0: a free one.")
    ] = 0,
    parameter: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter of template.yaml.")
    ] = None,
) -> None:
    """Keep the stack up, with an approved model and what the sample events name in it, until interrupted."""
    from local.demo.model import install_sample_model  # noqa: PLC0415 (--help must not wait for pandas)
    from local.samples.fill import fill  # noqa: PLC0415
    from local.serve import serve as keep_up  # noqa: PLC0415

    seeds = {"Training a model": install_sample_model, "Putting what events/ names": fill}
    keep_up(port, _named(parameter or []), seeds, page_port=page_port)


@app.command()
def invoke(
    function: Annotated[str, typer.Argument(help="Its name in template.yaml.")],
    event: Annotated[Path, typer.Option("--event", "-e", help="A file, such as one of events/.")],
) -> None:
    """Have one built function handle an event, against the stack that `serve` keeps up; no container."""
    from local.invoke import invoke as have_handled  # noqa: PLC0415 (--help must not wait)

    answer = have_handled(function, event)
    typer.echo(json.dumps(answer, indent=2))


def _named(settings: list[str]) -> dict[str, str]:
    pairs = [setting.partition("=") for setting in settings]
    for setting, (_, sign, _) in zip(settings, pairs, strict=True):
        if not sign:
            raise typer.BadParameter(f"{setting} is not of the form NAME=VALUE")
    return {name: value for name, _, value in pairs}


@app.command()
def demo(  # noqa: PLR0913, PLR0917 - an argument for each option
    parquet: Annotated[Path | None, typer.Option(help="A file or a folder; else a generated month.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path(".demo"),
    features: Annotated[str, typer.Option(help="Features of the model; else the original work's.")] = "",
    target: Annotated[str, typer.Option(help="Column to predict; else the original work's.")] = "",
    timestamp: Annotated[str, typer.Option(help="Timestamp column; else ts, else a file's first.")] = "",
    limit_seconds: Annotated[float, typer.Option(min=1, help="How long scoring may take.")] = 900,
    task: Annotated[
        str, typer.Option(help="sensor: files as they are; traffic: CPU load from another sensor's traffic.")
    ] = "sensor",
) -> None:
    """Score files end to end: train, drop, transform, collect, report."""
    from local.demo.model import TARGET, Wish  # noqa: PLC0415
    from local.demo.run import DemoRequest, run_demo  # noqa: PLC0415 (--help must not wait for pandas)
    from local.demo.traffic import Task  # noqa: PLC0415
    from training.cli.options import split_names  # noqa: PLC0415

    wish = Wish(split_names(features) or None, target or TARGET, timestamp or None)
    if task not in list(Task):
        raise typer.BadParameter(f"{task!r} is neither sensor nor traffic", param_hint="--task")
    run_demo(DemoRequest(parquet, out, wish, limit_seconds, Task(task)), Console())


def main() -> None:
    """Run a command; whatever the reader can act on is one line on stderr and a status of 1."""
    try:
        app(prog_name="python -m local")
    except (LocalError, DropscoreError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
