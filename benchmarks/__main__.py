"""The door of `python -m benchmarks`: a benchmark by its name, or all of them."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.plan.command import plan
from benchmarks.report import Report
from dropscore.domain.errors import DropscoreError

BENCHMARKS = {
    "convert": "A local file becomes feature shards, beside pandas, polars and duckdb.",
    "fetch": "The same from S3: bytes and requests.",
    "collect": "Predictions are joined with their rows, beside pandas, polars and duckdb.",
    "page": "A page of predictions from results of any size.",
    "coldstart": "Each function's artifact starts, under the Runtime Interface Emulator.",
    "flow": "A thousand small drops go through the embedded stack: requests, jobs, drops per second.",
    "drops": "One drop of 43 million rows goes through the embedded stack (with --large).",
}
ONLY_LARGE = frozenset({"drops"})
"""Too long for `make bench`."""

app = typer.Typer(
    help="What scoring a file costs, in time, memory and requests, and how that grows.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Large = Annotated[
    bool, typer.Option("--large", help="The largest cases too: minutes, and gigabytes of disk.")
]
Json = Annotated[Path | None, typer.Option("--json", help="Write what was measured into this file.")]


def run(name: str, *, large: bool) -> Report:
    """Run one benchmark: `benchmarks.<name>.run(large)`."""
    report: Report = import_module(f"benchmarks.{name}").run(large=large)
    return report


def _add(name: str, says: str) -> None:
    def command(large: Large = False, json: Json = None) -> None:  # noqa: FBT002 - typer's way
        report = run(name, large=large)
        report.show(Console())
        if json:
            report.write(json)

    app.command(name, help=says)(command)


for _name, _says in BENCHMARKS.items():
    _add(_name, _says)

app.command("plan")(plan)


@app.command("all")
def everything(
    large: Large = False,  # noqa: FBT002 - typer's way
    folder: Annotated[Path | None, typer.Option(help="Write a JSON file for each into this folder.")] = None,
) -> None:
    """Run all of them, each whatever became of the one before."""
    failed = []
    for name in BENCHMARKS:
        if name in ONLY_LARGE and not large:
            continue
        try:
            report = run(name, large=large)
        except DropscoreError as error:
            failed.append(name)
            typer.echo(f"{name}: {error}", err=True)
            continue
        report.show(Console())
        if folder:
            report.write(folder / f"{name}.json")
    if failed:
        sys.exit(f"error: {', '.join(failed)} failed")


if __name__ == "__main__":
    try:
        app(prog_name="python -m benchmarks")
    except DropscoreError as error:
        sys.exit(f"error: {error}")
