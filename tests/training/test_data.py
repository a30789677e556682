"""Training data: features by the scoring code, a bounded sample, a baseline."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from dropscore.domain.spec import FeatureSpec
from tests.training.builders import SPEC, prepare, read, sensor_table
from training.data.prepared import DAY_BEFORE
from training.data.reading import LARGEST, MIN_ROWS, check_sizes
from training.data.split import Split, split
from training.errors import NotEnoughRows, SeveralZones, TrainingError


def test_rows_are_the_features_and_target_that_pandas_computes(write_sensor):
    data = read([write_sensor()])

    frame = sensor_table().to_pandas()
    expected = np.column_stack([frame.ts.dt.minute, frame.ts.dt.hour, frame.load, frame.target])
    np.testing.assert_array_equal(data.rows, expected)


def test_rows_without_a_feature_or_a_finite_target_are_left_out(write_sensor):
    frame = sensor_table(40).to_pandas()
    frame.loc[3, "load"] = None
    frame.loc[4, "target"] = float("inf")
    frame.loc[5, "ts"] = None

    data = read([write_sensor(table=pa.Table.from_pandas(frame))])

    assert len(data.rows) == 37


def test_files_that_cannot_be_trained_on_are_named_with_the_reason(write_sensor, tmp_path):
    good = write_sensor("good.parquet")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(good.read_bytes()[:-40])
    targetless = write_sensor("targetless.parquet", sensor_table().drop_columns("target"))
    loadless = write_sensor("loadless.parquet", sensor_table().drop_columns("load"))

    data = read([broken, good, targetless, loadless])

    assert [footer.path for footer in data.used] == [good]
    reasons = {entry.path: entry.reason for entry in data.skipped}
    assert set(reasons) == {broken, targetless, loadless}
    assert "target" in reasons[targetless]
    assert "load" in reasons[loadless]


def test_too_little_data_is_refused_with_the_first_reason(write_sensor):
    files = [
        write_sensor("short.parquet", sensor_table(MIN_ROWS - 1)),
        write_sensor("x.parquet", pa.table({"x": [1]})),
    ]

    with pytest.raises(NotEnoughRows, match=rf"{MIN_ROWS - 1} usable rows .* x.parquet: "):
        read(files)


def test_a_spec_without_target_is_refused(write_sensor):
    with pytest.raises(TrainingError, match="target"):
        read([write_sensor()], FeatureSpec(("load",)))


def test_above_the_limit_a_share_of_every_file_is_taken_the_same_for_the_same_seed(write_sensor):
    files = [
        write_sensor("a.parquet", sensor_table(2_000, 1)),
        write_sensor("b.parquet", sensor_table(2_000, 2)),
    ]

    first, again, other = (read(files, max_rows=1_000, seed=seed).rows for seed in (0, 0, 1))

    assert 800 < len(first) < 1_200
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_baseline_describes_every_feature_and_the_target_of_the_rows_to_fit(write_sensor):
    frame = sensor_table(110).to_pandas()
    frame.loc[:10, "load"] = None
    frame.loc[:4, "ts"] = None
    data = read([write_sensor(table=pa.Table.from_pandas(frame))], timed=True)

    spec = split(data, Split.TIME, seed=0).spec

    assert set(spec.baseline) == {"minutes", "hour", "load", "target"}
    assert spec.baseline["load"]["null_share"] == 0.1
    assert spec.baseline["minutes"]["null_share"] == spec.baseline["hour"]["null_share"] == 5 / 110
    target = spec.baseline["target"]
    assert (target["count"], target["null_share"]) == (74, 0.0)
    expected = {name: frame.target[11:85].quantile(float(name)) for name in target["quantiles"]}
    assert target["quantiles"] == pytest.approx(expected)
    assert FeatureSpec.parse(spec.to_bytes()).baseline == spec.baseline


def test_split_is_three_quarters_to_one_loses_no_row_and_is_exact(write_sensor, tmp_path):
    data = read([write_sensor()])

    prepared = prepare([write_sensor()], tmp_path / "prepared")

    train, test = (pd.read_csv(folder / f"{folder.name}.csv") for folder in (prepared.train, prepared.test))
    assert (len(train), len(test)) == (150, 50)
    assert list(train.columns) == ["minutes", "hour", "load", "target"]
    assert list(test.columns) == [*train.columns, DAY_BEFORE]
    both = csv.read_csv(prepared.train / "train.csv").to_pandas().to_numpy(float).tolist()
    both += csv.read_csv(prepared.test / "test.csv").to_pandas().to_numpy(float)[:, :-1].tolist()
    assert sorted(both) == sorted(data.rows.tolist())
    assert prepared.read_spec().features == SPEC.features


def test_random_split_depends_on_the_seed_alone(write_sensor, tmp_path):
    file = write_sensor()

    one, two, three = (prepare([file], tmp_path / str(n), seed=seed) for n, seed in enumerate((7, 7, 8)))

    assert (one.test / "test.csv").read_bytes() == (two.test / "test.csv").read_bytes()
    assert (one.test / "test.csv").read_bytes() != (three.test / "test.csv").read_bytes()


def test_split_by_time_tests_on_what_came_last_whatever_the_order_of_the_files(write_sensor):
    table = sensor_table(200)
    files = [write_sensor("a.parquet", table.slice(100)), write_sensor("b.parquet", table.slice(0, 100))]

    channels = split(read(files, timed=True), Split.TIME, seed=0)

    instants = channels.data.instants
    assert len(channels.test) == 50
    assert instants[channels.train].max() < instants[channels.test].min()
    assert channels.begin_of_test.replace(tzinfo=None) == table["ts"][150].as_py()


def test_split_by_time_never_parts_rows_of_one_instant(write_sensor):
    table = sensor_table(100)
    twice = pa.concat_tables([table] * 3)

    channels = split(read([write_sensor(table=twice)], timed=True), Split.TIME, seed=0)

    instants = channels.data.instants
    assert not set(instants[channels.train]) & set(instants[channels.test])


def test_split_by_time_without_a_past_is_refused(write_sensor):
    same = sensor_table(40).set_column(0, "ts", pa.array([0] * 40, pa.timestamp("ms")))

    with pytest.raises(TrainingError, match="no past is left"):
        split(read([write_sensor(table=same)], timed=True), Split.TIME, seed=0)


def test_rows_left_out_are_counted_by_reason_and_written_with_their_numbers(write_sensor, tmp_path):
    frame = sensor_table(60).to_pandas()
    frame.loc[3, "load"] = None
    frame.loc[4, "target"] = float("inf")
    frame.loc[5, "target"] = None
    frame.loc[6, ["ts", "load"]] = None

    prepared = prepare([file := write_sensor(table=pa.Table.from_pandas(frame))], tmp_path / "prepared")

    told = pq.read_table(prepared.rejects).to_pylist()
    assert {(row["row"], row["column"], row["reason"]) for row in told} == {
        (3, "load", "load is null"),
        (4, "target", "target is not finite"),
        (5, "target", "target is null"),
        (6, "ts", "ts is null"),
    }
    assert {row["file"] for row in told} == {str(file)}
    assert read([file]).rejects.reasons.total() == 4


def test_rejects_of_an_earlier_run_do_not_stay(write_sensor, tmp_path):
    (tmp_path / "prepared").mkdir()
    (tmp_path / "prepared" / "rejects.parquet").write_bytes(b"old")

    assert not prepare([write_sensor()], tmp_path / "prepared").rejects.exists()


def test_a_file_damaged_in_the_middle_gives_no_row_at_all(write_sensor, tmp_path):
    good, damaged = write_sensor("good.parquet"), tmp_path / "damaged.parquet"
    pq.write_table(sensor_table(200_000), damaged, row_group_size=70_000, use_dictionary=False)
    content = bytearray(damaged.read_bytes())
    middle = pq.read_metadata(damaged).row_group(2).column(1).data_page_offset
    content[middle : middle + 40] = b"\xff" * 40
    damaged.write_bytes(content)

    data = read([good, damaged])

    assert (len(data.rows), [entry.path for entry in data.skipped]) == (200, [damaged])


def test_boolean_features_count_as_zero_and_one(write_sensor):
    table = sensor_table().append_column("busy", pa.array([row % 2 == 0 for row in range(200)]))

    data = read([write_sensor(table=table)], replace(SPEC, features=("busy",)))

    np.testing.assert_array_equal(data.rows[:4, 0], [1, 0, 1, 0])


KOLKATA, UTC = "Asia/Kolkata", "UTC"


def zoned(zone, rows=200):
    """A sensor's rows, their timestamps instants that are labelled with a zone."""
    table = sensor_table(rows)
    return table.set_column(0, "ts", table["ts"].cast(pa.timestamp("ms", zone)))


