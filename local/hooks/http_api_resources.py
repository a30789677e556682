"""HTTP APIs in CloudFormation."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable
from typing import Any

from ministack.services import apigateway
from ministack.services.cloudformation import provisioners

from local.settings import HOST

API = "AWS::ApiGatewayV2::Api"
STAGE = "AWS::ApiGatewayV2::Stage"
AUTHORIZER = "AWS::ApiGatewayV2::Authorizer"
DISCOVERY = "/.well-known/openid-configuration"
DISCOVERY_SECONDS = 1.5
"""How long API Gateway waits for the issuer ("Quotas for configuring and running an HTTP API")."""

Resource = tuple[str, dict[str, Any]]
Create = Callable[[str, dict[str, Any], str], Resource]


def declare_http_apis() -> None:
    """Take HTTP APIs from templates as API Gateway does.

    MiniStack keeps CORS and throttling under CloudFormation's names, where its own API does not look for
    them; it takes settings of routes that are not there; it gives an API an address that no name server
    knows; and it takes any issuer, where API Gateway asks for the issuer's discovery document first and
    refuses one that has none.
    """
    _wrap(API, _reachable)
    _wrap(STAGE, _throttled)
    _wrap(AUTHORIZER, _discovered)


def _wrap(kind: str, around: Callable[[Create, str, dict[str, Any], str], Resource]) -> None:
    create: Create = provisioners._RESOURCE_HANDLERS[kind]["create"]

    def wrapped(logical_id: str, properties: dict[str, Any], stack_name: str) -> Resource:
        return around(create, logical_id, properties, stack_name)

    provisioners._RESOURCE_HANDLERS[kind]["create"] = wrapped


def _reachable(create: Create, logical_id: str, properties: dict[str, Any], stack_name: str) -> Resource:
    api_id, attributes = create(logical_id, properties, stack_name)
    endpoint = f"http://{HOST}:{os.environ['GATEWAY_PORT']}/_aws/execute-api/{api_id}"
    api = apigateway._apis[api_id]
    api["apiEndpoint"] = endpoint
    if "corsConfiguration" in api:
        api["corsConfiguration"] = provisioners._pascal_to_camel(api["corsConfiguration"])
    return api_id, {**attributes, "ApiEndpoint": endpoint}


def _throttled(create: Create, logical_id: str, properties: dict[str, Any], stack_name: str) -> Resource:
    name, attributes = create(logical_id, properties, stack_name)
    stage = apigateway._stages[properties["ApiId"]][name]
    keys = {route["routeKey"] for route in apigateway._routes.get(properties["ApiId"], {}).values()}
    for key in stage["routeSettings"]:
        if key not in keys:
            raise ValueError(f"Unable to find Route by key {key} within the provided RouteSettings")
    stage["defaultRouteSettings"] = provisioners._pascal_to_camel(stage["defaultRouteSettings"])
    stage["routeSettings"] = {
        key: provisioners._pascal_to_camel(found) for key, found in stage["routeSettings"].items()
    }
    return name, attributes


def _discovered(create: Create, logical_id: str, properties: dict[str, Any], stack_name: str) -> Resource:
    issuer = str((properties.get("JwtConfiguration") or {}).get("Issuer", ""))
    if properties.get("AuthorizerType") == "JWT" and not _has_discovery(issuer):
        raise ValueError(
            f"Invalid issuer: {issuer}. Issuer must have a valid discovery endpoint ended with '{DISCOVERY}' "
            "(Service: AmazonApiGatewayV2; Status Code: 400; Error Code: BadRequestException)"
        )
    return create(logical_id, properties, stack_name)


def _has_discovery(issuer: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(issuer.rstrip("/") + DISCOVERY, timeout=DISCOVERY_SECONDS) as answer:
            return "jwks_uri" in json.load(answer)
    except (OSError, ValueError):
        return False
