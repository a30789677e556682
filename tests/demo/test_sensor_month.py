"""The generated month: the schema of the real sensors, the same rows every time, a rhythm to learn."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from local.demo.files import file_key
from local.demo.sensor_month import SENSOR_MONTH_KEY, SensorMonth, sensor_month, write_sensor_month


@pytest.fixture(scope="module")
def month():
    return sensor_month()


def test_schema_is_that_of_the_real_sensor(month):
    names = ["ts", "snmpcpu_total", *(f"snmpcpu_processor_{n}" for n in range(1, 33)), "device_id"]
    kinds = [pa.timestamp("ms"), *[pa.float64()] * 33, pa.int64()]

    assert month.schema.equals(pa.schema(list(zip(names, kinds, strict=True))))
    assert [name for name in names if month[name].null_count == len(month)] == [
        f"snmpcpu_processor_{n}" for n in range(3, 33)
    ]
    assert not any(month[name].null_count for name in names[:4])


def test_a_month_of_minutes_ascending_without_duplicates(month):
    ts = month["ts"].to_numpy()

    assert len(ts) == 43_200
    assert (np.diff(ts) > np.timedelta64(0, "ms")).all()
    assert ts[0].astype("datetime64[D]") == np.datetime64("2024-06-01")
    assert ts[-1].astype("datetime64[D]") == np.datetime64("2024-06-30")


def test_load_is_a_few_percent_with_quiet_nights_and_weekends(month):
    load, hour, weekday = month["snmpcpu_processor_1"], pc.hour(month["ts"]), pc.day_of_week(month["ts"])

    def mean(chosen):
        return pc.mean(load.filter(chosen)).as_py()

    assert 2.0 <= pc.quantile(load, 0.05)[0].as_py() <= pc.quantile(load, 0.95)[0].as_py() <= 6.0
    assert mean(pc.equal(hour, 16)) > mean(pc.equal(hour, 4)) + 1.0
    assert mean(pc.less(weekday, 5)) > mean(pc.greater_equal(weekday, 5)) + 0.5
    assert 0.0 <= pc.min(load).as_py() <= pc.max(load).as_py() <= 100.0


def test_the_same_seed_gives_the_same_rows(month):
    assert sensor_month().equals(month)
    assert not sensor_month(SensorMonth(seed=2)).equals(month)


def test_written_under_the_key_that_a_file_of_the_dataset_has(tmp_path, month):
    path = write_sensor_month(tmp_path)

    assert path.relative_to(tmp_path).as_posix() == SENSOR_MONTH_KEY == file_key(path)
    assert pq.read_table(path, partitioning=None).equals(month)
