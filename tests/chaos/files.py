"""Files of every kind, each with what must become of it, known from how it was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import pyarrow as pa

from tests.flow.flow import parquet

MOST_ROWS = 40
VERSIONS_SHARE = 0.05
"""How many of the files are put under the key of another."""


@dataclass(frozen=True)
class Fate:
    """What must become of a file.

    Attributes
    ----------
    reason
        What the reason says; empty where there is none.
    moments
        The timestamps of the rows to be scored, by row number.
    rejected
        The numbers of the rows to be rejected.
    """

    state: str = "SCORED"
    reason: str = ""
    moments: tuple[tuple[int, datetime], ...] = ()
    rejected: tuple[int, ...] = ()

    @property
    def scored(self) -> list[int]:
        """The numbers of the rows to be scored."""
        return [row for row, _ in self.moments]


@dataclass(frozen=True)
class File:
    """A file to be dropped."""

    key: str
    body: bytes
    fate: Fate


def make_files(count: int, rng: Random) -> list[File]:
    """So many files, at least one of each kind where there are enough of them; some share a key."""
    kinds = [*_KINDS, *rng.choices(list(_KINDS), [*_KINDS.values()], k=max(0, count - len(_KINDS)))][:count]
    rng.shuffle(kinds)
    keys = [f"data/company_id={rng.randint(1, 3)}/{number:03d}.parquet" for number in range(count)]
    for place in range(1, count):
        if rng.random() < VERSIONS_SHARE:
            keys[place] = keys[place - 1]
    return [File(key, *kind(rng)) for key, kind in zip(keys, kinds, strict=True)]


def _good(rng: Random) -> tuple[bytes, Fate]:
    moments = _moments(rng, rng.randint(1, MOST_ROWS))
    return parquet(len(moments), ts=_column(moments)), Fate(moments=tuple(enumerate(moments)))


def _some_null(rng: Random) -> tuple[bytes, Fate]:
    """Fewer than half of its rows cannot be scored."""
    moments = _moments(rng, rng.randint(5, MOST_ROWS))
    nulls = set(rng.sample(range(len(moments)), rng.randint(1, len(moments) // 2)))
    column = _column([None if row in nulls else moment for row, moment in enumerate(moments)])
    kept = tuple((row, moment) for row, moment in enumerate(moments) if row not in nulls)
    return parquet(len(moments), ts=column), Fate(moments=kept, rejected=tuple(sorted(nulls)))


def _all_null(rng: Random) -> tuple[bytes, Fate]:
    rows = rng.randint(1, MOST_ROWS)
    reason = f"none of the {rows} rows can be scored"
    return parquet(rows, ts=_column([None] * rows)), Fate("REJECTED", reason, rejected=tuple(range(rows)))


def _empty(_: Random) -> tuple[bytes, Fate]:
    return parquet(0), Fate()


def _garbage(rng: Random) -> tuple[bytes, Fate]:
    return rng.randbytes(rng.randint(1, 2000)), Fate("REJECTED", "not a readable Parquet file")


def _truncated(rng: Random) -> tuple[bytes, Fate]:
    whole = parquet(rng.randint(100, 1000))
    return whole[: len(whole) // 2], Fate("REJECTED", "not a readable Parquet file")


def _columnless(rng: Random) -> tuple[bytes, Fate]:
    return parquet(rng.randint(1, MOST_ROWS), ts=None), Fate("REJECTED", "column 'ts' is missing")


def _moments(rng: Random, rows: int) -> list[datetime]:
    """Minutes from anywhere in a year, so that no two files have the same predictions."""
    start = datetime(2021, 1, 1) + timedelta(minutes=rng.randrange(365 * 24 * 60))  # noqa: DTZ001 - no zone
    return [start + timedelta(minutes=rng.randint(1, 90)) * row for row in range(rows)]


def _column(moments: list[datetime] | list[datetime | None]) -> pa.Array:
    return pa.array(moments, pa.timestamp("ms"))


Kind = Callable[[Random], tuple[bytes, Fate]]

_KINDS: dict[Kind, int] = {
    _good: 72,
    _some_null: 8,
    _empty: 4,
    _garbage: 4,
    _truncated: 4,
    _all_null: 4,
    _columnless: 4,
}
