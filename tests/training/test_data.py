"""Training data: features by the scoring code, a bounded sample, a baseline."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv

from dropscore.domain.spec import FeatureSpec
from tests.training.builders import SPEC, sensor_table
from training.data import MIN_ROWS, read_training_data
from training.errors import NotEnoughRows, TrainingError
from training.split import write_prepared


def test_rows_are_the_features_and_target_that_pandas_computes(write_sensor):
    data = read_training_data([write_sensor()], SPEC, 10_000, seed=0)

    frame = sensor_table().to_pandas()
    expected = np.column_stack([frame.ts.dt.minute, frame.ts.dt.hour, frame.load, frame.target])
    np.testing.assert_array_equal(data.rows, expected)


def test_rows_without_a_feature_or_a_finite_target_are_left_out(write_sensor):
    frame = sensor_table(40).to_pandas()
    frame.loc[3, "load"] = None
    frame.loc[4, "target"] = float("inf")
    frame.loc[5, "ts"] = None

    data = read_training_data([write_sensor(table=pa.Table.from_pandas(frame))], SPEC, 10_000, seed=0)

    assert len(data.rows) == 37


def test_files_that_cannot_be_trained_on_are_named_with_the_reason(write_sensor, tmp_path):
    good = write_sensor("good.parquet")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(good.read_bytes()[:-40])
    targetless = write_sensor("targetless.parquet", sensor_table().drop_columns("target"))
    loadless = write_sensor("loadless.parquet", sensor_table().drop_columns("load"))

    data = read_training_data([broken, good, targetless, loadless], SPEC, 10_000, seed=0)

    assert data.used == (good,)
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
        read_training_data(files, SPEC, 10_000, seed=0)


def test_a_spec_without_target_is_refused(write_sensor):
    with pytest.raises(TrainingError, match="target"):
        read_training_data([write_sensor()], FeatureSpec(("load",)), 10_000, seed=0)


def test_above_the_limit_a_share_of_every_file_is_taken_the_same_for_the_same_seed(write_sensor):
    files = [
        write_sensor("a.parquet", sensor_table(2_000, 1)),
        write_sensor("b.parquet", sensor_table(2_000, 2)),
    ]

    first, again, other = (read_training_data(files, SPEC, 1_000, seed).rows for seed in (0, 0, 1))

    assert 800 < len(first) < 1_200
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_baseline_describes_every_feature_and_the_target(write_sensor):
    frame = sensor_table(100).to_pandas()
    frame.loc[:9, "load"] = None
    frame.loc[:4, "ts"] = None

    spec = read_training_data([write_sensor(table=pa.Table.from_pandas(frame))], SPEC, 10_000, seed=0).spec

    assert set(spec.baseline) == {"minutes", "hour", "load", "target"}
    assert spec.baseline["load"]["null_share"] == 0.1
    assert spec.baseline["minutes"]["null_share"] == spec.baseline["hour"]["null_share"] == 0.05
    target = spec.baseline["target"]
    assert (target["count"], target["null_share"]) == (90, 0.0)
    expected = {name: frame.target[10:].quantile(float(name)) for name in target["quantiles"]}
    assert target["quantiles"] == pytest.approx(expected)
    assert FeatureSpec.parse(spec.to_bytes()).baseline == spec.baseline


def test_split_is_three_quarters_to_one_loses_no_row_and_is_exact(write_sensor, tmp_path):
    data = read_training_data([write_sensor()], SPEC, 10_000, seed=0)

    prepared = write_prepared(data, tmp_path / "prepared", seed=0)

    train, test = (pd.read_csv(folder / f"{folder.name}.csv") for folder in (prepared.train, prepared.test))
    assert (len(train), len(test)) == (150, 50)
    assert list(train.columns) == ["minutes", "hour", "load", "target"]
    both = csv.read_csv(prepared.train / "train.csv").to_pandas().to_numpy(float).tolist()
    both += csv.read_csv(prepared.test / "test.csv").to_pandas().to_numpy(float).tolist()
    assert sorted(both) == sorted(data.rows.tolist())
    assert FeatureSpec.parse(prepared.spec.read_bytes()) == data.spec


def test_split_depends_on_the_seed_alone(write_sensor, tmp_path):
    data = read_training_data([write_sensor()], SPEC, 10_000, seed=0)

    one, two, three = (write_prepared(data, tmp_path / str(n), seed) for n, seed in enumerate((7, 7, 8)))

    assert (one.test / "test.csv").read_bytes() == (two.test / "test.csv").read_bytes()
    assert (one.test / "test.csv").read_bytes() != (three.test / "test.csv").read_bytes()


def test_boolean_features_count_as_zero_and_one(write_sensor):
    table = sensor_table().append_column("busy", pa.array([row % 2 == 0 for row in range(200)]))

    data = read_training_data([write_sensor(table=table)], replace(SPEC, features=("busy",)), 10_000, seed=0)

    np.testing.assert_array_equal(data.rows[:4, 0], [1, 0, 1, 0])
