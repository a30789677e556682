"""HTTP APIs for the tests of how they answer, and tokens for them."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.local.builders import unique

AUDIENCE, SCOPE = "readers", "dropscore/read"
LOG_FORMAT = '{"route":"$context.routeKey","status":"$context.status","caller":"$context.identity.userArn"}'


@dataclass(frozen=True)
class Heard:
    """An answer, as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Heard:
    """Send a request as it is, to whatever path; `_` in names of headers stands for a hyphen."""
    parts = urlsplit(url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with contextlib.closing(connection):
        connection.request(method, target, body, named)
        answer = connection.getresponse()
        return Heard(
            answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        )


def signature(
    url: str,
    key: str,
    secret: str,
    method: str = "GET",
    *,
    service: str = "execute-api",
    region: str = "us-east-1",
) -> dict[str, str]:
    """Headers that sign a request; `_` for hyphens."""
    request = AWSRequest(method=method, url=url)
    SigV4Auth(Credentials(key, secret), service, region).add_auth(request)
    return {name.replace("-", "_"): value for name, value in request.headers.items()}


@dataclass(frozen=True)
class Api:
    """A deployed HTTP API."""

    url: str
    name: str
    aws: Any

    def log(self) -> list[dict[str, Any]]:
        place = {"logGroupName": self.name, "logStreamName": "access"}
        events = self.aws.client("logs").get_log_events(**place, startFromHead=True)["events"]
        return [json.loads(event["message"]) for event in events]


def deploy_api(
    aws: Any, *, routes: Mapping[str, str], issuer: str = "", **properties: Mapping[str, Any]
) -> Api:
    """An HTTP API before the toy function: its routes with their authorizations."""
    name = unique("api")
    stage = dict(properties.get("stage", {}))
    waits_for = [f"Route{list(routes).index(key)}" for key in stage.pop("waits_for", [])]
    resources: dict[str, Any] = {
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}},
        "Api": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {"Name": name, "ProtocolType": "HTTP", **properties.get("api", {})},
        },
        "Stage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "DependsOn": waits_for,
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "StageName": "$default",
                "AutoDeploy": True,
                "AccessLogSettings": {"DestinationArn": {"Fn::GetAtt": ["Log", "Arn"]}, "Format": LOG_FORMAT},
                **stage,
            },
        },
        "Integration": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": aws.outputs["Answering"],
                "PayloadFormatVersion": "2.0",
            },
        },
    }
    if issuer:
        resources["Authorizer"] = {
            "Type": "AWS::ApiGatewayV2::Authorizer",
            "Properties": {
                "ApiId": {"Ref": "Api"},
                "Name": "readers",
                "AuthorizerType": "JWT",
                "IdentitySource": ["$request.header.Authorization"],
                "JwtConfiguration": {"Issuer": issuer, "Audience": [AUDIENCE]},
            },
        }
    for number, (key, authorization) in enumerate(routes.items()):
        route: dict[str, Any] = {
            "ApiId": {"Ref": "Api"},
            "RouteKey": key,
            "Target": {"Fn::Sub": "integrations/${Integration}"},
            "AuthorizationType": authorization,
        }
        if authorization == "JWT":
            route |= {"AuthorizerId": {"Ref": "Authorizer"}, "AuthorizationScopes": [SCOPE]}
        resources[f"Route{number}"] = {"Type": "AWS::ApiGatewayV2::Route", "Properties": route}
    outputs = {"Url": {"Value": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}}}
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": resources, "Outputs": outputs})
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1})
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return Api(stack["Outputs"][0]["OutputValue"], name, aws)


class Issuer:
    """Gives out tokens, and serves the key that they are signed with."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.url = ""

    def token(self, *, key: rsa.RSAPrivateKey | None = None, kid: str = "k", **claims: Any) -> str:
        """A good token, but for what is said otherwise; a claim of None is left out."""
        now = int(time.time())
        good = {
            "iss": self.url,
            "aud": AUDIENCE,
            "scope": SCOPE,
            "sub": "reader",
            "iat": now,
            "exp": now + 300,
        }
        said = {name: value for name, value in {**good, **claims}.items() if value is not None}
        parts = [_encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": kid}, said)]
        signed = (key or self.key).sign(".".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
        return ".".join([*parts, _encoded(signed)])

    @cached_property
    def documents(self) -> dict[str, Any]:
        numbers = self.key.public_key().public_numbers()
        key = {"kty": "RSA", "kid": "k", "use": "sig", "alg": "RS256", "n": _number(numbers.n), "e": "AQAB"}
        return {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": [key]},
        }

    @contextlib.contextmanager
    def serving(self) -> Iterator[Issuer]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                document = issuer.documents.get(self.path)
                self.send_response(200 if document else 404)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _number(value: int) -> str:
    return _encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))
