"""`POST /predict` of the deployed stack: who may ask, what is answered, and what where nothing serves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.stack import LocalStack
from tests.flow.flow import Flow
from tests.local.builders import principal
from tests.local.http_api import AUDIENCE, Heard, Issuer, ask
from training.endpoint.parts import Size
from training.endpoint.realtime import Patience, RealtimeEndpoint

ROWS = {"data": [[38, 16, 4], [0, 0, 0]]}
ROOT = Credentials("123456789012", "local")


def post(flow: Flow, document: Any, signer: Credentials = ROOT) -> Heard:
    """Ask for predictions, signed by root or somebody else; the signature covers the body."""
    url, body = f"{flow.stack.outputs['ResultsApiUrl']}predict", json.dumps(document).encode()
    request = AWSRequest("POST", url, data=body, headers={"content-type": "application/json"})
    SigV4Auth(signer, "execute-api", flow.stack.region).add_auth(request)
    return ask(url, "POST", body, **dict(request.headers.items()))


@pytest.fixture(scope="module")
def endpoint(deployed: Flow) -> RealtimeEndpoint:
    outputs = deployed.stack.outputs
    return RealtimeEndpoint(
        deployed.sagemaker,
        deployed.s3,
        outputs["EndpointName"],
        outputs["ModelPackageGroupName"],
        Patience(limit=240, poll=0.1),
    )


@pytest.fixture(scope="module")
def serving(deployed: Flow, endpoint: RealtimeEndpoint) -> Iterator[Flow]:
    """The stack while its endpoint serves the approved version."""
    outputs = deployed.stack.outputs
    endpoint.up(outputs["ModelsBucketName"], outputs["EndpointRoleArn"], Size(), lambda *_: None)
    yield deployed
    endpoint.down(lambda *_: None)


def test_features_are_answered_with_the_predictions_of_the_version_that_serves(serving: Flow) -> None:
    answer = post(serving, ROWS)

    assert answer.status == 200, answer
    assert answer.json == {
        "predictions": serving.load_model().predict(ROWS["data"]).tolist(),
        "model_version": serving.model.version.number,
    }
    assert answer.headers["cache-control"] == "no-store"


def test_a_thousand_rows_get_the_features_that_drops_get(serving: Flow) -> None:
    start = datetime(2021, 6, 1, 12, 30)  # noqa: DTZ001 - the sensors' timestamps have no zone
    moments = [start + timedelta(minutes=7 * row) for row in range(1_000)]

    answer = post(serving, {"rows": [{"ts": moment.isoformat()} for moment in moments]})

    features = [[moment.minute, moment.hour, moment.weekday()] for moment in moments]
    assert answer.json["predictions"] == serving.load_model().predict(features).tolist()


def test_what_is_wrong_is_told_with_its_place(serving: Flow) -> None:
    answer = post(serving, {"data": [[38, 16, 4], [38, "16", 4], [38, 16]]})

    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert [fault["field"] for fault in answer.json["errors"]] == ["data[1][1]", "data[2]"]
    assert post(serving, {"data": [[1, 2, 3]] * 1_001}).status == 400


def test_who_does_not_sign_or_may_only_read_is_refused(serving: Flow) -> None:
    url = serving.stack.outputs["ResultsApiUrl"]
    api = f"arn:aws:execute-api:us-east-1:123456789012:{url.rstrip('/').rpartition('/')[2]}/*"
    reader = principal(serving.stack, {"Action": "execute-api:Invoke", "Resource": f"{api}/GET/*"})
    asker = principal(serving.stack, {"Action": "execute-api:Invoke", "Resource": f"{api}/POST/predict"})

    assert ask(f"{url}predict", "POST", json.dumps(ROWS).encode()).status == 403
    assert post(serving, ROWS, Credentials(reader.access_key_id, reader.secret_access_key)).status == 403
    assert post(serving, ROWS, Credentials(asker.access_key_id, asker.secret_access_key)).status == 200


def test_a_model_that_cannot_answer_now_is_for_later(serving: Flow) -> None:
    for error, status in (
        ("ModelError", 502),
        ("ModelNotReadyException", 503),
        ("ServiceUnavailable", 503),
    ):
        serving.stack.change_faults(invoke_errors={error: 2})
        answer = post(serving, ROWS)
        serving.stack.reset_faults()

        assert answer.status == status, (error, answer)
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json["status"] == status
    assert post(serving, ROWS).status == 200


def test_without_an_endpoint_an_operator_has_to_act(deployed: Flow, endpoint: RealtimeEndpoint) -> None:
    endpoint.down(lambda *_: None)

    answer = post(deployed, ROWS)

    assert (answer.status, answer.json["type"]) == (503, "urn:dropscore:problem:no-model")
    assert answer.headers["retry-after"] == "60"


@pytest.mark.slow
def test_a_token_needs_the_scope_of_predictions() -> None:
    with Issuer().serving() as issuer:
        parameters = {
            "ApiAuth": "JWT",
            "ApiJwtIssuer": issuer.url,
            "ApiJwtAudience": AUDIENCE,
            "RealtimeEndpoint": "enabled",
        }
        with LocalStack(parameters) as stack:
            url, body = f"{stack.outputs['ResultsApiUrl']}predict", json.dumps(ROWS).encode()
            said = {
                scope: ask(url, "POST", body, authorization=f"Bearer {issuer.token(scope=scope)}").status
                for scope in ("dropscore/read", "dropscore/predict", "dropscore/read dropscore/predict")
            }
            # There is no endpoint: who is let in is told so.
            assert list(said.values()) == [403, 503, 503]
            assert ask(url, "POST", body).status == 401
