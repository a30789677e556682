"""The demo's last words: what came in, what came out, how good it is and where it lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from dropscore.domain.drop import Drop, DropState
from dropscore.domain.spec import FeatureSpec

if TYPE_CHECKING:
    from local.demo.model import InstalledModel
    from local.demo.results import ErrorStatistics

LISTED = 20
"""Drops that were not scored are listed up to this many."""


def report(
    console: Console, drops: Sequence[Drop], model: InstalledModel, errors: ErrorStatistics | None, made: str
) -> None:
    """Print the summary.

    Parameters
    ----------
    console
        Where to.
    drops
        All, in a final state.
    model
        What scored them.
    errors
        Against the actuals, where there are any.
    made
        The folder of the results, and the files in it.
    """
    states = Counter(drop.state for drop in drops)
    rows = [
        sum(getattr(drop, name) for drop in drops) for name in ("rows_in", "rows_scored", "rows_rejected")
    ]
    jobs = len({drop.job for drop in drops if drop.job})
    facts = {
        "drops": _counted(states, jobs),
        "rows": "{:,} in, {:,} scored, {:,} rejected".format(*rows),
        "model": f"version {model.version.number}: {_described(model.spec)}",
        "error": _error(errors, str(model.spec.target)),
        "results": made,
    }
    console.print()
    for name, words in facts.items():
        console.print(f"{name:9}{words}", markup=False, highlight=False, soft_wrap=True)
    _list_unscored(console, [drop for drop in drops if drop.state is not DropState.SCORED])


def _counted(states: Counter[DropState], jobs: int) -> str:
    """How many drops ended how, in how many jobs."""
    ended = ", ".join(f"{count} {state.value}" for state, count in states.most_common())
    return f"{ended} ({jobs} transform job{'' if jobs == 1 else 's'})"


def _error(errors: ErrorStatistics | None, target: str) -> str:
    """How far the predictions are from the actuals."""
    if errors is None:
        return f"no actual values of {target} to compare with"
    return (
        f"absolute, against {errors.rows:,} {errors.against}: median {errors.median_absolute:.3g},"
        f" mean {errors.mean_absolute:.3g}, 95 % within {errors.p95_absolute:.3g}"
    )


def _described(spec: FeatureSpec) -> str:
    """From what the model predicts what."""
    clock = f" (time from {spec.timestamp})" if spec.derived else ""
    return f"{', '.join(spec.features)}{clock} → {spec.target}"


def _list_unscored(console: Console, drops: Sequence[Drop]) -> None:
    """The drops that were not scored, with their reasons."""
    for drop in drops[:LISTED]:
        words = f"{drop.state.value} {drop.source.key}: {drop.reason}"
        console.print(words, style="yellow", markup=False, highlight=False, soft_wrap=True)
    if len(drops) > LISTED:
        console.print(f"… and {len(drops) - LISTED} more, in summary.json", highlight=False)
