"""The catalogue of drops: pages of them, from keys and indexes only."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from dropscore.aws.ledger.days import EVERYTHING, Days
from dropscore.aws.ledger.items import SPREAD, drop_of, moment, stamp
from dropscore.aws.ledger.places import (
    ARRIVALS,
    KEYS,
    MAX_RANGE_BYTES,
    STATES,
    VERSIONS,
    Entry,
    KeysIndex,
    Stretch,
    day_partitions,
    indexed_key,
    is_key_order,
    key_partition,
    key_partitions,
    open_partition,
)
from dropscore.aws.ledger.table import Table
from dropscore.domain.catalogue import (
    Arrived,
    ByVersion,
    Everything,
    InState,
    OfKey,
    Page,
    Selection,
    UnderPrefix,
)
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.errors import BadPosition

MOST_LOOKS = 32
"""How often a page asks the index, each time all partitions of a day, or of the keys, at once."""

MOST_ENTRIES = 1_000
"""How many drops a page reads at most, those that turn out to be others among them."""

MOST_AT_ONCE = 100
"""How many of them one look finds: the index names them on one page of its own, and one call reads them."""

_ARRIVAL = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z)#[0-9a-f]{20}")
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_LAST_CHARACTER = "\U0010ffff"
_DAY_END = "T23:59:59.999Z#" + "f" * 20


@dataclass(frozen=True)
class _Piece:
    """A part of the way; `end` is the position once all of it has been looked at, and more follows."""

    stretch: Stretch
    end: str | None = None

    def beyond(self, position: str) -> _Piece:
        """What is left from the position on."""
        stretch = self.stretch
        backwards = stretch.index.newest_first
        left = replace(stretch, high=position) if backwards else replace(stretch, low=position)
        return replace(self, stretch=left)


class Catalogue:
    """Finds drops by what is asked for, a page at a time; only reads.

    The indexes are eventually consistent. They say where to look; whether a drop is one of those that are
    asked for, its item says, which is read consistently. A drop that changes its state meanwhile may be on
    no page, but none is on two.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._days = Days(table)

    def page(
        self,
        selection: Selection,
        arrived: Arrived,
        limit: int,
        after: str | None,
        enough: Callable[[], bool] = lambda: False,
    ) -> Page:
        """Up to `limit` drops of the selection from the position `after` on, None for the first page.

        Does a bounded amount of work (`MOST_LOOKS`, `MOST_ENTRIES`): a page may have fewer drops, even none,
        and a position all the same. It ends early, too, when it is `enough`, for lack of time: that is asked
        before each look but the first.

        Raises
        ------
        BadPosition
            `after` cannot be a position of this selection.
        """
        found: list[tuple[Drop, str]] = []
        position, looks, seen = after, 0, 0
        for piece in self._way(selection, arrived, after):
            left: _Piece | None = piece
            while left:
                if len(found) == limit or looks == MOST_LOOKS or seen == MOST_ENTRIES or (looks and enough()):
                    return _page(found, position)
                want = min(limit - len(found), MOST_ENTRIES - seen, MOST_AT_ONCE)
                entries, more = self._look(left.stretch, want, position)
                found += self._matching(entries, selection, arrived)
                looks, seen = looks + 1, seen + len(entries)
                position = entries[-1].place if more else left.end
                left = left.beyond(entries[-1].place) if more else None
        return _page(found, None)

    def _look(self, stretch: Stretch, want: int, position: str | None) -> tuple[list[Entry], bool]:
        """The next `want` entries after the position; whether there are more."""
        entries = self._table.query_keys(stretch, want + 2)  # one may be where the last page ended
        entries = [entry for entry in entries if entry.place != position]
        return entries[:want], len(entries) > want

    def _matching(
        self, entries: Sequence[Entry], selection: Selection, arrived: Arrived
    ) -> Iterator[tuple[Drop, str]]:
        """The drops that the entries stand for, where they are what is asked for, and their places."""
        items = {item["pk"]: item for item in self._table.get_all([entry.pk for entry in entries])}
        drops = ((drop_of(items[entry.pk]), entry.place) for entry in entries if entry.pk in items)
        return ((drop, place) for drop, place in drops if selection.holds(drop) and arrived.holds(drop))

    def _way(self, selection: Selection, arrived: Arrived, after: str | None) -> Iterator[_Piece]:
        """Which parts of which index hold the drops, in order, from the position on."""
        match selection:
            case Everything():
                return self._by_day(ARRIVALS, EVERYTHING, arrived, after)
            case InState(state) if state.final:
                return self._by_day(STATES, state.value, arrived, after)
            case InState(state):
                return _open(state, arrived, after)
            case ByVersion(version):
                return self._by_day(VERSIONS, str(version), arrived, after)
            case UnderPrefix(prefix):
                return _by_key(key_partitions(), indexed_key(prefix), after)
            case OfKey(key):
                return _by_key((key_partition(key),), indexed_key(key) + "\0", after)

    def _by_day(self, index: KeysIndex, what: str, arrived: Arrived, after: str | None) -> Iterator[_Piece]:
        low, high = _bounds(arrived, after)
        if low > high:
            return
        for day in self._days.newest(what, low[:10], high[:10], MOST_LOOKS + 1):
            first, last = max(low, f"{day}T"), min(high, f"{day}U")
            yield _Piece(Stretch(index, day_partitions(what, day), first, last), _day_before(day))


def _page(found: Sequence[tuple[Drop, str]], position: str | None) -> Page:
    return Page(tuple(drop for drop, _ in found), position, tuple(place for _, place in found))


def _open(state: DropState, arrived: Arrived, after: str | None) -> Iterator[_Piece]:
    low, high = _bounds(arrived, after)
    if low <= high:
        places = tuple(open_partition(state, spread) for spread in range(SPREAD))
        yield _Piece(Stretch(STATES, places, low, high))


def _by_key(places: tuple[str, ...], start: str, after: str | None) -> Iterator[_Piece]:
    if after is not None and not (after.startswith(start) and is_key_order(after)):
        raise BadPosition(after)
    room = (MAX_RANGE_BYTES - len(start.encode())) // len(_LAST_CHARACTER.encode())
    yield _Piece(Stretch(KEYS, places, after or start or "\0", start + _LAST_CHARACTER * room))


def _bounds(arrived: Arrived, after: str | None) -> tuple[str, str]:
    """Between what places drops stand that arrived then, from the position on."""
    low = stamp(_clamped(arrived.since or _EARLIEST))
    high = stamp(_clamped(arrived.until or _LATEST)) + "~"
    if after is None:
        return low, high
    known = _ARRIVAL.fullmatch(after)
    if not (known and low <= after <= high and _is_moment(known[1])):
        raise BadPosition(after)
    return low, after


def _clamped(when: datetime) -> datetime:
    """The moment, if the ledger can have it; else the nearest that it can."""
    return min(max(when, _EARLIEST), _LATEST)


def _is_moment(text: str) -> bool:
    try:
        return stamp(moment(text)) == text
    except ValueError:
        return False


def _day_before(day: date) -> str:
    """The position before any of the day before."""
    return (day - timedelta(days=1)).isoformat() + _DAY_END
