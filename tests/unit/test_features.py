"""The features: what pandas would say, for every kind of column that a file can have."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dropscore.domain.errors import ContentError
from dropscore.domain.features import Extraction
from dropscore.domain.spec import DERIVED_FEATURES, FeatureSpec
from dropscore.domain.wall_clock import UNITS_PER_SECOND
from tests.unit.builders import clock_features, extract, feature

ORACLE = {
    "minutes": lambda clock: clock.dt.minute,
    "hour": lambda clock: clock.dt.hour,
    "day_of_week": lambda clock: clock.dt.day_of_week,
    "day": lambda clock: clock.dt.day,
    "month": lambda clock: clock.dt.month,
    "is_weekend": lambda clock: (clock.dt.day_of_week >= 5).astype(int),
}
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "+05:45",
]

YEAR_1700 = -8_520_336_000
YEAR_2200 = 7_258_118_400
BERLIN_SPRING = 1_711_846_800  # 2024-03-31T01:00:00Z
BERLIN_AUTUMN = 1_729_990_800  # 2024-10-27T01:00:00Z
NEAR_CHANGES = st.sampled_from([BERLIN_SPRING, BERLIN_AUTUMN]).flatmap(
    lambda s: st.integers(s - 7200, s + 7200)
)
SECONDS = st.lists(NEAR_CHANGES | st.integers(YEAR_1700, YEAR_2200 + 86_400), min_size=1, max_size=8)


def expected_features(ticks, unit, own_zone, timezone):
    """Pandas' answer: the wall clock in `timezone`, else in the column's own zone, else as it is written."""
    clock = pd.Series(np.array(ticks, f"datetime64[{unit}]"))
    zone = timezone or own_zone
    if zone is not None:
        clock = clock.dt.tz_localize("UTC").dt.tz_convert(zone)
    return {name: ORACLE[name](clock).tolist() for name in DERIVED_FEATURES}


@given(
    seconds=SECONDS,
    fraction=st.integers(0, 999_999_999),
    unit=st.sampled_from([*UNITS_PER_SECOND]),
    own_zone=st.none() | st.sampled_from(ZONES),
    timezone=st.none() | st.sampled_from(ZONES),
)
@example([BERLIN_SPRING - 1, BERLIN_SPRING, BERLIN_AUTUMN - 1, BERLIN_AUTUMN], 0, "ms", "Europe/Berlin", None)
@example([-1, -60, -86_400, YEAR_1700], 999_999_999, "ns", None, None)
@example([YEAR_2200], 0, "ns", "UTC", "America/New_York")
def test_derived_features_are_those_of_pandas(seconds, fraction, unit, own_zone, timezone):
    per_second = UNITS_PER_SECOND[unit]
    ticks = [second * per_second + fraction * per_second // 10**9 for second in seconds]
    column = pa.array(ticks, pa.timestamp(unit, own_zone))
    assert clock_features(DERIVED_FEATURES, column, timezone) == expected_features(
        ticks, unit, own_zone, timezone
    )


def test_a_monday_is_day_0_and_the_weekend_starts_on_saturday():
    days = pa.array(["2024-01-01", "2024-01-06", "2024-01-07"]).cast(pa.timestamp("s"))
    assert clock_features(["day_of_week", "is_weekend"], days) == {
        "day_of_week": [0, 5, 6],
        "is_weekend": [0, 1, 1],
    }


def test_without_a_zone_a_timestamp_is_wall_clock_unless_the_spec_names_a_zone():
    noon = pa.array(["2024-07-01 12:00:00"]).cast(pa.timestamp("ms"))
    assert clock_features(["hour"], noon) == {"hour": [12]}
    assert clock_features(["hour"], noon, "Europe/Berlin") == {"hour": [14]}


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64()])
def test_a_date_is_midnight(kind):
    dates = pa.array(["1969-12-31", "2024-02-29"]).cast(pa.date32()).cast(kind)
    assert clock_features(["day", "month", "hour", "minutes"], dates) == {
        "day": [31, 29],
        "month": [12, 2],
        "hour": [0, 0],
        "minutes": [0, 0],
    }


def test_a_dictionary_encoded_timestamp_is_read_as_any_other():
    column = pa.array([3_600, 3_600, 0], pa.timestamp("s", "UTC")).dictionary_encode()
    assert clock_features(["hour"], column) == {"hour": [1, 1, 0]}


@pytest.mark.parametrize(
    ("unit", "ticks"),
    [
        ("s", [-62_135_596_801, 253_402_300_800, 2**62]),
        ("ms", [-62_135_596_801_000, 2**63 - 1]),
        ("us", [-(2**63), 2**63 - 1]),
        ("ns", [-(2**63), 2**63 - 1, 2**63 - 3_600 * 10**9]),
        ("us", [-(2**63)]),
        ("us", [2**63 - 1]),
    ],
)
@pytest.mark.parametrize("timezone", [None, "Asia/Tokyo", "America/New_York"])
def test_a_timestamp_outside_the_calendar_rejects_its_row_and_no_other(unit, ticks, timezone):
    spec = FeatureSpec(("month",), timestamp="t", timezone=timezone)
    found = extract(spec, {"t": pa.array([*ticks, 0], pa.timestamp(unit))})
    assert found.rejects["row"].to_pylist() == list(range(len(ticks)))
    assert set(found.rejects["reason"].to_pylist()) == {
        "t is outside the years 1 to 9999 (in nanoseconds: 1677 to 2262)"
    }
    assert found.features.num_rows == 1


NOON = 1_719_835_200  # 2024-07-01T12:00:00Z


@pytest.mark.parametrize("timezone", ["Asia/Kolkata", "+05:30", "UTC+05:30", None])
def test_the_same_instants_have_the_same_features_whatever_zone_the_file_names(timezone):
    """Spark, dask and Athena rewrite zoned timestamps as UTC."""
    by_zone = {
        own: clock_features(["hour", "minutes"], pa.array([NOON], pa.timestamp("s", own)), timezone)
        for own in ("Asia/Kolkata", "UTC", "utc", "Z", "GMT+8", "UTC+01:00", "+0530")
    }
    kolkata = {"hour": [17], "minutes": [30]}
    if timezone:  # of the spec: the file's own is a label
        assert all(features == kolkata for features in by_zone.values())
    else:  # what a spec without a zone means: each file's own
        assert [features["hour"] for features in by_zone.values()] == [
            [17],
            [12],
            [12],
            [12],
            [20],
            [13],
            [17],
        ]


@pytest.mark.parametrize(
    "spec",
    [
        FeatureSpec(("x",), timestamp="t"),
        FeatureSpec(("x", "hour"), timestamp="t", timezone="Asia/Kolkata"),
    ],
    ids=["without-features-of-time", "with-the-spec-s-zone"],
)
@pytest.mark.parametrize("zone", ["Mars/Olympus", "+99:00", "dateutil//usr/share/zoneinfo/Asia/Tokyo", "a ☃"])
def test_a_zone_that_only_labels_the_column_rejects_nothing(spec, zone):
    found = extract(spec, {"x": pa.array([1]), "t": pa.array([NOON], pa.timestamp("s", zone))})
    assert found.rejects.num_rows == 0
    assert found.context.column("ts").cast(pa.int64()).to_pylist() == [NOON * 10**6]
    assert found.features.to_pylist() == [{"row": 0, "x": 1} | ({"hour": 17} if spec.derived else {})]


def test_a_zone_whose_name_is_not_utf_8_is_refused_where_it_is_used_and_else_a_label():
    name = pa.schema([("t", pa.timestamp("s", "Mars/Olympus"))]).serialize().to_pybytes()
    (kind,) = pa.ipc.read_schema(pa.py_buffer(name.replace(b"Mars", b"\xff" * 4))).types
    column = pa.array([NOON]).cast(kind)
    with pytest.raises(ContentError, match="column 't': the name of its time zone is not UTF-8"):
        clock_features(["hour"], column)
    assert clock_features(["hour"], column, "Asia/Kolkata") == {"hour": [17]}


@pytest.mark.parametrize(
    ("kind", "timezone", "read_as"),
    [
        (pa.timestamp("us", "Asia/Tokyo"), None, "instants"),
        (pa.timestamp("us", "Asia/Tokyo"), "Asia/Kolkata", "instants"),
        (pa.dictionary(pa.int8(), pa.timestamp("us", "UTC")), "Asia/Kolkata", "instants"),
        (pa.timestamp("us"), "Asia/Kolkata", "UTC"),
        (pa.date32(), "Asia/Kolkata", "UTC"),
        (pa.timestamp("us"), None, "wall clock"),
        (None, "Asia/Kolkata", ""),
    ],
)
def test_a_file_s_timestamps_are_instants_or_taken_as_utc_or_as_they_stand(kind, timezone, read_as):
    file = pa.schema([("x", pa.int64()), *([("t", kind)] if kind else [])])
    spec = FeatureSpec(("x",), timestamp="t", timezone=timezone)
    assert Extraction.bind(spec, file).timestamps_read_as == read_as


FINITE = st.floats(allow_nan=False, allow_infinity=False)
COLUMNS = st.one_of(
    st.tuples(st.just(pa.float64()), st.lists(FINITE)),
    st.tuples(st.just(pa.float32()), st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False))),
    st.tuples(st.just(pa.int64()), st.lists(st.integers(-(2**63), 2**63 - 1))),
    st.tuples(st.just(pa.uint64()), st.lists(st.integers(0, 2**64 - 1))),
    st.tuples(st.just(pa.int8()), st.lists(st.integers(-128, 127))),
    st.tuples(st.just(pa.uint32()), st.lists(st.integers(0, 2**32 - 1))),
    st.tuples(st.just(pa.bool_()), st.lists(st.booleans())),
)


@given(column=COLUMNS, dictionary=st.booleans())
def test_a_number_comes_through_exactly(column, dictionary):
    kind, numbers = column
    array = pa.array(numbers, kind)
    values, rejected = feature(array.dictionary_encode() if dictionary else array)
    assert values.to_pylist() == numbers
    assert rejected == []


@given(st.lists(st.decimals(-(10**12), 10**12, places=6), min_size=1))
def test_a_decimal_is_the_nearest_float(decimals):
    for kind in (pa.decimal128(38, 6), pa.decimal256(60, 6)):
        values, _ = feature(pa.array(decimals, kind))
        assert values.to_pylist() == pytest.approx([float(d) for d in decimals], rel=1e-15, abs=0)


def test_a_half_precision_number_is_exact():
    values, _ = feature(pa.array(np.array([1.5, 65504.0, -0.25], np.float16)))
    assert values.to_pylist() == [1.5, 65504.0, -0.25]


@given(st.lists(FINITE | st.sampled_from([None, math.nan, math.inf, -math.inf])), st.integers(0, 10**9))
def test_a_row_without_a_finite_number_is_rejected_and_the_others_are_kept(numbers, first_row):
    found = extract(FeatureSpec(("x",)), {"x": pa.array(numbers, pa.float64())}, first_row)
    why = {
        first_row + place: "x is null" if number is None else "x is not finite"
        for place, number in enumerate(numbers)
        if number is None or not math.isfinite(number)
    }
    rejects = found.rejects.to_pylist()
    assert {reject["row"]: reject["reason"] for reject in rejects} == why
    assert [reject["row"] for reject in rejects] == sorted(why)
    assert found.features.column("row").to_pylist() == found.context.column("row").to_pylist()
    fine = [first_row + place for place in range(len(numbers)) if first_row + place not in why]
    assert found.features.column("row").to_pylist() == fine
    assert found.features.column("x").to_pylist() == [numbers[row - first_row] for row in fine]


def test_a_row_with_several_faults_is_rejected_once_for_the_first():
    spec = FeatureSpec(("a", "hour", "b"), timestamp="t")
    columns = {
        "a": pa.array([math.nan, None, 1.0]),
        "b": pa.array([None, None, math.inf]),
        "t": pa.array([None, 0, 0], pa.timestamp("s")),
    }
    assert [(r["row"], r["column"]) for r in extract(spec, columns).rejects.to_pylist()] == [
        (0, "t"),
        (1, "a"),
        (2, "b"),
    ]


def test_a_column_of_nulls_only_fits_everything():
    """Pandas writes an empty column as one without a type."""
    spec = FeatureSpec(("x",), target="y", timestamp="t", keys=("k",))
    nothing = pa.nulls(2)
    found = extract(spec, {"x": pa.array([1.0, None]), "y": nothing, "t": nothing, "k": nothing})
    assert found.context.to_pylist() == [{"row": 0, "ts": None, "actual": None, "k": None}]
    all_null = extract(FeatureSpec(("x", "hour"), timestamp="t"), {"x": nothing, "t": nothing})
    assert all_null.rejects["reason"].to_pylist() == ["t is null"] * 2


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["a", None, 'ü,\n"']), ["a", None, 'ü,\n"']),
        (pa.array(["a", None], pa.large_string()), ["a", None]),
        (pa.array(["a", None], pa.string_view()), ["a", None]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        (pa.array([1, None, -(2**63)]), ["1", None, "-9223372036854775808"]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([True, None]), ["true", None]),
        (pa.array([Decimal("1.50"), None]), ["1.5", None]),
        (pa.array([0, None], pa.date32()), ["1970-01-01", None]),
    ],
)
def test_a_key_is_a_string_in_the_results(column, expected):
    columns = {"x": pa.array([0] * len(column)), "k": column}
    assert extract(FeatureSpec(("x",), keys=("k",)), columns).context.column("k").to_pylist() == expected


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pa.array([b"a", b"caf\xe9", None], pa.binary()).view(pa.string()), "k is not UTF-8 text"),
        (pa.array([b"a", b"caf\xe9", None], pa.binary()).dictionary_encode(), "k is not UTF-8 text"),
        (pa.array([0, 2**62, None], pa.timestamp("s")), "k is outside the years -32767 to 32767"),
    ],
)
def test_a_row_whose_key_has_no_text_is_rejected(column, reason):
    columns = {"x": pa.array([0, 1, 2]), "k": column}
    found = extract(FeatureSpec(("x",), keys=("k",)), columns, first_row=10)
    assert found.rejects.to_pylist() == [{"row": 11, "column": "k", "reason": reason}]
    assert found.context.column("row").to_pylist() == found.features.column("row").to_pylist() == [10, 12]


def test_a_key_is_a_folder_where_the_file_lacks_the_column():
    spec = FeatureSpec(("x",), keys=("site", "k"))
    only = pa.schema([("x", pa.int64()), ("k", pa.string())])
    extraction = Extraction.bind(spec, only, {"site": "1", "k": "2"})
    assert (extraction.spec.keys, extraction.columns) == (("k",), ["x", "k"])
    with pytest.raises(
        ContentError, match=r"'site' is missing; the file has: 'x', 'k'; its folders name: 'a'$"
    ):
        Extraction.bind(spec, only, ["a"])


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1.5, None, math.nan]), [1.5, None, math.nan]),
        (pa.array([2**53, -1]), [2.0**53, -1.0]),
        (pa.array([2**64 - 1], pa.uint64()), [2.0**64]),
        (pa.array([True, False]), [1.0, 0.0]),
        (pa.array([Decimal("0.25")]), [0.25]),
    ],
)
def test_the_target_becomes_actual_and_rejects_nothing(column, expected):
    columns = {"x": pa.array([0] * len(column)), "y": column}
    found = extract(FeatureSpec(("x",), target="y"), columns)
    assert found.context.column("actual").to_pylist() == pytest.approx(expected, nan_ok=True)
    assert found.rejects.num_rows == 0


def test_a_file_without_target_and_timestamp_has_null_actuals_and_times():
    found = extract(FeatureSpec(("x",), target="y", timestamp="t"), {"x": pa.array([1])})
    assert found.context.to_pylist() == [{"row": 0, "ts": None, "actual": None}]


@pytest.mark.parametrize(
    ("kind", "tick", "microseconds"),
    [
        (pa.timestamp("s", "Asia/Tokyo"), -1, -1_000_000),
        (pa.timestamp("ms"), 1, 1_000),
        (pa.timestamp("us", "UTC"), -1, -1),
        (pa.timestamp("ns"), 1_999, 1),
        (pa.timestamp("ns"), -1, -1),  # 23:59:59.999999999 is not yet midnight
        (pa.timestamp("ns", "Europe/Berlin"), -1_001, -2),
    ],
)
def test_ts_is_the_instant_in_utc_with_finer_digits_cut_off(kind, tick, microseconds):
    found = extract(FeatureSpec(("x",), timestamp="t"), {"x": pa.array([1]), "t": pa.array([tick], kind)})
    assert found.context.schema.field("ts").type == pa.timestamp("us")
    assert found.context.column("ts").cast(pa.int64()).to_pylist() == [microseconds]


SPEC = FeatureSpec(("x", "hour"), target="y", timestamp="t", keys=("k",))
FITTING = {"x": pa.float64(), "t": pa.timestamp("ms"), "k": pa.string()}


def schema(**changes):
    return pa.schema([(name, kind) for name, kind in {**FITTING, **changes}.items() if kind is not None])


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (schema(x=None), "column 'x' is missing; the file has: 't', 'k'$"),
        (schema(t=None), "column 't' is missing"),
        (schema(k=None), "column 'k' is missing"),
        (schema(x=pa.string()), "column 'x' has type string, expected a number or boolean"),
        (schema(x=pa.list_(pa.float64())), "column 'x' has type list.*, expected a number or boolean"),
        (schema(x=pa.struct([("x", pa.float64())])), "column 'x' has type struct.*, expected a number"),
        (schema(x=pa.timestamp("s")), "column 'x' has type timestamp.s., expected a number"),
        (schema(x=pa.dictionary(pa.int8(), pa.string())), "column 'x' has type string, expected a number"),
        (schema(t=pa.string()), "column 't' has type string, expected a timestamp or date"),
        (schema(t=pa.int64()), "column 't' has type int64, expected a timestamp or date"),
        (schema(t=pa.timestamp("ms", "Mars/Olympus")), "column 't': 'Mars/Olympus' is not in the time zone"),
        (schema(t=pa.timestamp("ms", "+99:00")), "column 't': '\\+99:00' is not the offset"),
        (schema(y=pa.string()), "column 'y' has type string, expected a number or boolean"),
        (schema(k=pa.binary(16)), "column 'k' has type fixed_size_binary.16., expected text, a number, bool"),
        (schema(k=pa.list_(pa.string())), "column 'k' has type list.*, expected text, a number, boolean"),
        (schema(t=None).append(pa.field("\ufefft", pa.timestamp("s"))), r"file has: 'x', 'k', '\\ufefft'$"),
        (schema().append(pa.field("x", pa.int64())), "column 'x' is there 2 times"),
        (pa.schema([(f"c{n}", pa.int8()) for n in range(1000)]), "the file has: 'c0', .*, 'c19', …$"),
    ],
)
def test_a_file_that_does_not_fit_the_spec_is_refused_with_the_column_at_fault(file, problem):
    with pytest.raises(ContentError, match=problem):
        Extraction.bind(SPEC, file)


def test_only_the_columns_that_are_needed_are_read_each_once():
    file = schema(y=pa.int64(), other=pa.binary())
    assert Extraction.bind(SPEC, file).columns == ["x", "k", "t", "y"]
    twice = FeatureSpec(("x", "hour"), target="x", timestamp="t", keys=("x",))
    assert Extraction.bind(twice, schema()).columns == ["x", "t"]


def test_columns_that_the_spec_does_not_name_may_be_anything():
    others = [pa.field("z", pa.binary()), pa.field("z", pa.list_(pa.int8())), pa.field("", pa.null())]
    file = schema()
    for field in others:
        file = file.append(field)
    assert Extraction.bind(SPEC, file).columns == ["x", "k", "t"]
