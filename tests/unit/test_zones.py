"""Wall clocks: the same as the zone database's, whatever the machine has, at every change of offset."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import pairwise
from zoneinfo._zoneinfo import ZoneInfo as ReadableZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.domain import wall_clock as clocks
from dropscore.domain.wall_clock import FIRST_SECOND, LAST_SECOND, UNITS_PER_SECOND, wall_clock
from dropscore.domain.zones import UnknownZone, zone

TZDATA = resources.files("tzdata")
ALL_ZONES = TZDATA.joinpath("zones").read_text().split()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PECULIAR = [
    "Europe/Dublin",  # winter is the one that is saved
    "Australia/Lord_Howe",  # half an hour of summer
    "Africa/Casablanca",  # changes around Ramadan
    "Pacific/Apia",  # skipped a day
    "America/Caracas",  # half hours, changed twice
    "Asia/Kathmandu",
    "Africa/Monrovia",  # seconds until 1972
    "Antarctica/Troll",  # two hours of summer
]


def changes_of_offset(name: str) -> list[tuple[int, int]]:
    """Seconds at which the database records another offset, and that offset."""
    with TZDATA.joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        table = ReadableZoneInfo.from_file(data, key=name)
    found, offset = [], None
    for second, kind in zip(table._trans_utc, table._ttinfos, strict=True):
        if kind.utcoff != offset:
            found.append((second, kind.utcoff))
            offset = kind.utcoff
    return found


def expected_wall_clock(seconds: int, name: str) -> datetime:
    return (EPOCH + timedelta(seconds=seconds)).astimezone(zoneinfo.ZoneInfo(name)).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("name", "minutes"),
    [
        ("+02:00", 120),
        ("-03:30", -210),
        ("+0545", 345),
        ("UTC", 0),
        ("Etc/GMT+5", -300),
        ("Asia/Kolkata", 330),
    ],
)
def test_zones_are_iana_names_and_fixed_offsets(name, minutes):
    assert zone(name).utcoffset(datetime(2026, 1, 1)) == timedelta(minutes=minutes)  # noqa: DTZ001 - wall clock


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Nowhere/City",
        "Europe",
        "europe/berlin/",
        "../zones",
        "/etc/passwd",
        "+24:00",
        "-99:99",
        "zone.tab",
        "a b",
    ],
)
def test_what_is_no_zone_is_refused_by_name(name):
    with pytest.raises(UnknownZone, match="time zone"):
        zone(name)


def test_every_zone_of_the_database_is_known():
    assert len(ALL_ZONES) > 400
    for name in ALL_ZONES:
        assert zone(name).utcoffset(datetime(2026, 1, 1)) is not None  # noqa: DTZ001 - wall clock


def test_a_machines_own_zone_database_is_not_asked(tmp_path):
    # GIVEN a machine that believes Berlin to be at UTC
    (tmp_path / "Europe").mkdir()
    utc = TZDATA.joinpath("zoneinfo", "UTC").read_bytes()
    (tmp_path / "Europe" / "Berlin").write_bytes(utc)
    zoneinfo.reset_tzpath([tmp_path])
    zone.cache_clear()
    # THEN we do not
    try:
        assert zone("Europe/Berlin").utcoffset(datetime(2026, 1, 1)) == timedelta(hours=1)  # noqa: DTZ001
    finally:
        zoneinfo.reset_tzpath(())
        zone.cache_clear()


def test_no_zone_changes_twice_within_a_day():
    """What the search for changes rests on, for the pinned database."""
    for name in ALL_ZONES:
        seconds = [second for second, _ in changes_of_offset(name)]
        assert all(later - earlier > 86_400 for earlier, later in pairwise(seconds)), name


@pytest.mark.parametrize("name", PECULIAR)
def test_the_wall_clock_is_right_on_both_sides_of_every_change(name):
    moments = [second + step for second, _ in changes_of_offset(name) for step in (-1, 0, 1)]
    clock = wall_clock(pa.array(moments, pa.timestamp("s", "UTC")), name)
    assert clock.to_pylist() == [expected_wall_clock(second, name) for second in moments]


@given(
    name=st.sampled_from(ALL_ZONES),
    seconds=st.lists(
        st.integers(-3_000_000_000, 8_000_000_000) | st.integers(FIRST_SECOND, LAST_SECOND) | st.none(),
        max_size=6,
    ),
    unit=st.sampled_from(["s", "ms", "us"]),
)
def test_the_wall_clock_is_that_of_the_standard_library(name, seconds, unit):
    ticks = [None if second is None else second * UNITS_PER_SECOND[unit] for second in seconds]
    clock = wall_clock(pa.array(ticks, pa.timestamp(unit)), name)
    assert clock.type == pa.timestamp(unit)
    assert clock.to_pylist() == [None if s is None else expected_wall_clock(s, name) for s in seconds]


def test_the_column_s_own_zone_does_not_shift_the_instant():
    tokyo = pa.array([0, None], pa.timestamp("ns", "Asia/Tokyo"))
    assert wall_clock(tokyo, "America/New_York").cast(pa.int64()).to_pylist() == [-5 * 3600 * 10**9, None]


def test_a_date_far_away_costs_one_year_and_not_all_years_up_to_it():
    clocks._changes.cache_clear()
    wall_clock(pa.array([0, 253_300_000_000], pa.timestamp("s")), "Europe/Berlin")
    assert clocks._changes.cache_info().misses == 2
