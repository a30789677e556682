"""Builders for the training tests: a small sensor and the spec it is trained with."""

import numpy as np
import pyarrow as pa

from dropscore.domain.spec import FeatureSpec
from training.data.prepared import write_prepared
from training.data.reading import Request, read_training_data
from training.data.split import Split, split
from training.sensors.files import Sensor, find_sensor

SPEC = FeatureSpec(("minutes", "hour", "load"), "target", "ts", ("device_id",))


def sensor_table(rows=200, seed=1):
    """Minutely rows whose target depends on minutes, hour and load."""
    rng = np.random.default_rng(seed)
    ts = np.datetime64("2024-05-01", "ms") + np.arange(rows) * np.timedelta64(7, "m")
    load = rng.normal(50.0, 20.0, rows)
    minute = ts.astype("datetime64[m]").astype(int)
    target = 0.01 * (minute % 60) + 0.1 * (minute // 60 % 24) + 0.002 * load
    columns = {
        "ts": pa.array(ts, pa.timestamp("ms")),
        "load": load,
        "target": target,
        "device_id": ["a"] * rows,
    }
    return pa.table(columns)


def read(files, spec=SPEC, **wishes):
    """Training data of files of one sensor."""
    return read_training_data(Request((Sensor("the files", tuple(files)),), spec, **wishes))


def read_joined(folders, spec, **wishes):
    """Training data of several sensors, a folder each."""
    return read_training_data(Request(tuple(find_sensor([folder]) for folder in folders), spec, **wishes))


def prepare(files, folder, spec=SPEC, how=Split.RANDOM, seed=0):
    """Both channels of files of one sensor."""
    return write_prepared(split(read(files, spec), how, seed), folder)
