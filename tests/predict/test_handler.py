"""The door: API Gateway's events in, predictions or problem documents out."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from botocore.exceptions import ClientError

from dropscore.aws.clients import ANSWERING
from dropscore.aws.endpoint import EndpointBusy, EndpointSilent, ModelFailed, TooLarge
from dropscore.domain.errors import ModelUnusable
from dropscore.handlers import predict as door
from dropscore.predict import application as wiring
from dropscore.predict.application import predict as application
from dropscore.predict.predicting import Predict
from dropscore.settings import SettingsError
from tests.predict.builders import GROUP, TIMED, FakeEndpoint, FakeModels, body_of

EVENTS = Path(__file__).parents[2] / "events"
CONTEXT = SimpleNamespace(
    function_name="predict",
    memory_limit_in_mb=1769,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:predict",
    aws_request_id="r",
    get_remaining_time_in_millis=lambda: 29_000,
)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> FakeEndpoint:
    """An endpoint behind the door."""
    endpoint = FakeEndpoint()
    use_case = Predict(endpoint, FakeModels.of((3, TIMED)), GROUP)
    monkeypatch.setattr(door, "predict", lambda: use_case)
    return endpoint


pytestmark = pytest.mark.usefixtures("endpoint")


def post(body: Any, **more: Any) -> dict[str, Any]:
    event = json.loads((EVENTS / "predict.json").read_text())
    text = body if isinstance(body, str) else json.dumps(body)
    return door.handler({**event, "body": text, **more}, CONTEXT)


def test_a_body_may_come_as_base64() -> None:
    encoded = base64.b64encode(b'{"data": [[1, 2, 3]]}').decode()

    assert body_of(post(encoded, isBase64Encoded=True))["predictions"] == [6.0]
    assert post("%", isBase64Encoded=True)["statusCode"] == 400


def test_a_bad_request_is_a_problem_that_names_the_places() -> None:
    answer = post({"data": [[1, 2, 3], [1, "2", 3]]})

    assert answer["statusCode"] == 400
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert body_of(answer) == {
        "type": "urn:dropscore:problem:bad-request",
        "title": "Bad Request",
        "status": 400,
        "detail": "data[1][1]: is a string, expected a number",
        "instance": "/predict",
        "errors": [{"field": "data[1][1]", "detail": "is a string, expected a number"}],
    }


def test_not_a_number_is_refused_with_its_place() -> None:
    assert body_of(post('{"data": [[1, NaN, 1e999]]}'))["errors"] == [
        {"field": "data[0][1]", "detail": "is not finite"},
        {"field": "data[0][2]", "detail": "is not finite"},
    ]


@pytest.mark.parametrize("said", ["text/csv", "application/x-www-form-urlencoded", ""])
def test_another_media_type_is_refused(said: str) -> None:
    assert post({"data": [[1, 2, 3]]}, headers={"content-type": said})["statusCode"] == 415


@pytest.mark.parametrize("headers", [{}, {"content-type": "Application/JSON; charset=utf-8"}])
def test_json_may_have_parameters_or_go_unsaid(headers: dict[str, str]) -> None:
    assert post({"data": [[1, 2, 3]]}, headers=headers)["statusCode"] == 200


def test_an_event_without_a_body_is_a_bad_request() -> None:
    assert door.handler({}, CONTEXT)["statusCode"] == 400


S3_SLOW = ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "GetObject")
DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "secret"}}, "InvokeEndpoint")


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [
        (ModelFailed("secret"), 502, "60"),
        (EndpointBusy("secret", 5), 503, "5"),
        (EndpointSilent("secret"), 504, "2"),
        (ModelUnusable("secret"), 503, "60"),
        (S3_SLOW, 503, "2"),
        (TooLarge("4 MB"), 413, None),
        (DENIED, 500, None),
        (SettingsError("secret"), 500, None),
        (RuntimeError("secret"), 500, None),
    ],
)
def test_trouble_is_a_problem_with_the_status_that_fits_and_no_secret(
    endpoint: FakeEndpoint, error: Exception, status: int, retry_after: str | None
) -> None:
    def fail(_: str) -> str:
        raise error

    endpoint.answer = fail
    answer = post({"data": [[1, 2, 3]]})

    assert (answer["statusCode"], answer["headers"].get("Retry-After")) == (status, retry_after)
    assert body_of(answer)["status"] == status
    assert "secret" not in answer["body"]


def test_what_only_the_operator_can_mend_is_logged_for_the_alarm(
    endpoint: FakeEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.serves = "AllTraffic"
    post({"data": [[1, 2, 3]]})

    assert [vars(record).get("operator_needed") for record in caplog.records] == [True]


def test_what_s3_may_take_is_bounded_as_for_who_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(wiring, "Clients", lambda *config: made.append(config) or MagicMock())
    for name in ("MODELS_BUCKET", "MODEL_PACKAGE_GROUP", "ENDPOINT_NAME"):
        monkeypatch.setenv(name, "x")
    application.cache_clear()

    application()
    application.cache_clear()

    assert made == [(ANSWERING,)]


def test_a_function_without_its_variables_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELS_BUCKET", "m")
    monkeypatch.delenv("ENDPOINT_NAME", raising=False)
    application.cache_clear()

    with pytest.raises(SettingsError, match="lacks ENDPOINT_NAME"):
        application()
