"""The index of open work: which drops and jobs are not finished, walked day by day and never the table."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from dropscore.aws.ledger.days import Days
from dropscore.aws.ledger.expressions import Condition, Exclude, Include, Item
from dropscore.aws.ledger.items import SPREAD, moment, partition, stamp
from dropscore.aws.ledger.table import Conflict, Table

SETTLED_AFTER = timedelta(days=2)
"""A day this long past gets no new items, but those that were opened on it once and are opened again."""

QUIET = timedelta(minutes=30)
"""A day is forgotten only so long after it was last remembered: longer than any invocation lives."""

_DAYS = "days"


class OpenWork:
    """Finds open items through the index, on the days that are remembered to have some.

    The ledger's item `days` holds these days. Whoever opens an item remembers its day first; the sweep
    forgets a day on which nothing is open any more. `days` are those of the catalogue, open or not: they are
    kept here because this lives as long as the process.
    """

    def __init__(self, table: Table) -> None:
        self.days = Days(table)
        self._table = table
        self._remembered: set[date] = set()

    def items(self, what: str, now: datetime, *, due: bool, limit: int) -> list[Item]:
        """The open items of one kind, oldest days first; with `due` only those that are due by now.

        Of each partition a fair share at least, so that many old items do not hide the young ones.
        Eventually consistent: a hint where to look, not the truth.
        """
        places = [partition(what, day, spread) for day in self._days() for spread in range(SPREAD)]
        until = now if due else None
        share = max(1, limit // max(1, len(places)))
        found = {place: self._table.query_index(place, until, share) for place in places}
        room = limit - sum(map(len, found.values()))
        for place in places:
            if room > 0 and len(found[place]) == share:
                found[place] = self._table.query_index(place, until, share + room)
                room -= len(found[place]) - share
        return [item for place in places for item in found[place]][:limit]

    def remember(self, day: date, now: datetime) -> None:
        """To be called before an item of `day` is opened: see that the day is walked."""
        recent = day > (now - SETTLED_AFTER).date()  # a day before it can be forgotten
        if recent and day in self._remembered:
            return
        self._table.change(
            _DAYS, {"days": Include(day.isoformat()), f"touched_{day}": stamp(now)}, condition=None
        )
        if recent:
            self._remembered.add(day)

    def forget_settled(self, kinds: Iterable[str], now: datetime) -> None:
        """Walk no longer the days that are long over, if nothing of any kind is open on them."""
        kinds = tuple(kinds)
        days = self._table.get(_DAYS) or {}
        for day in map(date.fromisoformat, sorted(days.get("days", ()))):
            touched = days[f"touched_{day}"]
            if (
                day < (now - SETTLED_AFTER).date()
                and moment(touched) < now - QUIET
                and self._empty(day, kinds)
            ):
                self._forget(day, touched)

    def _empty(self, day: date, kinds: Iterable[str]) -> bool:
        places = (partition(what, day, spread) for what in kinds for spread in range(SPREAD))
        return not any(self._table.query_index(place, None, 1) for place in places)

    def _forget(self, day: date, touched: str) -> None:
        unchanged = Condition("#touched = :touched", {"#touched": f"touched_{day}"}, {":touched": touched})
        try:
            self._table.change(_DAYS, {"days": Exclude(day.isoformat()), f"touched_{day}": None}, unchanged)
        except Conflict:
            return  # somebody has just remembered it

    def _days(self) -> list[date]:
        days = (self._table.get(_DAYS) or {}).get("days", ())
        return sorted(map(date.fromisoformat, days))
