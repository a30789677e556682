"""From requests to numbers: the same features as scoring's, and refusals that name the place."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.api.errors import BadRequest
from dropscore.domain.features import Extraction
from dropscore.domain.spec import FeatureSpec
from dropscore.predict.asked import FeatureRows, SourceRows
from dropscore.predict.matrix import matrix
from tests.predict.builders import TIMED, TRAFFIC

ALL = FeatureSpec(("minutes", "hour", "day_of_week", "day", "month", "is_weekend", "load"), None, "ts")


def faults(asked: Any, spec: FeatureSpec = TIMED) -> list[tuple[str, str]]:
    with pytest.raises(BadRequest) as refused:
        matrix(asked, spec)
    return [(fault.field, fault.detail) for fault in refused.value.faults]


def test_features_are_taken_as_they_are() -> None:
    assert matrix(FeatureRows([[38, 16, 4], [0.5, -1, 1e300]]), TIMED) == [[38, 16, 4], [0.5, -1, 1e300]]


def test_features_that_cannot_be_fed_are_refused_with_their_place() -> None:
    rows = [[1, 2, 3], [1, 2], ["1", None, True], [math.nan, math.inf, 10**400], [1, [2], {}]]

    assert faults(FeatureRows(rows)) == [
        ("data[1]", "has 2 values, expected 3: 'minutes', 'hour', 'day_of_week'"),
        ("data[2][0]", "is a string, expected a number"),
        ("data[2][1]", "is null, expected a number"),
        ("data[2][2]", "is a boolean, expected a number"),
        ("data[3][0]", "is not finite"),
        ("data[3][1]", "is not finite"),
        ("data[3][2]", "is not finite"),
        ("data[4][1]", "is a list, expected a number"),
        ("data[4][2]", "is an object, expected a number"),
    ]


def test_a_request_that_is_wrong_all_over_is_told_twenty_places() -> None:
    assert len(faults(FeatureRows([[1]] * 1000))) == 20


def test_features_come_from_the_wall_clock_that_is_written() -> None:
    # A Sunday in UTC, the Monday after it in Auckland.
    rows = [
        {"ts": "2026-03-01T12:34:56"},
        {"ts": "2026-03-01T12:34:56Z"},
        {"ts": "2026-03-02T01:34:56+13:00"},
    ]

    assert matrix(SourceRows(rows), TIMED) == [[34, 12, 6], [34, 12, 6], [34, 1, 0]]


def test_with_a_zone_of_the_spec_timestamps_are_instants() -> None:
    berlin = replace(TIMED, timezone="Europe/Berlin")
    # Summer time begins at 01:00 UTC that day.
    rows = [
        {"ts": "2026-03-29T00:59:00Z"},
        {"ts": "2026-03-29T01:00:00"},
        {"ts": "2026-03-28T20:00:00-05:00"},
    ]

    assert matrix(SourceRows(rows), berlin) == [[59, 1, 6], [0, 3, 6], [0, 3, 6]]


def test_keys_and_the_target_may_be_there() -> None:
    row = {"ts": "2026-03-01T12:34:56", "device_id": "a", "cpu": None}
    assert matrix(SourceRows([row]), TIMED) == [[34, 12, 6]]


def test_columns_are_numbers_or_booleans() -> None:
    rows = [{"ts": "2026-03-01", "speed": True}, {"ts": "2026-03-01T07:00", "speed": 2**53 + 1}]
    assert matrix(SourceRows(rows), TRAFFIC) == [[1, 0], [float(2**53 + 1), 7]]


def test_rows_that_have_no_features_are_refused_with_their_place() -> None:
    ts = "2026-03-01T12:34:56"

    assert faults(SourceRows([{"ts": ts, "speed": 1}, {"ts": ts, "sped": 1}]), TRAFFIC) == [
        ("rows[1].speed", "is missing"),
        ("rows[1].sped", "is no column of the model, which takes 'speed', 'ts'"),
    ]
    assert faults(SourceRows([{"ts": ts, "speed": "1"}, {"ts": ts, "speed": [1]}]), TRAFFIC) == [
        ("rows[0].speed", "is a string, expected a number or boolean"),
        ("rows[1].speed", "is a list, expected a number or boolean"),
    ]
    assert faults(SourceRows([{"ts": ts, "speed": None}, {"ts": ts, "speed": math.nan}]), TRAFFIC) == [
        ("rows[0].speed", "is null"),
        ("rows[1].speed", "is not finite"),
    ]
    assert faults(SourceRows([{"ts": ts, "speed": 10**400}]), TRAFFIC) == [("rows[0].speed", "is not finite")]


@pytest.mark.parametrize(
    "value", ["", "yesterday", "2026-02-29", "2026-03-01T25:00", "1583020800", "ü" * 500]
)
def test_what_is_no_timestamp_is_refused(value: str) -> None:
    ((field, detail),) = faults(SourceRows([{"ts": value}]))

    assert field == "rows[0].ts"
    assert detail.endswith("expected a timestamp such as 2026-03-01T12:34:56+01:00")
    assert len(detail) < 250


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (1583020800, "is a number, expected a timestamp such as"),
        (True, "is a boolean, expected a timestamp such as"),
        (None, "is null"),
        ("0001-01-01", "is outside the years 1 to 9999"),
    ],
)
def test_timestamps_are_texts_within_the_calendar(value: Any, detail: str) -> None:
    for spec in (TIMED, replace(TIMED, timezone="Asia/Tokyo")):
        ((field, told),) = faults(SourceRows([{"ts": value}]), spec)
        assert (field, told[: len(detail)]) == ("rows[0].ts", detail)


def test_an_instant_beyond_the_calendar_in_utc_is_no_timestamp() -> None:
    spec = replace(TIMED, timezone="UTC")
    ((field, detail),) = faults(SourceRows([{"ts": "0001-01-01T00:00:00+05:00"}]), spec)
    assert (field, detail[:14]) == ("rows[0].ts", "is '0001-01-01")


zones = st.sampled_from([None, "UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "+05:45"])
moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001 - zones are given to them
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
loads = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**62), 2**62)


@given(st.lists(st.tuples(moments, offsets, loads), min_size=1, max_size=20), zones)
def test_a_request_has_the_features_that_a_drop_of_the_same_rows_has(
    rows: list[tuple[datetime, timezone, float]], zone: str | None
) -> None:
    # GIVEN rows as a request writes them, and each as a file with its own zone's column
    spec = replace(ALL, timezone=zone)
    written = [{"ts": at.replace(tzinfo=offset).isoformat(), "load": load} for at, offset, load in rows]
    expected = []
    for at, offset, load in rows:
        name = at.replace(tzinfo=offset).strftime("%z")
        column = pa.array(
            [at.replace(tzinfo=offset).astimezone(UTC)], pa.timestamp("us", f"{name[:3]}:{name[3:5]}")
        )
        batch = pa.RecordBatch.from_arrays([column, pa.array([float(load)])], names=["ts", "load"])
        extract = Extraction.bind(spec, batch.schema).extract(batch, 0)
        expected += [list(row.values())[1:] for row in extract.features.to_pylist()]

    # THEN the features are the same to the last digit
    assert matrix(SourceRows(json.loads(json.dumps(written))), spec) == expected
