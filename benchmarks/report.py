"""What a benchmark came to: a table for people, JSON for everything else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measure import DROPSCORE, Measured


@dataclass(frozen=True)
class Goal:
    """Something that the benchmark is meant to show, and whether it did."""

    says: str
    value: float
    limit: float

    @property
    def met(self) -> bool:
        """Whether the value is within the limit."""
        return self.value <= self.limit


@dataclass(frozen=True)
class Case:
    """One input, done by each contender.

    Attributes
    ----------
    rows
        Of the input; 0 where it has none.
    results
        By contender.
    title
        What tells the case from others of as many rows; empty where nothing does.
    """

    rows: int
    results: Mapping[str, Measured]
    title: str = ""

    @property
    def says(self) -> str:
        """What it is, for people."""
        return " ".join(filter(None, (f"{self.rows:,} rows" if self.rows else "", self.title)))

    @property
    def json(self) -> dict[str, Any]:
        """`rows`, `title` and, by contender, `seconds`, `cpu_seconds`, `peak_rss_mib` and what it counted."""
        return {
            "rows": self.rows,
            **({"title": self.title} if self.title else {}),
            "results": {
                name: {
                    "seconds": round(result.seconds, 4),
                    "cpu_seconds": round(result.cpu_seconds, 4),
                    "peak_rss_mib": round(result.peak_rss_mib, 1),
                    **result.counted,
                }
                for name, result in self.results.items()
            },
        }


@dataclass
class Report:
    """A benchmark's cases and goals.

    Attributes
    ----------
    name
        The benchmark's.
    cases, goals
        In the order in which they were measured.
    notes
        What a reader has to know: what was left out, and why.
    """

    name: str
    cases: list[Case] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def json(self) -> dict[str, Any]:
        """`name`, `cases`, `goals` and `notes`."""
        return {
            "name": self.name,
            "cases": [case.json for case in self.cases],
            "goals": [
                {"says": goal.says, "value": round(goal.value, 3), "limit": goal.limit, "met": goal.met}
                for goal in self.goals
            ],
            "notes": self.notes,
        }

    def write(self, file: Path) -> None:
        """Write the JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(self.json, indent=1) + "\n")

    def show(self, console: Console) -> None:
        """Print a table a case, then the goals and the notes."""
        for case in self.cases:
            console.print(_table(f"{self.name}: {case.says}", case.results))
        for goal in self.goals:
            verdict = "met" if goal.met else "MISSED"
            console.print(
                f"{verdict}: {goal.says}: {goal.value:.3g} (at most {goal.limit:g})", highlight=False
            )
        for note in self.notes:
            console.print(note, highlight=False)


def _table(title: str, results: Mapping[str, Measured]) -> Table:
    ours = results.get(DROPSCORE)
    counted = list(dict.fromkeys(name for result in results.values() for name in result.counted))
    table = Table(title=title, title_justify="left")
    table.add_column("way")
    for name in ("seconds", "of ours", "CPU seconds", "peak MiB", *counted):
        table.add_column(name.replace("_", " "), justify="right")
    for name, result in results.items():
        ratio = f"{result.seconds / ours.seconds:.2f}" if ours and ours.seconds else ""
        table.add_row(
            name,
            f"{result.seconds:.3f}",
            ratio,
            f"{result.cpu_seconds:.3f}",
            f"{result.peak_rss_mib:.0f}",
            *(str(result.counted.get(extra, "")) for extra in counted),
        )
    return table
