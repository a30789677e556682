"""Who may send a request to a route of an HTTP API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from ministack import app
from ministack.core.sigv4 import parse_header_signature, parse_query_signature
from ministack.services import apigateway

from local.hooks.http_api_request import Request, Response, said

SERVICE = "execute-api"
BEARER = {"www-authenticate": "Bearer"}

Enforce = Callable[..., Response | None]


@dataclass(frozen=True)
class Caller:
    """Who sends a request, as the function behind the route is told; nobody, on an open route."""

    claims: dict[str, Any] | None = None
    scopes: list[str] = field(default_factory=list)
    signer: dict[str, Any] | None = None


async def authorize(
    request: Request, route: dict[str, Any], enforce: Enforce, context: dict[str, str]
) -> Caller | Response:
    """Whoever sends a request, or the answer to somebody who may not.

    Parameters
    ----------
    request
        The request.
    route
        The route it has come to.
    enforce
        What compares the signature and asks the policies of the caller.
    context
        Gets what the access log says of the caller.
    """
    match str(route.get("authorizationType") or "NONE").upper():
        case "NONE":
            return Caller()
        case "AWS_IAM":
            return _signer(request, enforce, context)
        case "JWT":
            return await _bearer(request, route, context)
        case other:
            raise NotImplementedError(f"routes with the authorization {other}")


def _signer(request: Request, enforce: Enforce, context: dict[str, str]) -> Caller | Response:
    in_header = "authorization" in request.headers
    signature = parse_header_signature(request.headers) if in_header else parse_query_signature(request.query)
    if isinstance(signature, tuple) or (signature.service, signature.region) != (SERVICE, request.region):
        return said(HTTPStatus.FORBIDDEN)
    refused = enforce(
        request.api_id, request.stage, request.method, request.path, request.headers, request.query
    )
    signer = apigateway._iam_caller_identity_v2(request.headers, request.query)
    if refused is not None or signer is None:
        return said(HTTPStatus.FORBIDDEN)
    context["identity.userArn"] = str(signer["userArn"])
    return Caller(signer=signer)


async def _bearer(request: Request, route: dict[str, Any], context: dict[str, str]) -> Caller | Response:
    authorizer = apigateway._authorizers[request.api_id][route["authorizerId"]]
    claims, scopes, refused = await apigateway._validate_jwt_authorizer(
        route, authorizer, request.headers, request.query
    )
    if refused is not None:
        return said(HTTPStatus(refused[0]), BEARER)
    context["authorizer.claims.sub"] = str(claims.get("sub", "-"))
    return Caller(claims=claims, scopes=scopes)


def leave_http_apis_to_their_routes() -> Enforce:
    """Have MiniStack check signatures for REST APIs only; what it would check them with."""
    enforce: Enforce = app._enforce_execute_api

    def enforce_for_rest_apis(api_id: str, *rest: Any, **named: Any) -> Response | None:
        return None if apigateway.find_api_scope(api_id) is not None else enforce(api_id, *rest, **named)

    app._enforce_execute_api = enforce_for_rest_apis
    return enforce
