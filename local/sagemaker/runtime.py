"""sagemaker-runtime: requests to endpoints."""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from ministack.core.responses import get_account_id, get_region

from local.sagemaker.arns import arn_of
from local.sagemaker.errors import RuntimeRefusal, ThrottledError
from local.sagemaker.faults import faults
from local.sagemaker.instance.container_client import Reply
from local.sagemaker.store import Endpoint, EndpointStatus, Store, store_of
from local.sagemaker.variant import Unanswered, Variant, VariantFault

PATH = "/endpoints/"
MOST_BYTES = 6_291_456
# "The maximum request and response payload size for serverless invocations is 4 MB" (developer guide,
# "Invoke a serverless endpoint"); how a larger one is refused is not documented (`smoke: none`).
MOST_SERVERLESS_BYTES = 4 * 1024 * 1024
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency "
    "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)

Response = tuple[int, dict[str, str], bytes]

# Of their own: functions wait in the loop's threads, some of them for an answer of ours.
_threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="invocation")


async def invoke_endpoint(path: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Answer InvokeEndpoint: ``POST /endpoints/<name>/invocations``.

    It runs on MiniStack's event loop, which also serves the functions that ask: waiting is done in threads.
    """
    store, name = store_of(get_account_id(), get_region()), path.split("/")[2]
    try:
        if not path.endswith("/invocations"):
            raise _invalid(f"the embedded sagemaker-runtime has InvokeEndpoint only, not {path}")
        _refuse_on_demand()
        _require_size(body, MOST_BYTES)
        with store.lock:
            variant = _variant(store, name, headers)
            variant.enter()
        try:
            run, loop = contextvars.copy_context().run, asyncio.get_running_loop()
            reply = await loop.run_in_executor(_threads, lambda: run(_ask, variant, headers, body))
        finally:
            variant.leave()
        _require_success(reply, name, store)
    except RuntimeRefusal as refusal:
        return _refused(refusal)
    answered = {"Content-Type": reply.content_type, "x-Amzn-Invoked-Production-Variant": variant.name}
    return HTTPStatus.OK, answered, reply.body


def _refuse_on_demand() -> None:
    """Answer the error that a test has asked for."""
    try:
        faults.throttle("InvokeEndpoint")
    except ThrottledError as problem:
        raise RuntimeRefusal("ThrottlingException", None) from problem
    code = faults.invoke_error()
    if code == "ModelError":
        raise RuntimeRefusal(code, "asked for", OriginalStatusCode=500, OriginalMessage="asked for")
    if code:
        raise RuntimeRefusal(code.value, None if code == "ThrottlingException" else "asked for")


def _require_size(body: bytes, most: int) -> None:
    if len(body) > most:
        raise _invalid(
            "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have "
            f"length less than or equal to {most}"
        )


def _variant(store: Store, name: str, headers: Mapping[str, str]) -> Variant:
    """What serves the endpoint. Names are told apart by case here, though CreateEndpoint does not."""
    endpoint = store.endpoints.get(arn_of("endpoint", name, store.region, store.account))
    if endpoint is None or endpoint.name != name:
        raise _not_found(store, name)
    variant = _serving(store, endpoint)
    wanted = headers.get("x-amzn-sagemaker-target-variant", variant.name)
    if wanted != variant.name:
        raise _invalid(f"Variant {wanted} not found for Request.")
    return variant


def _serving(store: Store, endpoint: Endpoint) -> Variant:
    if endpoint.serving is not None:
        return endpoint.serving
    if endpoint.status is EndpointStatus.CREATING:
        raise RuntimeRefusal(
            "ModelNotReadyException", "The resources of the serverless endpoint are still being provisioned."
        )
    raise _not_found(store, endpoint.name)


def _not_found(store: Store, name: str) -> RuntimeRefusal:
    return _invalid(f"Endpoint {name} of account {store.account} not found.")


def _invalid(message: str) -> RuntimeRefusal:
    return RuntimeRefusal("ValidationError", message)


def _ask(variant: Variant, headers: Mapping[str, str], body: bytes) -> Reply:
    """The container's reply; that of none in time has the status 0, as it has on AWS."""
    _require_size(body, MOST_SERVERLESS_BYTES)
    try:
        return variant.invoke(body, headers.get("content-type", ""), headers.get("accept", "*/*"))
    except Unanswered:
        return Reply(0, "", TIMED_OUT.encode())
    except VariantFault as problem:
        raise RuntimeRefusal("ModelNotReadyException", str(problem)) from problem


def _require_success(reply: Reply, name: str, store: Store) -> None:
    """Tell a container's error as ModelError, in the service's words."""
    if reply.status == HTTPStatus.OK:
        return
    message = reply.body.decode(errors="replace")
    is_client = HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR
    group, region = f"/aws/sagemaker/Endpoints/{name}", store.region
    logs = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group}"
    raise RuntimeRefusal(
        "ModelError",
        f"Received {'client' if is_client else 'server'} error ({reply.status}) from primary with message "
        f'"{message}". See {logs} in account {store.account} for more information.',
        OriginalStatusCode=reply.status,
        OriginalMessage=message,
        LogStreamArn=f"arn:aws:logs:{region}:{store.account}:log-group:{group}",
    )


def _refused(refusal: RuntimeRefusal) -> Response:
    document = {"Message": refusal.message, "message": refusal.message, **refusal.details}
    headers = {"Content-Type": "application/json", "x-amzn-errortype": refusal.code}
    return refusal.status, headers, json.dumps(document).encode()