@pytest.mark.parametrize(
    ("zones", "written"),
    [
        ((KOLKATA,), KOLKATA),
        ((KOLKATA, KOLKATA), KOLKATA),
        ((UTC, "utc", "Z", "Etc/UTC", "+00:00", "GMT"), UTC),
        (("GMT+8", "+08:00", "Etc/GMT-8"), "+08:00"),
        ((None,), None),
    ],
)
def test_the_feature_spec_has_the_one_zone_that_the_files_have(write_sensor, zones, written):
    files = [write_sensor(f"{number}.parquet", zoned(zone)) for number, zone in enumerate(zones)]

    data = read(files)

    assert data.spec.timezone == written
    assert FeatureSpec.parse(data.spec.to_bytes()).timezone == written
    own = read(files[:1]).rows
    np.testing.assert_array_equal(data.rows, np.vstack([own] * len(files)))


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize(
    ("zones", "told"),
    [
        (
            (KOLKATA, UTC),
            r"ts has zone Asia/Kolkata in .*0\.parquet and UTC in .*1\.parquet: give --timezone",
        ),
        (("Etc/GMT+8", "GMT+8"), r"ts has zone -08:00 in .* and \+08:00 in .*: give --timezone"),
        ((None, UTC), r"ts has zone UTC in .*1\.parquet and none in .*0\.parquet.*: give --timezone"),
    ],
)
def test_several_zones_are_refused_unless_one_is_asked_for(write_sensor, zones, told, timed):
    files = [write_sensor(f"{number}.parquet", zoned(zone)) for number, zone in enumerate(zones)]

    with pytest.raises(SeveralZones, match=told):
        read(files, timed=timed)

    data = read(files, replace(SPEC, timezone="Europe/Berlin"), timed=timed)
    assert data.spec.timezone == "Europe/Berlin"
    assert data.read_as_utc == zones.count(None)
    np.testing.assert_array_equal(data.rows[:200], data.rows[200:])  # the same instants
    berlin = sensor_table().to_pandas().ts.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
    np.testing.assert_array_equal(data.rows[:200, 1], berlin.dt.hour)


