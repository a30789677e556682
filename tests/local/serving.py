"""What the tests of endpoints are made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.clients import make_client
from tests.local.builders import create_model, eventually, model_archive, unique

ROWS = b"1.5,2\n2.5,3\n"
# Takes as many seconds as it is told.
SLEEPER = """
import time

def model_fn(folder):
    return None

def transform_fn(model, body, content_type, accept):
    time.sleep(float(body))
    return "1"
"""
ECHO = """
def model_fn(folder):
    return None

def transform_fn(model, body, content_type, accept):
    return f"{content_type}|{accept}|{body!r}", "text/plain"
"""


def answering(text: str) -> bytes:
    """A model that answers always the same."""
    return model_archive(f"def model_fn(f): return 1\ndef transform_fn(m, b, c, a): return {text!r}\n")


def config_request(model: str, **more: Any) -> dict[str, Any]:
    sizes = {
        "MemorySizeInMB": 2048,
        "MaxConcurrency": more.pop("concurrency", 5),
        **more.pop("sizes", {}),
    }
    variant = {"VariantName": "only", "ModelName": model, "ServerlessConfig": sizes}
    return {
        "EndpointConfigName": unique("config"),
        "ProductionVariants": [{**variant, **more.pop("variant", {})}],
        **more,
    }


def create_config(aws: Any, model: str, **more: Any) -> str:
    request = config_request(model, **more)
    aws.client("sagemaker").create_endpoint_config(**request)
    return request["EndpointConfigName"]


def describe(aws: Any, name: str) -> dict[str, Any]:
    return aws.client("sagemaker").describe_endpoint(EndpointName=name)


def settled(aws: Any, name: str) -> dict[str, Any]:
    """The endpoint's description once nothing is under way."""

    def at_rest() -> dict[str, Any] | None:
        endpoint = describe(aws, name)
        return endpoint if endpoint["EndpointStatus"] in {"InService", "Failed"} else None

    return eventually(at_rest, seconds=60)


def is_gone(aws: Any, name: str) -> bool:
    listed = aws.client("sagemaker").list_endpoints(NameContains=name)["Endpoints"]
    return name not in [endpoint["EndpointName"] for endpoint in listed]


@contextmanager
def serving(aws: Any, archive: bytes, **more: Any) -> Iterator[str]:
    """An endpoint of a model, up; deleted in the end."""
    name, sagemaker = unique("endpoint"), aws.client("sagemaker")
    config = create_config(aws, create_model(aws, archive), **more)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    try:
        settled(aws, name)
        yield name
    finally:
        aws.reset_faults()
        settled(aws, name)
        sagemaker.delete_endpoint(EndpointName=name)
        eventually(lambda: is_gone(aws, name))


def invoke(aws: Any, name: str, body: bytes = ROWS, **more: Any) -> dict[str, Any]:
    """Ask the endpoint; the answer with its body read."""
    request = {"ContentType": "text/csv", "Accept": "text/csv", **more}
    answer = aws.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=body, **request)
    return {**answer, "Body": answer["Body"].read()}


def patient_runtime(aws: Any) -> Any:
    """A client of its own, for a thread."""
    return make_client("sagemaker-runtime", aws.endpoint_url, aws.region)
