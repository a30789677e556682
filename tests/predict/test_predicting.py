"""The use case: which version serves, what it is asked, and what comes of trouble."""

from __future__ import annotations

import pytest

from dropscore.api.errors import BadRequest
from dropscore.aws.endpoint import EndpointBusy, ModelFailed
from dropscore.domain.errors import ModelUnusable
from dropscore.domain.serving import Serving
from dropscore.predict.asked import FeatureRows, SourceRows
from dropscore.predict.predicting import NO_ROWS, Predict, Predicted
from tests.predict.builders import GROUP, TIMED, TRAFFIC, FakeEndpoint, FakeModels, in_seconds, variant_of


def predicting(endpoint: FakeEndpoint, *versions: tuple[int, object]) -> tuple[Predict, FakeModels]:
    models = FakeModels.of(*versions or ((3, TIMED),))
    return Predict(endpoint, models, GROUP), models


def test_predictions_come_with_the_version_that_made_them() -> None:
    predict, _ = predicting(FakeEndpoint())

    assert predict(FeatureRows([[38, 16, 4], [1, 2, 3]]), in_seconds()) == Predicted([58, 6], 3)


def test_rows_are_sent_as_csv_with_the_features_computed() -> None:
    predict, _ = predicting(endpoint := FakeEndpoint())

    predict(SourceRows([{"ts": "2026-03-01T12:34:56"}]), in_seconds())

    assert endpoint.asked == [NO_ROWS, "34.0,12.0,6.0"]


def test_version_and_spec_are_looked_up_once() -> None:
    predict, models = predicting(endpoint := FakeEndpoint())

    for _ in range(3):
        predict(FeatureRows([[1, 2, 3]]), in_seconds())

    assert endpoint.asked.count(NO_ROWS) == 1
    assert models.reads == [f"{GROUP}/endpoint/{variant_of(TIMED)}.json"]


def test_a_new_version_is_served_with_its_own_spec() -> None:
    # GIVEN version 3, which takes the time, served so far
    predict, models = predicting(endpoint := FakeEndpoint(), (3, TIMED), (4, TRAFFIC))
    row = {"ts": "2026-03-01T12:34:56"}
    assert predict(SourceRows([row]), in_seconds()).version == 3

    # WHEN the endpoint changes to version 4, which takes speed, too
    endpoint.serves = variant_of(TRAFFIC, 4)

    # THEN what version 3 would take is refused by version 4's measure, and the other way round
    with pytest.raises(BadRequest, match=r"rows\[0\]\.speed: is missing"):
        predict(SourceRows([row]), in_seconds())
    assert predict(SourceRows([{**row, "speed": 5}]), in_seconds()) == Predicted([17], 4)
    assert len(models.reads) == 2


def test_an_answer_of_a_new_version_is_not_taken_for_rows_of_the_old_one() -> None:
    other = FakeEndpoint()
    predict, _ = predicting(other, (3, TIMED), (4, TIMED))
    predict(FeatureRows([[1, 2, 3]]), in_seconds())

    other.serves = variant_of(TIMED, 4)
    other.asked.clear()

    assert predict(FeatureRows([[1, 2, 3]]), in_seconds()) == Predicted([6], 4)
    assert other.asked == ["1.0,2.0,3.0"] * 2


def test_what_only_a_new_version_takes_is_not_refused_by_the_old_ones_measure() -> None:
    predict, _ = predicting(endpoint := FakeEndpoint(), (3, TIMED), (4, TRAFFIC))
    predict(FeatureRows([[1, 2, 3]]), in_seconds())

    endpoint.serves = variant_of(TRAFFIC, 4)

    assert predict(FeatureRows([[1, 2]]), in_seconds()) == Predicted([3], 4)


def test_a_model_that_fails_because_it_is_another_is_asked_again() -> None:
    def only_two(rows: str) -> str:
        if rows.count(",") > 1 and endpoint.serves.startswith("version-4"):
            raise ModelFailed("three")
        return "1" if rows.strip() else ""

    endpoint = FakeEndpoint(answer=only_two)
    predict, _ = predicting(endpoint, (3, TIMED), (4, TRAFFIC))
    predict(FeatureRows([[1, 2, 3]]), in_seconds())

    endpoint.serves = variant_of(TRAFFIC, 4)

    with pytest.raises(BadRequest, match="has 3 values, expected 2: 'speed', 'hour'"):
        predict(FeatureRows([[1, 2, 3]]), in_seconds())


def test_an_endpoint_that_changes_all_the_time_is_busy() -> None:
    predict, _ = predicting(endpoint := FakeEndpoint(), *((version, TIMED) for version in range(1, 10)))
    versions = iter(range(1, 10))

    def change(rows: str) -> str:
        endpoint.serves = variant_of(TIMED, next(versions))
        return "1" if rows.strip() else ""

    endpoint.answer = change
    with pytest.raises(EndpointBusy, match="changes its version"):
        predict(FeatureRows([[1, 2, 3]]), in_seconds())


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("1\n2", "2 predictions to 1 rows"),
        ("", "0 predictions to 1 rows"),
        ("[1]", "what is no prediction"),
        ("nan", "prediction of row 0 is nan"),
        ("1e999", "prediction of row 0 is inf"),
    ],
)
def test_what_is_no_prediction_is_the_models_fault(answer: str, problem: str) -> None:
    predict, _ = predicting(FakeEndpoint(answer=lambda rows: answer if rows.strip() else ""))

    with pytest.raises(ModelFailed, match=problem):
        predict(FeatureRows([[1, 2, 3]]), in_seconds())


def test_an_endpoint_of_somebody_else_cannot_be_used() -> None:
    predict, _ = predicting(FakeEndpoint(serves="AllTraffic"))

    with pytest.raises(ModelUnusable, match=r"variant 'AllTraffic'.*training endpoint up"):
        predict(FeatureRows([[1, 2, 3]]), in_seconds())


def test_a_version_without_its_spec_cannot_be_used() -> None:
    predict, models = predicting(FakeEndpoint())
    models.objects.clear()

    with pytest.raises(ModelUnusable, match=r"cannot be read \(AccessDenied\)"):
        predict(FeatureRows([[1, 2, 3]]), in_seconds())


def test_a_spec_that_was_exchanged_cannot_be_used() -> None:
    predict, models = predicting(FakeEndpoint())
    models.objects = dict.fromkeys(models.objects, TRAFFIC.to_bytes())

    with pytest.raises(ModelUnusable, match="is not the one it names"):
        predict(FeatureRows([[1, 2, 3]]), in_seconds())


def test_a_variants_name_fits_and_reads_back() -> None:
    serving = Serving.of(123_456_789_012_345, "ab" * 32)

    assert len(serving.variant) <= 63
    assert Serving.parse(serving.variant) == serving


@pytest.mark.parametrize(
    "name", ["version-3", "version-0-" + "a" * 32, "version-03-" + "a" * 32, "version-3-" + "A" * 32]
)
def test_other_names_are_not_read(name: str) -> None:
    with pytest.raises(ModelUnusable):
        Serving.parse(name)
