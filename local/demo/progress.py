"""How far the demo is: a moving bar on a terminal, a line per step anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Advance = Callable[[int, str], None]
"""Takes how many are done so far, and a few words about them."""


class DemoProgress:
    """Says what the demo is doing."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        """Print a line, as it is."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def bar(self, description: str, total: int) -> Iterator[Advance]:
        """Show a bar while the block runs; without a terminal, the description and the last words.

        Parameters
        ----------
        description
            What is being done.
        total
            How many there are to do.

        Yields
        ------
        Advance
            To be called whenever more are done.
        """
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        words = TextColumn("{task.fields[words]}", markup=False)
        live = self._console.is_terminal and not self._console.is_dumb_terminal
        with Progress(*columns, words, console=self._console, disable=not live) as progress:
            task = progress.add_task(description, total=total, words="")
            last = ""

            def advance(done: int, words: str) -> None:
                nonlocal last
                last = words
                progress.update(task, completed=done, words=words)

            yield advance
        if not live:
            self.say(f"{description}: {last or total}")
