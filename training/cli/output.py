"""What a command says: lines for a person, or one JSON document for a machine."""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from training.aws import Report

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}
"""Keys and column names are others' words: they must not steer a terminal."""


class Advance(Protocol):
    """Takes how many of how many are done."""

    def __call__(self, done: int, total: int) -> None:
        """Move the bar."""


@dataclass
class Output:
    """The two voices of a command.

    Attributes
    ----------
    as_json
        Whether stdout gets one JSON document, and nothing else.
    """

    as_json: bool
    _document: dict[str, Any] = field(default_factory=dict)
    _out: Console = field(
        default_factory=lambda: Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    )

    def say(self, text: str) -> None:
        """Print a line for a person."""
        if not self.as_json:
            self._out.print(text.translate(_CONTROLS))

    def table(self, rows: list[tuple[str, ...]]) -> None:
        """Print rows of texts for a person, in columns that are as wide as their widest text."""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            self.say("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())

    def warn(self, text: str) -> None:
        """Print a line on stderr, whoever reads stdout; in JSON, under ``warnings`` as well."""
        Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True).print(
            text, style="bold red"
        )
        self._document.setdefault("warnings", []).append(text)

    def finish(self, document: Mapping[str, Any]) -> None:
        """Print the JSON document, for a machine."""
        if self.as_json:
            sys.stdout.write(json.dumps({**document, **self._document}, indent=2, ensure_ascii=False) + "\n")

    @contextmanager
    def progress(self, description: str) -> Iterator[Advance]:
        """Show a moving bar on stderr while the block runs, where that is a terminal."""
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        live = console.is_terminal and not console.is_dumb_terminal
        with Progress(*columns, console=console, disable=not live, transient=True) as bar:
            task = bar.add_task(description, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def waiting() -> Iterator[Report]:
    """Show on stderr what is waited for: live on a terminal, else a line for each status."""
    console, last = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True), [""]
    with console.status("Asking SageMaker ...") as live:

        def report(status: str, seconds: float) -> None:
            live.update(f"{status} for {seconds:,.0f} s ..." if seconds else f"{status} ...")
            if status != last[0] and not console.is_terminal:
                console.print(f"{status} ... ({time.strftime('%H:%M:%S')})")
            last[0] = status

        yield report
