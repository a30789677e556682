"""The title task: CPU load from the traffic of the same device, with coefficients that are known."""

import joblib
import numpy as np
import pytest

from dropscore.domain.spec import FeatureSpec
from local.demo.traffic_pair import COEFFICIENTS, INTERCEPT, TARGET, TrafficPair, write_pair
from tests.training.builders import read_joined
from training.data.prepared import write_prepared
from training.data.split import Split, split
from training.model.local import train

SPEC = FeatureSpec(tuple(COEFFICIENTS), TARGET, "ts", ("device_id",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pair")


@pytest.fixture(scope="module")
def joined(folder):
    files = write_pair(folder, TrafficPair())
    return read_joined([files.cpu, files.traffic], SPEC, timed=True)


@pytest.mark.parametrize("how", list(Split))
def test_training_recovers_the_known_coefficients_within_one_percent(joined, folder, how):
    trained = train(write_prepared(split(joined, how, 0), folder / how))

    model = joblib.load(folder / how / "model" / "model.joblib")
    np.testing.assert_allclose(model.coef_, list(COEFFICIENTS.values()), rtol=0.01)
    assert model.intercept_ == pytest.approx(INTERCEPT, rel=0.01)
    assert trained.metrics["R2"] > 0.98
    assert trained.metrics["RMSE"] < trained.metrics["RMSE-of-day-before"] / 5


def test_rows_are_those_of_the_traffic_sensors_without_what_the_cpu_sensor_missed(joined):
    assert joined.source.name.endswith("snmptraffic")
    assert len(joined.rows) + joined.rejects.rows == 2 * 28 * 1440
    assert joined.rejects.rows == 359
    assert joined.partners[0].report()["unmatched"] == 0
