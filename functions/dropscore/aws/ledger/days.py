"""The days on which there are drops, of each kind: found without walking empty days."""

from __future__ import annotations

from datetime import date

from dropscore.aws.ledger.places import ARRIVALS, Stretch
from dropscore.aws.ledger.table import Table

EVERYTHING = "drop"
"""The kind of every drop; the others are the final states, and the model versions."""


class Days:
    """Remembers the days; an item for each kind and day, which stands in an index under its kind.

    Whoever writes a drop's item remembers its day first, so that a crash leaves a day without a drop at
    worst, and never a drop without its day. A day that is remembered stays so.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._remembered: set[tuple[str, date]] = set()

    def remember(self, what: str, day: date) -> None:
        """See that the day is found; a request only for the first drop that this process has of it."""
        if (what, day) in self._remembered:
            return
        text = day.isoformat()
        entry = {ARRIVALS.hash: _partition(what), ARRIVALS.range: text}
        self._table.change(f"day#{what}#{text}", entry, condition=None)
        self._remembered.add((what, day))

    def newest(self, what: str, first: str, last: str, limit: int) -> list[date]:
        """Up to `limit` days from `first` to `last` (`yyyy-mm-dd`), the newest first."""
        stretch = Stretch(ARRIVALS, (_partition(what),), first, last)
        return [date.fromisoformat(entry.place) for entry in self._table.query_keys(stretch, limit)]


def _partition(what: str) -> str:
    return f"days#{what}"
