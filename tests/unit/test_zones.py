"""Wall clocks: the same as the zone database's, whatever the machine has, at every change of offset."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import pairwise
from unittest.mock import patch
from zoneinfo._zoneinfo import ZoneInfo as ReadableZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.domain import wall_clock as clocks
from dropscore.domain.wall_clock import FIRST_SECOND, LAST_SECOND, UNITS_PER_SECOND, wall_clock
from dropscore.domain.zones import UnknownZone, one_name, zone

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
        ("utc", 0),
        ("Z", 0),
        ("GMT", 0),
        ("Etc/UTC", 0),
        ("+01", 60),
        ("-5", -300),
        ("UTC+01:00", 60),
        ("utc-0330", -210),
        ("UT+2", 120),
        ("GMT+8", 480),  # as in ISO 8601 and Java
        ("Etc/GMT+8", -480),  # as in POSIX
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
        "UTC+",
        "UTC+01:75",
        "Z+01:00",
        "UTC+٣",
        "GMT+24",
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


@pytest.mark.parametrize(
    ("name", "one"),
    [
        *(
            (name, "UTC")
            for name in ("UTC", "utc", "Z", "GMT", "GMT-0", "+00:00", "Etc/UTC", "Zulu", "UTC+0")
        ),
        *((name, "+08:00") for name in ("+08:00", "+8", "GMT+8", "UTC+0800", "Etc/GMT-8")),
        ("-0330", "-03:30"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("Europe/London", "Europe/London"),  # GMT in winter alone
    ],
)
def test_a_fixed_offset_has_one_name_however_it_is_written(name, one):
    assert one_name(name) == one
    assert zone(one).utcoffset(datetime(2026, 7, 1)) == zone(name).utcoffset(datetime(2026, 7, 1))  # noqa: DTZ001


def test_what_the_search_for_changes_rests_on_is_so_in_the_pinned_database():
    for name in ALL_ZONES:
        seconds = [second for second, _ in changes_of_offset(name)][1:]  # the first begins the record
        assert all(later - earlier > clocks.STEP for earlier, later in pairwise(seconds)), name
        assert all(
            clocks.FIRST_YEAR < (EPOCH + timedelta(seconds=second)).year < clocks.RULES_FROM
            for second in seconds
        ), name


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
    looked_into = years_looked_into(pa.array([0, 253_300_000_000], pa.timestamp("s")))
    assert looked_into == 2


def test_a_timestamp_in_every_year_costs_no_more_than_the_years_that_differ():
    """WHEN a file has one timestamp in each of 9,999 years (it took 40 CPU seconds)."""
    every_year = [
        (datetime(year, 7, 1, tzinfo=UTC) - EPOCH) // timedelta(seconds=1) for year in range(1, 10_000)
    ]
    assert years_looked_into(pa.array(every_year, pa.timestamp("s"))) < 300


@pytest.mark.parametrize("name", ["UTC", "+05:45", "Etc/GMT+8"])
def test_a_fixed_offset_costs_no_year(name):
    assert years_looked_into(pa.array([0, 253_300_000_000], pa.timestamp("s")), name) == 0


def years_looked_into(instants, name="Europe/Berlin"):
    """How many years were searched for changes."""
    clocks._periods.cache_clear()
    with patch.object(clocks, "zone", wraps=clocks.zone) as searched:
        wall_clock(instants, name)
    return searched.call_count


@pytest.mark.parametrize("name", ["Europe/Berlin", "Asia/Kolkata"])
def test_the_first_and_the_last_days_that_nanoseconds_can_hold_have_a_wall_clock(name):
    """Pandas' Timestamp.min and .max, which stand for "always" and "never", are near."""
    ends = [3 * 86_400 * 10**9 - 2**63, 2**63 - 3 * 86_400 * 10**9]
    clock = wall_clock(pa.array(ends, pa.timestamp("ns")), name).cast(pa.int64()).to_pylist()
    assert [EPOCH.replace(tzinfo=None) + timedelta(seconds=tick // 10**9) for tick in clock] == [
        expected_wall_clock(tick // 10**9, name) for tick in ends
    ]
