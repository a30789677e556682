"""How API Gateway answers a request to an HTTP API."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from ministack.services import apigateway, lambda_svc

from local.hooks.http_api_access import Caller, Enforce, authorize, leave_http_apis_to_their_routes
from local.hooks.http_api_log import write_access_log
from local.hooks.http_api_request import Request, Response, said

RESPONSE_BYTES = 6_291_556
"""What Lambda hands back at most; the error of a function that answers more says so."""

AT_ONCE = 4
"""Requests that are in functions at once; on AWS each would have an environment of its own."""


@dataclass
class Bucket:
    """Tokens of a route: each request takes one, and so many come back a second."""

    tokens: float
    filled: float

    def take(self, rate: float, burst: float, now: float) -> bool:
        """Take a token, if there is one."""
        self.tokens = min(burst, self.tokens + rate * (now - self.filled))
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class HttpApis:
    """The HTTP APIs of this process.

    MiniStack's own way differs from AWS's where we rely on it. Throttling is dropped. OPTIONS is answered
    before any route is looked at, without a CORS configuration too. A signature for any service is taken, and
    who may not invoke is told why. Nothing is written into the access log. See "Throttle requests
    to your HTTP APIs", "Configure CORS for HTTP APIs" and "Control access to HTTP APIs with IAM
    authorization" (API Gateway developer guide).

    Not settled there: whose the default limits are; here each route has its own, as each method of a REST API
    has by "Throttle requests to your REST APIs". Whether who is refused has taken a token; here they have.
    What a browser is answered that asks leave at a route of its own; here the function is asked, and has to
    agree. What a refusal by IAM says beside Forbidden; nothing of ours reads it.
    """

    def __init__(self, enforce: Enforce) -> None:
        self._enforce = enforce
        self._buckets: dict[tuple[str, str, str], Bucket] = {}
        self._functions = asyncio.Semaphore(AT_ONCE)

    async def execute(  # noqa: PLR0913, PLR0917 (MiniStack's signature)
        self,
        api_id: str,
        stage: str,
        path: str,
        method: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, list[str]] | None,
        account: str,
        region: str,
        raw_query: str | None = None,
    ) -> Response:
        """Answer a request and write it into the stage's access log."""
        lowered = {name.lower(): value for name, value in (headers or {}).items()}
        request = Request(api_id, stage, path, method, lowered, body, query or {}, raw_query, account, region)
        settings = apigateway._stages.get(api_id, {}).get(stage)
        if settings is None:
            return said(HTTPStatus.NOT_FOUND)
        started, context = time.time(), dict[str, str]()
        status, answered, content = await self._answer(request, settings, context)
        context |= {"status": str(status), "responseLength": str(len(content))}
        write_access_log(settings.get("accessLogSettings"), request, context, started)
        if method == "HEAD":
            answered["Content-Length"], content = str(len(content)), b""
        return status, answered, content

    async def _answer(self, request: Request, stage: dict[str, Any], context: dict[str, str]) -> Response:
        cors = apigateway._apis[request.api_id].get("corsConfiguration") or {}
        route = apigateway._match_route(request.api_id, request.method, request.routed_path)
        if route is None:
            return _leave(request, cors) if cors and request.asks_leave else said(HTTPStatus.NOT_FOUND)
        context["routeKey"] = route["routeKey"]
        if self._is_too_fast(request, route["routeKey"], stage):
            return said(HTTPStatus.TOO_MANY_REQUESTS)
        caller = await authorize(request, route, self._enforce, context)
        if not isinstance(caller, Caller):
            return caller
        async with self._functions:
            response = await _integrated(request, route, caller)
        return _with_cors(request, cors, response) if cors else response

    def _is_too_fast(self, request: Request, route_key: str, stage: dict[str, Any]) -> bool:
        settings = stage["routeSettings"].get(route_key) or stage["defaultRouteSettings"]
        if "throttlingRateLimit" not in settings:
            return False
        rate, burst = (float(settings[f"throttling{name}Limit"]) for name in ("Rate", "Burst"))
        now = time.monotonic()
        bucket = self._buckets.setdefault((request.api_id, request.stage, route_key), Bucket(burst, now))
        return not bucket.take(rate, burst, now)


def answer_like_http_apis() -> None:
    """Answer requests to HTTP APIs as API Gateway does."""
    apis = HttpApis(leave_http_apis_to_their_routes())
    apigateway._handle_execute_in_scope = apis.execute


def fail_like_lambda_integrations() -> None:
    """Answer 500, and nothing else, where a function fails or answers more than Lambda hands back.

    MiniStack answers 502 with the function's error, and hands back whatever it is given. See "Create AWS
    Lambda proxy integrations for HTTP APIs" (API Gateway developer guide) and "Lambda quotas".
    """
    convert = lambda_svc.lambda_execute_result_to_api_proxy_response

    def converted(result: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
        if not result.get("throttle") and (result.get("error") or _size(result.get("body")) > RESPONSE_BYTES):
            status, headers, body = said(HTTPStatus.INTERNAL_SERVER_ERROR)
            return {"statusCode": status, "headers": headers, "body": body.decode()}, None
        answer: tuple[dict[str, Any] | None, str | None] = convert(result)
        return answer

    lambda_svc.lambda_execute_result_to_api_proxy_response = converted


def _size(payload: Any) -> int:
    if isinstance(payload, bytes):
        return len(payload)
    return len((payload if isinstance(payload, str) else json.dumps(payload)).encode())


async def _integrated(request: Request, route: dict[str, Any], caller: Caller) -> Response:
    """What the function behind a route answers."""
    template = route["routeKey"].partition(" ")[2]
    response: Response = await apigateway._invoke_lambda_proxy(
        apigateway._integrations[request.api_id][route["target"].rpartition("/")[2]],
        request.api_id,
        request.stage,
        request.path,
        request.method,
        request.headers,
        request.body,
        request.query,
        route["routeKey"],
        (apigateway._extract_path_params(template, request.routed_path) or None) if template else None,
        authorizer_claims=caller.claims,
        authorizer_scopes=caller.scopes,
        authorizer_iam=caller.signer,
        owner_account_id=request.account,
        owner_region=request.region,
        raw_query_string=request.raw_query,
    )
    return response


def _with_cors(request: Request, cors: dict[str, Any], response: Response) -> Response:
    """A function's answer with the API's own CORS headers in place of the function's."""
    status, headers, body = response
    kept = {name: value for name, value in headers.items() if not name.lower().startswith("access-control-")}
    ours = _leave(request, cors)[1] if request.asks_leave else _for_origin(request, cors)
    return status, {**kept, **ours}, body


def _leave(request: Request, cors: dict[str, Any]) -> Response:
    """The answer to a browser that asks leave."""
    headers = _for_origin(request, cors)
    if headers:
        headers["Access-Control-Allow-Methods"] = ",".join(cors.get("allowMethods", []))
        headers["Access-Control-Allow-Headers"] = ",".join(cors.get("allowHeaders", []))
        headers["Access-Control-Max-Age"] = str(cors.get("maxAge", 0))
    return HTTPStatus.NO_CONTENT, headers, b""


def _for_origin(request: Request, cors: dict[str, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = apigateway._cors_response_headers(cors, request.headers.get("origin", ""))
    return headers
