"""What the ledger says of drops, in bounded numbers: how many of each state, and which are open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dropscore.aws.ledger import Catalogue, Drops, Jobs, OpenWork, Table, Versions
from dropscore.aws.ledger.days import Days
from dropscore.aws.ledger.items import SPREAD, stamp
from dropscore.aws.ledger.places import STATES, Stretch, day_partitions, open_partition
from dropscore.domain.catalogue import Arrived, Selection
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.job import Job

AT_MOST = 500
"""Drops of a state that are counted, and open drops and jobs that are read; more are told as `500+`."""

PAGE = 100

_EARLIEST = "2000"
_LATEST = "9000"


@dataclass(frozen=True)
class Count:
    """How many there are; `more` says that counting was cut short."""

    number: int
    more: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.more else ''}"


class Ledger:
    """Reads the ledger through its indexes, never the whole table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._days = Days(table)
        self._catalogue = Catalogue(table)
        self.index = OpenWork(table)
        self.drops = Drops(table, self.index)
        self.jobs = Jobs(table, self.index, self.drops)
        self.versions = Versions(table)

    def count(self, state: DropState, since: datetime, limit: int = AT_MOST) -> Count:
        """How many drops are in a state; of a final one only those that arrived since then.

        The index may lag a moment behind.
        """
        seen = 0
        for stretch in self._stretches(state, since):
            seen += len(self._table.query_keys(stretch, limit + 1 - seen))
            if seen > limit:
                return Count(limit, more=True)
        return Count(seen)

    def _stretches(self, state: DropState, since: datetime) -> Iterator[Stretch]:
        if not state.final:
            places = tuple(open_partition(state, spread) for spread in range(SPREAD))
            yield Stretch(STATES, places, _EARLIEST, _LATEST)
            return
        low = stamp(since)
        days = (datetime.now(UTC) - since).days + 2
        for day in self._days.newest(state.value, low[:10], _LATEST, days):
            yield Stretch(STATES, day_partitions(state.value, day), low, _LATEST)

    def open_drops(self, state: DropState, limit: int = AT_MOST) -> list[Drop]:
        """Drops that are WAITING, PREPARING or PREPARED, those of the oldest day first."""
        found = self.drops.unfinished(state, datetime.now(UTC), limit)
        return [drop for drop in found if drop.state is state]

    def open_jobs(self, limit: int = AT_MOST) -> list[Job]:
        """Jobs that are PLANNED or STARTED, the oldest first."""
        return sorted(self.jobs.open(datetime.now(UTC), limit), key=lambda job: job.planned_at)

    def jobs_today(self, now: datetime) -> int:
        """How many jobs have been planned on the day (UTC)."""
        item = self._table.get("dispatch") or {}
        return int(item["jobs_planned"]) if item.get("jobs_day") == now.date().isoformat() else 0

    def select(self, selection: Selection, arrived: Arrived) -> Iterator[list[Drop]]:
        """All drops of a selection, a page at a time; pages may be empty."""
        position: str | None = None
        while True:
            page = self._catalogue.page(selection, arrived, PAGE, position)
            yield list(page.drops)
            position = page.position
            if position is None:
                return

    def first(self, selection: Selection) -> Drop | None:
        """The first drop of a selection, if there is any."""
        return next((drop for page in self.select(selection, Arrived()) for drop in page), None)

    def known(self, drop_ids: Sequence[str]) -> dict[str, Drop]:
        """Those of the drops that the ledger has, by drop id, read consistently."""
        return {drop.drop_id: drop for drop in self.drops.get_all(drop_ids)}


def day_of(text: str) -> Arrived:
    """The bounds of a day (UTC).

    Raises
    ------
    ValueError
        It is not written as yyyy-mm-dd.
    """
    start = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    return Arrived(start, start + timedelta(days=1))
