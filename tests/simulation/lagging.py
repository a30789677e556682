"""Tables that hear of every write that breaks a promise; the index of one of them lags behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from dropscore.aws.ledger.expressions import Item
from dropscore.aws.ledger.places import Entry, Stretch
from dropscore.domain.drop import TRANSITIONS, DropState
from tests.simulation.memory import MemoryTable

LONGEST_LAG = timedelta(seconds=60)


class Broken(BaseException):
    """A promise is broken; nothing that is tested may catch this."""


def demand(holds: object, what: str) -> None:
    """A promise: unlike `assert`, heard even where the use cases let other messages go on."""
    if not holds:
        raise Broken(what)


class _Kept(dict[str, Any]):
    """An item: it is never changed in place, so that a copy of it need not be deep."""

    def __deepcopy__(self, memo: object) -> Item:
        return dict(self)


class _Items(dict[str, Item]):
    """The table's items, which tells of every write."""

    def __init__(self, told: Callable[[str, Item | None, Item], None]) -> None:
        super().__init__()
        self._told = told

    def __setitem__(self, pk: str, item: Item) -> None:
        kept = _Kept(item)
        self._told(pk, self.get(pk), kept)
        super().__setitem__(pk, kept)


class WatchedTable(MemoryTable):
    """A table that remembers what states drops were in, and knows no others than the design's ways.

    A batch read gives items in one order, whatever order a set of keys has in this process: a seed lives one
    life.
    """

    def __init__(self) -> None:
        super().__init__()
        self.items = _Items(self._written)
        self.history: dict[str, list[Item]] = {}
        self._shown: dict[str, Item] = {}
        self._places: Counter[str | None] = Counter()

    def get_all(self, pks: Sequence[str]) -> list[Item]:
        return super().get_all(sorted(pks, reverse=True))

    def query_index(self, key: str, due: datetime | None, limit: int) -> list[Item]:
        self._catch_up()
        return super().query_index(key, due, limit) if self._places[key] else []

    def query_keys(self, stretch: Stretch, limit: int) -> list[Entry]:
        self._catch_up()
        return super().query_keys(stretch, limit)

    def indexed(self) -> Iterable[Item]:
        return self._shown.values()

    def _catch_up(self) -> None:
        """The index is up to date."""

    def _index(self, pk: str, item: Item) -> None:
        """Have the indexes show the item as it is here."""
        self._places[self._shown.get(pk, {}).get("work")] -= 1
        self._places[item.get("work")] += 1
        self._shown[pk] = item

    def _written(self, pk: str, old: Item | None, new: Item) -> None:
        self._index(pk, new)
        if not pk.startswith("drop#"):
            return
        if old is None or old["state"] != new["state"] or old["attempt"] != new["attempt"]:
            self.history.setdefault(pk, []).append(new)
        if old is not None and old["state"] != new["state"]:
            demand(DropState(new["state"]) in TRANSITIONS[DropState(old["state"])], f"{old} became {new}")


class LaggingTable(WatchedTable):
    """A table whose index has items as they were up to `LONGEST_LAG` ago, each at its own pace."""

    def __init__(self, rng: Random, clock: Callable[[], datetime], lagging: Callable[[], float]) -> None:
        self._rng = rng
        self._clock = clock
        self._lagging = lagging
        self._behind: dict[str, list[tuple[datetime, Item]]] = {}
        super().__init__()

    def _catch_up(self) -> None:
        for pk, writes in list(self._behind.items()):
            while writes and (
                self._rng.random() >= self._lagging() or self._clock() - writes[0][0] > LONGEST_LAG
            ):
                super()._index(pk, writes.pop(0)[1])
            if not writes:
                del self._behind[pk]

    def _index(self, pk: str, item: Item) -> None:
        self._behind.setdefault(pk, []).append((self._clock(), item))
