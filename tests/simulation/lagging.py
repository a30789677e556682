"""A table whose index lags behind, and which hears of every write that breaks a promise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from random import Random

from dropscore.aws.ledger.expressions import Item
from dropscore.domain.drop import TRANSITIONS, DropState
from tests.simulation.memory import MemoryTable

LONGEST_LAG = timedelta(seconds=60)


class Broken(BaseException):
    """A promise is broken; nothing that is tested may catch this."""


def demand(holds: object, what: str) -> None:
    """A promise: unlike `assert`, heard even where the use cases let other messages go on."""
    if not holds:
        raise Broken(what)


class _Items(dict[str, Item]):
    """The table's items, which tells of every write."""

    def __init__(self, told: Callable[[str, Item | None, Item], None]) -> None:
        super().__init__()
        self._told = told

    def __setitem__(self, pk: str, item: Item) -> None:
        self._told(pk, self.get(pk), item)
        super().__setitem__(pk, item)


class LaggingTable(MemoryTable):
    """A table whose index has items as they were up to `LONGEST_LAG` ago, each at its own pace."""

    def __init__(self, rng: Random, clock: Callable[[], datetime], lagging: Callable[[], float]) -> None:
        super().__init__()
        self.items = _Items(self._written)
        self.history: dict[str, list[Item]] = {}
        self._rng = rng
        self._clock = clock
        self._lagging = lagging
        self._indexed: dict[str, Item] = {}
        self._behind: dict[str, list[tuple[datetime, Item]]] = {}

    def indexed(self) -> Iterable[Item]:
        for pk, writes in list(self._behind.items()):
            while writes and (
                self._rng.random() >= self._lagging() or self._clock() - writes[0][0] > LONGEST_LAG
            ):
                self._indexed[pk] = writes.pop(0)[1]
            if not writes:
                del self._behind[pk]
        return self._indexed.values()

    def _written(self, pk: str, old: Item | None, new: Item) -> None:
        self._behind.setdefault(pk, []).append((self._clock(), new))
        if not pk.startswith("drop#"):
            return
        if old is None or old["state"] != new["state"] or old["attempt"] != new["attempt"]:
            self.history.setdefault(pk, []).append(new)
        if old is not None and old["state"] != new["state"]:
            demand(DropState(new["state"]) in TRANSITIONS[DropState(old["state"])], f"{old} became {new}")
