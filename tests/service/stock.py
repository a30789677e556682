"""A stock of drops in a ledger, and what the catalogue has to say of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from dropscore.aws.ledger import Catalogue, Drops, Jobs, OpenWork
from dropscore.domain.catalogue import (
    Arrived,
    ByVersion,
    Everything,
    InState,
    OfKey,
    Selection,
    UnderPrefix,
)
from dropscore.domain.drop import Drop, DropState, ModelVersion
from dropscore.domain.source import Source
from tests.service.builders import DONE, PREPARED, claimed
from tests.unit.builders import MODEL

FOLDERS = ("a/", "a/b/", "a0/", "ä/", "z" * 1_000 + "/", "𝄞" * 239 + "/")
NAMES = ("x.parquet", "x.parquet.parquet", "X.parquet", "y\0.parquet", "\uffff.parquet", "\U0010ffff.parquet")
SEQUENCERS = (None, "0A", "0a1", "00FF", "0F", "0055AED6DCD90281E5", "not hexadecimal")
WAYS = tuple(DropState)


@dataclass
class Stock:
    """Drops that have arrived from `start` on.

    Model versions from `version` on, and keys under `prefix`, are its own.
    """

    table: object
    start: datetime
    version: int = 7
    prefix: str = ""
    drops: list[Drop] = field(default_factory=list)

    def __post_init__(self) -> None:
        index = OpenWork(self.table)
        self._drops = Drops(self.table, index)
        self._jobs = Jobs(self.table, index, self._drops)
        self.catalogue = Catalogue(self.table)

    def add(self, state: DropState, after: timedelta, key: str = "x", version: int = 0, **source) -> Drop:
        """A drop that arrived so long after the start, by now in a state."""
        now = self.start + after
        where = Source("inbox", self.prefix + key, f"v{len(self.drops)}", **source)
        drop = self._drops.open(where, now, now + timedelta(minutes=5))
        if state is DropState.REJECTED:
            drop = self._drops.reject(drop, "bad", None, None, now)
        elif state is not DropState.PREPARING:
            drop = self._beyond_preparing(drop, state, replace(MODEL, version=self.version + version), now)
        self.drops.append(drop)
        return drop

    def _beyond_preparing(self, drop: Drop, state: DropState, model: ModelVersion, now: datetime) -> Drop:
        drop = self._drops.finish_preparing(drop, model, PREPARED, now)
        if state is DropState.WAITING:
            return self._drops.wait(drop, "no longer approved", now)
        if state is DropState.PREPARED:
            return drop
        drop, _ = claimed(self._jobs, [drop], now)
        if state is DropState.FAILED:
            return self._drops.fail(drop, "failed twice", now)
        return self._drops.score(drop, model, DONE, now) if state is DropState.SCORED else drop

    def add_many(self, count: int, rng: Random, days: int = 9) -> None:
        """Drops of all kinds, several of the same moment and of the same key."""
        for _ in range(count):
            self.add(
                rng.choice(WAYS),
                timedelta(
                    days=rng.randrange(days), hours=rng.choice((0, 0, 23)), milliseconds=rng.choice((0, 1))
                ),
                rng.choice(FOLDERS) + rng.choice(NAMES),
                rng.randrange(2),
                sequencer=rng.choice(SEQUENCERS),
            )

    def selections(self) -> Iterator[Selection]:
        """One of every kind at least."""
        yield Everything()
        yield from map(InState, DropState)
        yield from (ByVersion(self.version), ByVersion(self.version + 1), ByVersion(self.version + 2))
        for prefix in ("", "a", "a/", "ä", "z" * 990, "z" * 1_000 + "/X", "𝄞", "none"):
            yield UnderPrefix(self.prefix + prefix)
        for folder in FOLDERS:
            yield OfKey(self.prefix + folder + NAMES[0])
        yield OfKey(self.prefix + "a/")

    def expected(self, selection: Selection, arrived: Arrived) -> list[str]:
        """The ids of the drops that are asked for, in their order."""
        found = [drop for drop in self.drops if selection.holds(drop) and arrived.holds(drop)]
        if isinstance(selection, UnderPrefix | OfKey):
            return [drop.drop_id for drop in sorted(found, key=_by_key)]
        found.sort(key=lambda drop: (drop.arrived_at, drop.drop_id), reverse=True)
        return [drop.drop_id for drop in found]

    def pages(self, selection: Selection, arrived: Arrived, limit: int) -> list[list[str]]:
        """The ids that the catalogue's pages have."""
        return [
            [drop.drop_id for drop in page.drops] for page in pages(self.catalogue, selection, arrived, limit)
        ]


def pages(catalogue, selection, arrived, limit, most=1_000):
    """All pages, each begun where the one before says."""
    position = None
    for _ in range(most):
        page = catalogue.page(selection, arrived, limit, position)
        yield page
        if page.position is None:
            return
        assert page.position != position
        position = page.position
    raise AssertionError("there is no end of pages")


def _by_key(drop: Drop) -> tuple:
    """By the key's bytes, as far as the index has them; the current version first."""
    key = drop.source.key.encode()[:960].decode(errors="ignore").encode()
    sequencer = (drop.source.sequencer or "").upper()
    known = bool(sequencer) and set(sequencer) <= set("0123456789ABCDEF")
    digits = [-int(digit, 16) for digit in sequencer.ljust(32, "0")] if known else []
    return key, not known, digits or [-drop.arrived_at.timestamp()], drop.drop_id
