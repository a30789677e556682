"""Items of the smoke test: the results API, predictions in real time."""

from __future__ import annotations

import json
from http import HTTPStatus

from ops.errors import NothingToSee
from ops.smoke.frame import Seen, Smoke, failed, ok
from ops.smoke.tiny_model import right_answer
from training.endpoint.parts import Size
from training.endpoint.realtime import Patience, RealtimeEndpoint
from training.registry.details import describe, fetch_spec

LIST = "drops?limit=1"
ROW = [-1.5, 2.0]
CLOSE = 1e-6
"""How far a prediction may lie from the right answer."""


def health(smoke: Smoke) -> Seen:
    """`GET /health`, unsigned."""
    answer = smoke.api.ask_unsigned("GET", "health")
    seen = f"GET health without a signature: {answer.status}"
    return ok(seen) if answer.status == HTTPStatus.OK else failed(seen, body=_text(answer.body))


def signed_list(smoke: Smoke) -> Seen:
    """`GET /drops`: refused without a signature, answered with one."""
    _need_signatures(smoke)
    unsigned, signed = smoke.api.ask_unsigned("GET", LIST), smoke.api.ask("GET", LIST)
    seen = f"GET drops: {unsigned.status} without a signature, {signed.status} with one"
    right = unsigned.status == HTTPStatus.FORBIDDEN and signed.status == HTTPStatus.OK
    if not right or "drops" not in json.loads(signed.body):
        return failed(seen, unsigned=_text(unsigned.body), signed=_text(signed.body))
    return ok(seen)


def head(smoke: Smoke) -> Seen:
    """`HEAD /drops`, which comes to the route `$default`: the rights of who runs the test suffice."""
    _need_signatures(smoke)
    answer = smoke.api.ask("HEAD", LIST)
    seen = f"HEAD drops, signed: {answer.status}, {len(answer.body)} bytes of body"
    right = answer.status == HTTPStatus.OK and not answer.body
    return ok(seen) if right else failed(seen)


def preflight(smoke: Smoke) -> Seen:
    """`OPTIONS /drops`, as a browser asks on behalf of a page of another origin."""
    origins = smoke.stack.parameters.get("ApiCorsOrigins")
    if not origins:
        raise NothingToSee("ApiCorsOrigins is empty: no page of another origin may read")
    origin = origins.split(",")[0]
    wanted = {"origin": origin, "access-control-request-method": "GET"}
    answer = smoke.api.ask_unsigned("OPTIONS", "drops", wanted)
    allowed = answer.header("access-control-allow-origin")
    seen = f"OPTIONS drops for {origin}: {answer.status}, allows {allowed or 'no origin'}"
    right = HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES and allowed == origin
    return ok(seen) if right else failed(seen, headers=dict(answer.headers))


def endpoint(smoke: Smoke) -> Seen:
    """`POST /predict`. Where no endpoint is there, it is brought up with the test's version meanwhile."""
    if smoke.stack.parameters.get("RealtimeEndpoint") != "enabled":
        raise NothingToSee("RealtimeEndpoint is disabled")
    _need_signatures(smoke)
    endpoint = endpoint_of(smoke)
    state = endpoint.state()
    if state.status is None:
        _ = smoke.version  # no endpoint is made of another one
        smoke.made.endpoint = True
        outputs = smoke.stack.outputs
        state = endpoint.up(outputs["ModelsBucketName"], outputs["EndpointRoleArn"], Size(), lambda *_: None)
    if state.version is None:
        return failed(f"the endpoint is {state.status}: {state.failure_reason or 'nothing serves'}")
    own = smoke.made.version is not None and state.version == smoke.made.version.number
    row = ROW if own else _zeros(smoke, state.version)
    body = json.dumps({"data": [row]}).encode()
    answer = smoke.api.ask("POST", "predict", {"content-type": "application/json"}, body)
    seen = f"POST predict: {answer.status}"
    if answer.status != HTTPStatus.OK:
        return failed(seen, body=_text(answer.body))
    told = json.loads(answer.body)
    (predicted,), serves = told["predictions"], told["model_version"]
    seen = f"{seen}, version {serves} predicts {predicted}"
    wrong = own and abs(predicted - right_answer(*ROW)) > CLOSE
    return failed(f"{seen}, not {right_answer(*ROW)}") if wrong else ok(seen, version=serves)


def endpoint_of(smoke: Smoke) -> RealtimeEndpoint:
    """The stack's endpoint."""
    return RealtimeEndpoint(
        smoke.client("sagemaker"),
        smoke.client("s3"),
        smoke.stack.outputs["EndpointName"],
        smoke.stack.group,
        Patience(smoke.patience.endpoint, smoke.patience.poll),
    )


def _zeros(smoke: Smoke, version: int) -> list[float]:
    """A row of as many zeros as the version that serves takes features."""
    details = describe(smoke.registry, smoke.registry.version(version))
    return [0.0] * len(fetch_spec(smoke.registry, details).features)


def _need_signatures(smoke: Smoke) -> None:
    if smoke.stack.parameters.get("ApiAuth") == "JWT":
        raise NothingToSee("ApiAuth is JWT: the smoke test has no token of the issuer")


def _text(body: bytes) -> str:
    return body[:500].decode(errors="replace")