def test_zones_do_not_matter_where_nothing_comes_from_the_clock(write_sensor):
    files = [
        write_sensor(f"{n}.parquet", zoned(zone)) for n, zone in enumerate((KOLKATA, UTC, "Mars/Olympus"))
    ]

    data = read(files, replace(SPEC, features=("load",)), timed=True)

    assert (len(data.rows), data.spec.timezone) == (600, None)


def test_a_file_that_has_no_rows_or_no_timestamp_but_nulls_has_no_zone(write_sensor):
    nulls = sensor_table().set_column(0, "ts", pa.nulls(200))
    files = [
        write_sensor("a.parquet", zoned(KOLKATA)),
        write_sensor("b.parquet", zoned(None, rows=0)),
        write_sensor("c.parquet", nulls),
    ]

    assert read(files, timed=True).spec.timezone == KOLKATA


@pytest.mark.parametrize("name", ["load", "target"])
def test_a_number_that_training_cannot_square_is_refused_by_its_column(write_sensor, name):
    frame = sensor_table().to_pandas()
    frame.loc[3, name] = LARGEST
    check_sizes(read([write_sensor(table=pa.Table.from_pandas(frame))]))

    frame.loc[[4, 5], name] = -1.7976931348623157e308  # of C's DBL_MAX, which stands for "no data"

    told = (
        rf"column '{name}' has values beyond ±1e\+150 \(2 of them, the first is -1.79\d+e\+308\).*write null"
    )
    with pytest.raises(TrainingError, match=told):
        check_sizes(read([write_sensor(table=pa.Table.from_pandas(frame))]))
