"""Fixtures of the training tests: sensor files, and one trained model for all."""

import pyarrow.parquet as pq
import pytest

from tests.training.builders import prepare, sensor_table
from training.model.local import train


@pytest.fixture
def write_sensor(tmp_path):
    """Write a table, by default `sensor_table`, as a parquet file in the test's folder."""

    def write(name="sensor.parquet", table=None):
        path = tmp_path / name
        pq.write_table(sensor_table() if table is None else table, path)
        return path

    return write


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A model trained as the container would train it, with its prepared folder."""
    folder = tmp_path_factory.mktemp("trained")
    pq.write_table(sensor_table(400), folder / "sensor.parquet")
    return train(prepare([folder / "sensor.parquet"], folder / "prepared"))
