"""Moments as RFC 3339 writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from dropscore.api.answers import Moment
from dropscore.api.times import PATTERN, NotAMoment, moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-04T05:06:07Z", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2026-03-04t05:06:07z", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2026-03-04T05:06:07", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2026-03-04T05:06:07+01:30", datetime(2026, 3, 4, 3, 36, 7, tzinfo=UTC)),
        ("2026-03-04T05:06:07-00:00", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2026-03-04T05:06:07.5Z", datetime(2026, 3, 4, 5, 6, 7, 500_000, tzinfo=UTC)),
        ("2026-03-04T05:06:07.0000010Z", datetime(2026, 3, 4, 5, 6, 7, 1, tzinfo=UTC)),
        ("2026-03-04T05:06:07.0000011Z", datetime(2026, 3, 4, 5, 6, 7, 2, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("0000-02-29T00:00:00Z", datetime.min.replace(tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", datetime.min.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:60Z", datetime.max.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:59-23:59", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_what_is_one_is_read(text, expected):
    assert moment(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-04",
        "2026-03-04 05:06:07Z",
        "2026-03-04T05:06Z",
        "2026-03-04T05:06:07+0100",
        "2026-03-04T05:06:07+24:00",
        "2026-03-04T24:00:00Z",
        "2026-03-04T05:60:00Z",
        "2026-03-04T05:06:61Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-03-04T05:06:07.Z",
        "2026-03-04T05:06:07Z\n",
        "٢٠٢٦-03-04T05:06:07Z",
        "1772323200",
        "20260304T050607Z",
    ],
)
def test_what_is_none_is_refused(text):
    with pytest.raises(NotAMoment, match="no date and time"):
        moment(text)


EARLIEST, LATEST = datetime(2, 1, 1), datetime(9998, 1, 1)  # noqa: DTZ001 - Hypothesis adds the zone
ZONES = st.integers(-1_439, 1_439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=ZONES, min_value=EARLIEST, max_value=LATEST))
def test_every_moment_of_python_s_is_read_as_it_is(when):
    assert moment(when.isoformat()) == when


@given(st.from_regex(re.compile(PATTERN, re.ASCII), fullmatch=True))
def test_whatever_the_documented_pattern_lets_through_is_read(text):
    assert moment(text).tzinfo is UTC


def test_moments_are_written_in_utc_with_milliseconds():
    when = datetime(2026, 3, 4, 5, 6, 7, 89_999, tzinfo=timezone(timedelta(hours=2)))
    assert TypeAdapter(Moment).dump_python(when) == "2026-03-04T03:06:07.089Z"
