"""The adapter of sagemaker-runtime: exact requests, and each error as who can act on it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from dropscore.aws.endpoint import (
    MOST_BYTES,
    Answered,
    Endpoint,
    EndpointBusy,
    EndpointSilent,
    ModelFailed,
    TooLarge,
)
from dropscore.domain.errors import ModelUnusable

TIME = timedelta(seconds=29)
EXPECTED = {"EndpointName": "toy", "ContentType": "text/csv", "Accept": "text/csv"}


@pytest.fixture
def runtime() -> Any:
    once = Config(retries={"total_max_attempts": 1})
    return boto3.client(
        "sagemaker-runtime", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b", config=once
    )


@pytest.fixture
def stub(runtime: Any) -> Iterator[Stubber]:
    with Stubber(runtime) as stub:
        yield stub
        stub.assert_no_pending_responses()


def test_rows_go_out_as_csv_and_the_answer_names_its_variant(runtime: Any, stub: Stubber) -> None:
    answer = {
        "Body": StreamingBody(io.BytesIO(b"2.5\n3"), 5),
        "ContentType": "text/csv",
        "InvokedProductionVariant": "v",
    }
    stub.add_response("invoke_endpoint", answer, {**EXPECTED, "Body": b"1.0,2.0"})

    assert Endpoint({20: runtime}, "toy").ask("1.0,2.0", TIME) == Answered("2.5\n3", "v")


def test_more_than_a_serverless_endpoint_takes_is_not_sent(runtime: Any) -> None:
    with pytest.raises(TooLarge, match="4,194,305 bytes"):
        Endpoint({20: runtime}, "toy").ask("1" * (MOST_BYTES + 1), TIME)


@pytest.mark.parametrize(
    ("code", "status", "original", "expected", "words"),
    [
        (
            "ModelError",
            424,
            500,
            ModelFailed,
            "status 500: x",
        ),
        ("ModelError", 424, 400, ModelFailed, "status 400"),
        ("ModelError", 424, 0, EndpointSilent, "in time: x"),
        ("ModelNotReadyException", 429, None, EndpointBusy, "not ready: ModelNotReady"),
        ("ThrottlingException", 400, None, EndpointBusy, "as many requests as it takes"),
        ("ServiceUnavailable", 503, None, EndpointBusy, "not ready: ServiceUnavailable"),
        ("InternalFailure", 500, None, EndpointBusy, "not ready: InternalFailure"),
        ("InternalDependencyException", 530, None, EndpointBusy, "not ready"),
        ("ValidationError", 400, None, ModelUnusable, "does not take requests"),
        ("AccessDeniedException", 403, None, ClientError, "AccessDenied"),
    ],
)
def test_errors_are_told_as_who_can_act(  # noqa: PLR0917 - a case is seven things
    runtime: Any, stub: Stubber, code: str, status: int, original: int | None, expected: type, words: str
) -> None:
    told = {} if original is None else {"OriginalStatusCode": original, "OriginalMessage": "x"}
    stub.add_client_error("invoke_endpoint", code, "told", status, modeled_fields=told)

    with pytest.raises(expected, match=words):
        Endpoint({20: runtime}, "toy").ask("1", TIME)


class Silent:
    """A client that gets no answer."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def invoke_endpoint(self, **_: Any) -> None:
        raise self._error


def test_no_answer_is_silence_and_no_connection_is_busy() -> None:
    with pytest.raises(EndpointSilent):
        Endpoint({20: Silent(ReadTimeoutError(endpoint_url="u"))}, "toy").ask("1", TIME)
    with pytest.raises(EndpointBusy):
        Endpoint({20: Silent(ConnectTimeoutError(endpoint_url="u"))}, "toy").ask("1", TIME)


@pytest.mark.parametrize(("left", "asked"), [(29, 20), (22.5, 20), (22, 5), (7.5, 5)])
def test_the_most_patient_client_that_ends_in_time_is_asked(left: float, asked: float) -> None:
    clients = {seconds: Silent(RuntimeError(f"waits {seconds} s")) for seconds in (5, 20)}

    with pytest.raises(RuntimeError, match=f"waits {asked} s"):
        Endpoint(clients, "toy").ask("1", timedelta(seconds=left))


def test_a_call_that_would_not_end_in_time_is_not_made() -> None:
    with pytest.raises(EndpointBusy, match="just been started") as busy:
        Endpoint({5: Silent(RuntimeError())}, "toy").ask("1", timedelta(seconds=7))

    assert busy.value.retry_after == 1
