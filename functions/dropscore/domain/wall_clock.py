"""What the clocks on the wall show at an instant, zone by zone."""

from __future__ import annotations

from calendar import isleap, weekday
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import count

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from dropscore.domain.zones import UnknownZone, fixed_offset, zone

UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}

FIRST_SECOND = int(datetime(1, 1, 3, tzinfo=UTC).timestamp())
LAST_SECOND = int(datetime(9999, 12, 29, tzinfo=UTC).timestamp())
"""Seconds since 1970 between which every zone's wall clock stays within Python's calendar."""

FIRST_YEAR, RULES_FROM, STEP = 1840, 2101, 5 * 86_400
"""What is known of the pinned zone database, and held by a test: see `_year_like` and `_periods`."""


def own_zone(kind: pa.DataType) -> str | None:
    """The name of the zone that a column's type has, dictionary-encoded or not; None where it has none.

    Raises
    ------
    UnknownZone
        The name is not UTF-8.
    """
    kind = kind.value_type if pt.is_dictionary(kind) else kind
    try:
        return kind.tz if pt.is_timestamp(kind) else None
    except UnicodeDecodeError as error:
        raise UnknownZone(f"the name of its time zone is not UTF-8: {error}") from error


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
    ticks = instants.cast(pa.int64())
    per_second = UNITS_PER_SECOND[unit]
    if (fixed := fixed_offset(name)) is not None:
        return pc.add(ticks, fixed * per_second).cast(naive)
    years = sorted(pc.unique(pc.year(ticks.cast(naive))).drop_null().to_pylist())
    if not years:
        return ticks.cast(naive)
    # Only the years that are in the data: a date far away, such as 9999-01-01 for "never", costs one year.
    periods = [period for year in years for period in _periods(name, year)]
    # In nanoseconds the first and the last year begin or change beyond 64 bits.
    starts = pa.array([min(max(start * per_second, -(2**63)), 2**63 - 1) for start, _ in periods], pa.int64())
    shifts = pa.array([offset * per_second for _, offset in periods], pa.int64())
    period = pc.subtract(pc.search_sorted(starts, ticks.fill_null(starts[0]), side="right"), 1)
    return pc.add(ticks, shifts.take(period)).cast(naive)


@lru_cache(maxsize=16_384)
def _periods(name: str, year: int) -> tuple[tuple[int, int], ...]:
    """The periods of constant offset that a year (UTC) consists of: first second and offset of each.

    Steps some days at a time and then halves: no zone in the database changes twice within `STEP`.
    """
    start = _start(year)
    if (like := _year_like(year)) != year:
        shift = start - _start(like)
        return tuple((second + shift, offset) for second, offset in _periods(name, like))
    here, end = zone(name), _start(year + 1)
    before = _offset(here, start)
    periods = [(start, before)]
    for low in range(start, end, STEP):
        high = min(low + STEP, end)
        after = _offset(here, high)
        if before != after:
            periods.append((_border(here, low, high, after), after))
            before = after
    return tuple(periods)


def _year_like(year: int) -> int:
    """A year with the same changes of offset, so that no more than some 270 years are looked into.

    No zone in the database has a change before `FIRST_YEAR`, and from `RULES_FROM` on all come from yearly
    rules, which know a year by its length and the weekday it begins with (POSIX, `TZ`): there are 14 kinds.
    """
    if year < RULES_FROM:
        return max(year, FIRST_YEAR)
    kind = (isleap(year), weekday(year, 1, 1))
    return next(like for like in count(RULES_FROM) if (isleap(like), weekday(like, 1, 1)) == kind)


def _start(year: int) -> int:
    """The first second of a year (UTC)."""
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())


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
