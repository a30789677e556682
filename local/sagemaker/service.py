"""The door of the stand-in: one request in, one answer out, in JSON 1.1."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id

from local.sagemaker import (
    endpoint_configs,
    endpoints,
    models,
    registry,
    runtime,
    tagging,
    training_jobs,
    transform_jobs,
)
from local.sagemaker.call import Call
from local.sagemaker.errors import SageMakerError, SerializationError
from local.sagemaker.faults import faults
from local.sagemaker.shapes import validate
from local.sagemaker.store import Document, store_of

Response = tuple[int, dict[str, str], bytes]
Operation = Callable[[Call], Document]

CONTENT_TYPE = "application/x-amz-json-1.1"

OPERATIONS: dict[str, Operation] = {
    **registry.OPERATIONS,
    **models.OPERATIONS,
    **transform_jobs.OPERATIONS,
    **training_jobs.OPERATIONS,
    **endpoint_configs.OPERATIONS,
    **endpoints.OPERATIONS,
    **tagging.OPERATIONS,
}


async def handle(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> Response:
    """Answer one request to SageMaker or sagemaker-runtime.

    It runs on MiniStack's event loop, which also serves S3: nothing here may wait for a request to ourselves.
    """
    if method == "POST" and path.startswith(runtime.PATH):
        return await runtime.invoke_endpoint(path, headers, body)
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    try:
        call = Call(
            operation,
            parameters=_parsed(body),
            store=store_of(get_account_id(), get_region()),
            access_key=extract_access_key_id(headers, query),
        )
        faults.throttle(operation)
        validate(operation, call.parameters)
        with call.store.lock:
            answer = OPERATIONS[operation](call)
    except SageMakerError as refusal:
        return _answer(400, {"__type": refusal.code, "message": str(refusal)}, refusal.code)
    return _answer(200, answer)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError as problem:
        raise SerializationError(f"the request is not JSON: {problem}") from problem
    if not isinstance(parsed, dict):
        raise SerializationError("Start of structure or map found where not expected.")
    return parsed


def _answer(status: int, document: Document, error: str | None = None) -> Response:
    headers = {"Content-Type": CONTENT_TYPE}
    if error:
        headers["x-amzn-errortype"] = error
    return status, headers, json.dumps(document).encode()
