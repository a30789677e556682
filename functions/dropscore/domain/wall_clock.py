"""What the clocks on the wall show at an instant, zone by zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from dropscore.domain.zones import zone

UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}

FIRST_SECOND = int(datetime(1, 1, 3, tzinfo=UTC).timestamp())
LAST_SECOND = int(datetime(9999, 12, 29, tzinfo=UTC).timestamp())
"""Seconds since 1970 between which every zone's wall clock stays within Python's calendar."""


def wall_clock(instants: pa.Array, name: str) -> pa.Array:
    """The wall clock that zone `name` shows at each instant.

    Parameters
    ----------
    instants
        timestamp[unit], zoned or read as UTC, shape (n,); within `FIRST_SECOND` and `LAST_SECOND`.
    name
        The zone, as `zone` takes it.

    Returns
    -------
    timestamp[unit] without zone, shape (n,); null where the instant is null.
    """
    unit = instants.type.unit
    naive = pa.timestamp(unit)
    ticks = instants.cast(pa.timestamp(unit, "UTC") if instants.type.tz else naive).cast(pa.int64())
    years = sorted(pc.unique(pc.year(ticks.cast(naive))).drop_null().to_pylist())
    if not years:
        return ticks.cast(naive)
    periods = _periods(name, years)
    per_second = UNITS_PER_SECOND[unit]
    starts = pa.array([start * per_second for start, _ in periods], pa.int64())
    shifts = pa.array([offset * per_second for _, offset in periods], pa.int64())
    period = pc.subtract(pc.search_sorted(starts, ticks.fill_null(starts[0]), side="right"), 1)
    return pc.add(ticks, shifts.take(period)).cast(naive)


def _periods(name: str, years: Sequence[int]) -> list[tuple[int, int]]:
    """The periods of constant offset that the years (ascending) consist of: first second and offset of each.

    Only the years that are in the data: a date far away, such as 9999-01-01 for "never", costs one year.
    """
    periods: list[tuple[int, int]] = []
    for year in years:
        start = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
        periods += [(start, _offset(zone(name), start)), *_changes(name, year)]
    return periods


@lru_cache(maxsize=16_384)
def _changes(name: str, year: int) -> tuple[tuple[int, int], ...]:
    """The seconds of `year` (UTC) at which the offset changes, each with the offset from then on.

    Steps a day at a time and then halves: no zone in the database changes twice within a day.
    """
    here = zone(name)
    low = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    end = int(datetime(year, 12, 31, tzinfo=UTC).timestamp()) + 86_400
    changes = []
    while low < end:
        high = low + 86_400
        before, after = _offset(here, low), _offset(here, high)
        if before != after:
            changes.append((_border(here, low, high, after), after))
        low = high
    return tuple(changes)


def _border(here: tzinfo, low: int, high: int, after: int) -> int:
    """The first second in (low, high] that has offset `after`."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(here, middle) == after else (middle, high)
    return high


def _offset(here: tzinfo, second: int) -> int:
    """Seconds that the zone is ahead of UTC at `second` since 1970, kept within the calendar."""
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        seconds=min(max(second, FIRST_SECOND), LAST_SECOND)
    )
    offset = instant.astimezone(here).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0
