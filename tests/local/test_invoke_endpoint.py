"""Requests to endpoints: what they carry, what comes back, and what goes wrong."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.builders import create_model, eventually, model_archive, principal, unique
from tests.local.serving import (
    ECHO,
    ROWS,
    SLEEPER,
    answering,
    create_config,
    describe,
    invoke,
    is_gone,
    patient_runtime,
    serving,
    settled,
)


@pytest.fixture(scope="module")
def summing(embedded: Any) -> Iterator[str]:
    """An endpoint that adds up each row's features."""
    with serving(embedded, model_archive()) as name:
        yield name


def refusal(aws: Any, name: str, body: bytes = ROWS, **more: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as refused:
        invoke(aws, name, body, **more)
    return refused.value.response


def containers(aws: Any) -> set[int]:
    """The serving processes of the embedded server."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
            if b"local.sagemaker.container" in command and os.getpgid(int(entry.name)) == aws.pid:
                found.add(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


def test_an_endpoint_answers_with_what_its_model_says(aws: Any, summing: str) -> None:
    answer = invoke(aws, summing)

    assert (answer["Body"], answer["ContentType"]) == (b"3.5\n5.5", "text/csv")
    assert answer["InvokedProductionVariant"] == "only"


def test_the_container_gets_content_type_and_accept_as_they_are(aws: Any) -> None:
    with serving(aws, model_archive(ECHO)) as name:
        answer = invoke(aws, name, b"[1]", ContentType="application/json", Accept="text/csv")

    assert (answer["Body"], answer["ContentType"]) == (b"application/json|text/csv|'[1]'", "text/plain")


def test_an_unknown_endpoint_is_a_validation_error(aws: Any, summing: str) -> None:
    for name in ("nobody", summing.upper()):
        error = refusal(aws, name)
        assert error["Error"]["Code"] == "ValidationError"
        assert error["Error"]["Message"] == f"Endpoint {name} of account 123456789012 not found."


def test_an_unknown_variant_is_a_validation_error(aws: Any, summing: str) -> None:
    assert refusal(aws, summing, TargetVariant="other")["Error"]["Code"] == "ValidationError"
    assert invoke(aws, summing, TargetVariant="only")["Body"]


@pytest.mark.parametrize(("size", "limit"), [(6_291_457, "6291456"), (4 * 1024 * 1024 + 1, "4194304")])
def test_a_body_over_the_limit_is_refused(aws: Any, summing: str, size: int, limit: str) -> None:
    error = refusal(aws, summing, b"1" * size)["Error"]

    assert error["Code"] == "ValidationError"
    assert error["Message"].endswith(f"Member must have length less than or equal to {limit}")


def test_what_the_container_refuses_is_a_model_error_with_its_words(aws: Any, summing: str) -> None:
    error = refusal(aws, summing, b"a,b\n")

    assert error["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert error["Error"]["Code"] == "ModelError"
    assert (error["OriginalStatusCode"], error["OriginalMessage"]) == (500, "Internal Server Error")
    assert error["Error"]["Message"].startswith(
        'Received server error (500) from primary with message "Internal Server Error". See https://us-east-1.'
    )
    logs, group = aws.client("logs"), f"/aws/sagemaker/Endpoints/{summing}"
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    said = logs.get_log_events(logGroupName=group, logStreamName=streams[-1]["logStreamName"])["events"]
    assert any("could not convert string to float" in event["message"] for event in said)


def test_no_answer_in_time_is_a_model_error_of_status_0_and_the_next_request_is_served(aws: Any) -> None:
    aws.change_faults(answer_seconds=1)
    with serving(aws, model_archive(SLEEPER)) as name:
        error = refusal(aws, name, b"30")

        assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 0)
        assert "Your invocation timed out while waiting for a response" in error["OriginalMessage"]
        assert invoke(aws, name, b"0")["Body"] == b"1"


def test_more_requests_at_once_than_allowed_are_throttled(aws: Any) -> None:
    with serving(aws, model_archive(SLEEPER), concurrency=2) as name:
        started = threading.Barrier(5)

        def ask(_: int) -> str:
            started.wait()
            try:
                patient_runtime(aws).invoke_endpoint(EndpointName=name, Body=b"0.3", ContentType="text/csv")
            except ClientError as error:
                return error.response["Error"]["Code"]
            return "answered"

        with ThreadPoolExecutor(5) as pool:
            outcomes = sorted(pool.map(ask, range(5)))

    assert set(outcomes) == {"ThrottlingException", "answered"}
    assert outcomes.count("answered") >= 2


def test_an_endpoint_that_is_being_created_is_not_ready(aws: Any, summing_model: str) -> None:
    name, sagemaker = unique("endpoint"), aws.client("sagemaker")
    aws.change_faults(endpoint_delay_seconds=1, fail_endpoints=1)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=create_config(aws, summing_model))

    error = refusal(aws, name)
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (
        "ModelNotReadyException",
        429,
    )

    settled(aws, name)
    assert refusal(aws, name)["Error"]["Code"] == "ValidationError"
    sagemaker.delete_endpoint(EndpointName=name)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("ModelError", 424),
        ("ModelNotReadyException", 429),
        ("InternalFailure", 500),
        ("ServiceUnavailable", 503),
    ],
)
def test_errors_can_be_asked_for(aws: Any, summing: str, code: str, status: int) -> None:
    aws.change_faults(invoke_errors={code: 1})

    error = refusal(aws, summing)

    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert invoke(aws, summing)["Body"]


def test_calls_can_be_throttled(aws: Any, summing: str) -> None:
    aws.change_faults(throttle={"InvokeEndpoint": 1})

    assert refusal(aws, summing)["Error"]["Code"] == "ThrottlingException"
    assert invoke(aws, summing)["Body"]


def test_an_idle_endpoint_has_no_process_and_the_next_request_starts_one(aws: Any) -> None:
    before = containers(aws)
    with serving(aws, model_archive()) as name:
        assert len(containers(aws) - before) == 1
        aws.change_faults(idle_seconds=0.2)
        invoke(aws, name)
        eventually(lambda: containers(aws) <= before)

        assert invoke(aws, name)["Body"] == b"3.5\n5.5"
    eventually(lambda: containers(aws) <= before)


def test_no_request_fails_while_an_endpoint_is_updated(aws: Any) -> None:
    # GIVEN an endpoint that answers "old", and requests without a pause
    stop, seen, sagemaker = threading.Event(), list[tuple[bytes, str]](), aws.client("sagemaker")
    with serving(aws, answering("old")) as name:
        new = create_model(aws, answering("new"))
        config = create_config(aws, new, variant={"VariantName": "next"})

        def ask() -> None:
            runtime = patient_runtime(aws)
            while not stop.is_set():
                answer = runtime.invoke_endpoint(EndpointName=name, Body=b"1", ContentType="text/csv")
                seen.append((answer["Body"].read(), answer["InvokedProductionVariant"]))

        with ThreadPoolExecutor(2) as pool:
            asking = [pool.submit(ask) for _ in range(2)]
            eventually(lambda: len(seen) > 5)

            # WHEN it is updated
            aws.change_faults(endpoint_delay_seconds=0.3)
            sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
            updating = describe(aws, name)
            updated = settled(aws, name)
            eventually(lambda: seen[-1][0] == b"new")
            stop.set()
            for one in asking:
                one.result(timeout=120)

    # THEN the old answers until the new does, and none fails
    assert updating["EndpointStatus"] == "Updating"
    assert updating["ProductionVariants"][0]["VariantName"] == "only"
    assert (updated["EndpointStatus"], updated["EndpointConfigName"]) == ("InService", config)
    assert set(seen) == {(b"old", "only"), (b"new", "next")}


def test_an_update_that_fails_leaves_what_was_there(aws: Any) -> None:
    before = containers(aws)
    with serving(aws, model_archive()) as name:
        old = describe(aws, name)["EndpointConfigName"]
        broken = create_config(aws, create_model(aws, model_archive("def model_fn(f): raise OSError\n")))
        aws.change_faults(ping_seconds=3)

        aws.client("sagemaker").update_endpoint(EndpointName=name, EndpointConfigName=broken)
        rolled_back = settled(aws, name)

        assert (rolled_back["EndpointStatus"], rolled_back["EndpointConfigName"]) == ("InService", old)
        assert "did not pass the ping health check" in rolled_back["FailureReason"]
        assert invoke(aws, name)["Body"] == b"3.5\n5.5"
        eventually(lambda: len(containers(aws) - before) == 1)
    eventually(lambda: is_gone(aws, name))


def test_only_who_is_allowed_to_invokes_an_endpoint(aws: Any, summing: str) -> None:
    def allowed(resource: str) -> Any:
        arn = f"arn:aws:sagemaker:{aws.region}:123456789012:endpoint/{resource}"
        return principal(aws, {"Action": "sagemaker:InvokeEndpoint", "Resource": arn}).client(
            "sagemaker-runtime"
        )

    request = {"EndpointName": summing, "Body": ROWS, "ContentType": "text/csv", "Accept": "text/csv"}
    assert allowed(summing).invoke_endpoint(**request)["Body"].read() == b"3.5\n5.5"
    with pytest.raises(ClientError, match=r"AccessDenied.*sagemaker:InvokeEndpoint"):
        allowed("other").invoke_endpoint(**request)
