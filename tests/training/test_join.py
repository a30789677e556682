"""Sensors joined on the timestamp: the nearest row of the same device, and never of another."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dropscore.domain.spec import FeatureSpec
from tests.training.builders import read_joined
from training.data.history import History
from training.errors import NotEnoughRows, TrainingError
from training.sensors.clocks import NO_INSTANT
from training.sensors.nearest import NO_ROW, Timeline

SPEC = FeatureSpec(("speed", "hour"), "load", "ts", ("device_id",))
START = np.datetime64("2024-05-01T00:00:41", "us")
MINUTE = np.timedelta64(60, "s")


def times(rows, start=START, unit="us", zone=None):
    ts = start + np.arange(rows) * MINUTE
    return (
        pa.array(ts.astype("datetime64[us]"), pa.timestamp("us"))
        .cast(pa.timestamp(unit))
        .cast(pa.timestamp(unit, zone))
    )


def traffic(rows=40, device=1, **when):
    return pa.table({"ts": times(rows, **when), "speed": np.arange(rows) * 1.0, "device_id": [device] * rows})


def cpu(rows=40, device=1, offset=0.0, shift=-15, start=START, **when):
    start = start + np.timedelta64(shift, "s")
    load = np.arange(rows) + offset
    return pa.table({"ts": times(rows, start=start, **when), "load": load, "device_id": [device] * rows})


@pytest.fixture
def write(tmp_path):
    def write_file(name, table):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
        return path

    return write_file


@pytest.fixture
def join(tmp_path):
    def joined(spec=SPEC, **wishes):
        return read_joined([tmp_path / "traffic", tmp_path / "cpu"], spec, **wishes)

    return joined


def test_each_row_gets_the_nearest_row_of_the_other_sensor(write, join):
    write("traffic/a.parquet", traffic())
    write("cpu/a.parquet", cpu())

    data = join()

    assert data.rows[:, 0].tolist() == data.rows[:, 2].tolist() == list(range(40))
    assert data.source.name.endswith("traffic")


def test_the_order_in_which_sensors_are_given_does_not_matter(write, tmp_path):
    write("traffic/a.parquet", traffic())
    write("cpu/a.parquet", cpu(shift=-70))
    folders = [tmp_path / "traffic", tmp_path / "cpu"]

    one, other = (read_joined(order, SPEC) for order in (folders, folders[::-1]))

    np.testing.assert_array_equal(one.rows, other.rows)


def test_time_features_are_those_of_the_sensor_that_will_be_dropped(write, join):
    write("traffic/a.parquet", traffic(start=np.datetime64("2024-05-01T00:59:59", "us")))
    write("cpu/a.parquet", cpu(start=np.datetime64("2024-05-01T01:00:01", "us"), shift=0))

    assert join().rows[:2, 1].tolist() == [0, 1]


def test_rows_are_never_joined_across_devices(write, join):
    write("traffic/a.parquet", traffic(device=1))
    write("traffic/b.parquet", traffic(device=2))
    write("cpu/a.parquet", cpu(device=1))
    write("cpu/b.parquet", cpu(device=2, offset=1000.0, rows=30))
    write("cpu/c.parquet", cpu(device=3, offset=9999.0))

    data = join(tolerance=10_000_000_000)

    first, second = data.rows[:40], data.rows[40:]
    assert (first[:, 2] < 1000).all()
    assert (second[:, 2] >= 1000).all()
    assert data.rows[:, 2].max() < 9999


def test_devices_of_different_companies_with_one_number_are_different(write, join):
    for company, offset in ((1, 0.0), (2, 1000.0)):
        write(f"traffic/company_id={company}/sensor_id=1/a.parquet", traffic())
        write(f"cpu/company_id={company}/sensor_id=2/a.parquet", cpu(offset=offset))

    data = join()

    assert (data.rows[:40, 2] < 1000).all()
    assert (data.rows[40:, 2] >= 1000).all()


def test_a_device_can_be_a_folder_or_a_column_and_a_number_or_a_text(write, join):
    bare = cpu().drop_columns("device_id")
    write("cpu/device_id=7/a.parquet", bare)
    write("traffic/a.parquet", traffic(device="7"))

    assert len(join().rows) == 40


def test_all_rows_can_be_one_device(write, join):
    write("cpu/a.parquet", cpu().drop_columns("device_id"))
    write("traffic/a.parquet", traffic().drop_columns("device_id"))
    spec = FeatureSpec(SPEC.features, "load", "ts")

    assert len(join(spec, device=()).rows) == 40
    with pytest.raises(TrainingError, match="--device"):
        join(spec)


def test_unmatched_rows_are_counted_on_both_sides(write, join):
    write("traffic/a.parquet", traffic(50))
    write("cpu/a.parquet", cpu(30))
    write("cpu/b.parquet", cpu(5, start=START + 10_000 * MINUTE))

    data = join(tolerance=20_000_000)

    assert len(data.rows) == 30
    assert dict(data.rejects.reasons) == {
        f"has no row of {data.partners[0].name} within 20 s on its device": 20
    }
    report = data.partners[0].report()
    assert (report["rows"], report["unmatched"], report["unmatched_of_other"]) == (35, 5, 20)


@pytest.mark.parametrize(("seconds", "matched"), [(15, 40), (14.999, 0)])
def test_the_tolerance_counts_to_its_very_end(write, join, seconds, matched):
    write("traffic/a.parquet", traffic())
    write("cpu/a.parquet", cpu())

    if matched:
        assert len(join(tolerance=int(seconds * 1e6)).rows) == matched
    else:
        with pytest.raises(NotEnoughRows, match="40 of them since: has no row of"):
            join(tolerance=int(seconds * 1e6))


def test_of_two_as_near_the_earlier_is_taken_and_a_duplicate_never_is(write, join):
    write("traffic/a.parquet", traffic())
    around = [cpu(shift=20, offset=0.5), cpu(shift=-20), cpu(shift=-20, offset=7000.0)]
    write("cpu/a.parquet", pa.concat_tables(around))

    data = join()

    assert data.rows[:, 2].tolist() == list(range(40))
    assert data.partners[0].report()["duplicates"] == 40


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo"])
@pytest.mark.parametrize("units", [("s", "ns"), ("ms", "us"), ("ns", "s")])
def test_resolutions_and_order_do_not_matter(write, join, units, zone):
    shuffled = np.random.default_rng(1).permutation(40)
    write("traffic/a.parquet", traffic(unit=units[0], zone=zone).take(shuffled))
    write("cpu/a.parquet", cpu(unit=units[1], zone=zone).take(shuffled[::-1]))

    data = join()

    assert data.rows[:, 0].tolist() == data.rows[:, 2].tolist() == shuffled.tolist()


def test_zones_are_compared_as_instants(write, join):
    write("traffic/a.parquet", traffic(zone="Asia/Tokyo"))
    write("cpu/a.parquet", cpu(zone="America/New_York"))
    write("cpu/b.parquet", cpu(zone="Mars/Olympus").slice(0, 0))

    assert len(join().rows) == 40


def test_a_joined_sensor_s_zone_may_be_unknown_and_is_not_that_of_the_features(write, join):
    write("traffic/a.parquet", traffic(zone="Asia/Tokyo"))
    write("cpu/a.parquet", cpu(zone="Mars/Olympus"))

    data = join()

    assert (len(data.rows), data.spec.timezone) == (40, "Asia/Tokyo")


def test_a_zone_and_none_are_not_compared_unless_it_is_said_how(write, join):
    write("traffic/a.parquet", traffic(zone="Asia/Tokyo"))
    write("cpu/a.parquet", cpu())

    with pytest.raises(TrainingError, match=r"ts has zone Asia/Tokyo in .* and none in .*--timezone"):
        join()
    zoned = FeatureSpec(SPEC.features, "load", "ts", ("device_id",), "Europe/Berlin")
    assert len(join(zoned).rows) == 40


def test_one_row_may_serve_several(write, join):
    """A device has one CPU and many interfaces."""
    write("traffic/a.parquet", traffic())
    write("traffic/b.parquet", traffic())
    write("cpu/a.parquet", cpu())

    assert join().rows[:, 2].tolist() == [*range(40), *range(40)]


def test_devices_whose_files_overlap_in_time_are_counted(write, join):
    write("traffic/a.parquet", traffic())
    write("cpu/a.parquet", cpu(20))
    write("cpu/b.parquet", cpu(20, shift=-15 + 1200))
    assert join().partners[0].overlapping_devices == 0

    write("cpu/c.parquet", cpu(20, shift=-5))
    assert join().partners[0].overlapping_devices == 1


def test_rows_without_timestamp_or_device_are_left_out_with_their_reason(write, join):
    frame = traffic(60).to_pandas()
    frame.loc[3, "ts"] = None
    frame["device_id"] = frame["device_id"].astype("Int64")
    frame.loc[4, "device_id"] = None
    write("traffic/a.parquet", pa.Table.from_pandas(frame))
    broken = cpu(60).to_pandas()
    broken.loc[9, "ts"] = None
    write("cpu/a.parquet", pa.Table.from_pandas(broken))

    data = join(tolerance=20_000_000)

    assert dict(data.rejects.reasons) == {
        "ts is null": 1,
        "its device is null": 1,
        f"has no row of {data.partners[0].name} within 20 s on its device": 1,
    }
    assert data.partners[0].report()["without_timestamp_or_device"] == 1


def test_baseline_counts_nulls_of_joined_columns_among_matched_rows(write, join):
    loads = cpu().to_pandas()
    loads.loc[:9, "load"] = None
    write("traffic/a.parquet", traffic(50))
    write("cpu/a.parquet", pa.Table.from_pandas(loads))

    data = join(tolerance=20_000_000)

    assert (data.nulls.rows, data.nulls.share("load"), data.nulls.share("speed")) == (40, 0.25, 0.0)
    assert data.rejects.reasons["load is null"] == 10


def test_a_column_that_both_sensors_have_is_refused_by_name(write, join):
    write("traffic/a.parquet", traffic().append_column("load", pa.array([1.0] * 40)))
    write("cpu/a.parquet", cpu())

    with pytest.raises(TrainingError, match=r"'load' is in files of .*traffic and of .*cpu.*rename"):
        join()


def test_columns_that_nobody_asked_for_may_clash(write, join):
    write("traffic/a.parquet", traffic().append_column("note", pa.array(["t"] * 40)))
    write("cpu/a.parquet", cpu().append_column("note", pa.array([1] * 40)))

    assert len(join().rows) == 40


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (FeatureSpec(("speed",), "nope", "ts"), "'nope' is in no file"),
        (FeatureSpec(("speed",), "speed", "ts"), "cpu has none of 'speed'"),
        (FeatureSpec(("speed",), "load"), "--timestamp"),
    ],
)
def test_what_cannot_be_joined_says_why(write, join, spec, said):
    write("traffic/a.parquet", traffic())
    write("cpu/a.parquet", cpu())

    with pytest.raises(TrainingError, match=said):
        join(spec)


NUMBERS = {
    "decimal": pa.array([1] * 40, pa.int64()).cast(pa.decimal128(38, 10)),
    "float": pa.array([1.0] * 40),
    "text": pa.array(["1"] * 40),
    "binary": pa.array([b"1"] * 40),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_a_device_is_the_same_whatever_the_type_of_its_number(write, join, kind):
    write("traffic/a.parquet", traffic())
    write("cpu/device_id=1/a.parquet", cpu(20).drop_columns(["device_id"]))
    write("cpu/b.parquet", cpu(40).set_column(2, "device_id", NUMBERS[kind]).slice(20))

    assert len(join().rows) == 40


def test_rows_whose_device_is_not_utf8_are_left_out_on_both_sides(write, join):
    names = pa.array([b"\xe9"] * 5 + [b"1"] * 35, pa.binary()).view(pa.string())
    write("traffic/a.parquet", traffic().set_column(2, "device_id", names))
    write("cpu/a.parquet", cpu(40).set_column(2, "device_id", names))

    data = join()

    assert (len(data.rows), dict(data.rejects.reasons)) == (35, {"device_id is not UTF-8 text": 5})


def test_hive_s_null_is_no_device(write, join):
    write("traffic/a.parquet", traffic())
    write("traffic/device_id=__HIVE_DEFAULT_PARTITION__/b.parquet", traffic(3).drop_columns(["device_id"]))
    write("cpu/a.parquet", cpu())

    assert dict(join().rejects.reasons) == {"its device is null": 3}


def test_a_file_that_scoring_refuses_for_its_folders_is_left_out(write, join):
    write("traffic/a.parquet", traffic())
    write("traffic/Device_ID=7/b.parquet", traffic())
    write("cpu/a.parquet", cpu())

    (skipped,) = join().skipped
    assert skipped.reason == "the key's folder 'Device_ID' differs only by case from 'device_id'; rename it"


def test_a_file_whose_name_is_no_utf8_is_left_out(write, join, tmp_path):
    write("cpu/a.parquet", cpu())
    path = write("traffic/a.parquet", traffic())
    (tmp_path / "traffic" / "caf\udce9.parquet").write_bytes(path.read_bytes())

    (skipped,) = join().skipped
    assert skipped.reason == "its name, or a folder's, is not UTF-8: rename it"


moments = st.lists(st.tuples(st.integers(0, 3), st.integers(-50, 50)), max_size=30)


@given(moments, moments, st.integers(0, 20))
@settings(max_examples=200, deadline=None)
def test_nearest_is_what_looking_at_every_row_finds(rows, asked, tolerance):
    device, instant = (np.array([row[place] for row in rows], dtype=np.int64) for place in (0, 1))
    wanted = [np.array([one[place] for one in asked], dtype=np.int64) for place in (0, 1)]

    found = Timeline.of(device, instant).nearest(*wanted, tolerance)

    for (d, t), row in zip(asked, found.tolist(), strict=True):
        near = [
            (abs(there - t), there, place)
            for place, (other, there) in enumerate(rows)
            if other == d and abs(there - t) <= tolerance
        ]
        assert row == (min(near)[2] if near else NO_ROW)


def test_nearest_agrees_with_pandas(write, join):
    rng = np.random.default_rng(7)
    stamps = [np.sort(rng.integers(0, 10_000_000_000, 400)) for _ in range(2)]
    left = pd.DataFrame({"ts": stamps[0].astype("datetime64[us]"), "speed": np.arange(400.0), "device_id": 1})
    right = pd.DataFrame({"ts": stamps[1].astype("datetime64[us]"), "load": np.arange(400.0), "device_id": 1})
    write("traffic/a.parquet", pa.Table.from_pandas(left))
    write("cpu/a.parquet", pa.Table.from_pandas(right))

    data = join(tolerance=9_000_000)

    tolerance = pd.Timedelta(seconds=9)
    expected = pd.merge_asof(left, right, on="ts", direction="nearest", tolerance=tolerance).dropna()
    np.testing.assert_array_equal(data.rows[:, [0, 2]], expected[["speed", "load"]])


def test_the_day_before_is_the_same_minute_of_the_same_device():
    minute, day = 60_000_000, 86_400_000_000
    history = History()
    device = np.array([0, 0, 1, 0, 0])
    instant = np.array([5, 5 + minute, 5, 20, NO_INSTANT])
    history.add(device, instant, np.array([1.0, 2.0, 7.0, 3.0, 9.0]))

    asked = np.array([day + 59_000_000, day + minute, day + 2 * minute, day, day - minute, NO_INSTANT])
    found = history.day_before(np.zeros(6, dtype=np.int64), asked)

    np.testing.assert_array_equal(found, [2.0, 2.0, np.nan, 2.0, np.nan, np.nan])
    assert history.day_before(np.array([1]), np.array([day])) == 7.0
    assert np.isnan(history.day_before(np.array([2, -1]), np.array([day, day]))).all()
