"""HTTP APIs answer as API Gateway's do, where we rely on it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import auth
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import WaiterError
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.local.builders import Principal, eventually, principal
from tests.local.http_api import Api, Issuer, ask, deploy_api, signature

FORBIDDEN, UNAUTHORIZED = (403, {"message": "Forbidden"}), (401, {"message": "Unauthorized"})
READERS = {"$default": "AWS_IAM", "GET /items/{item}": "AWS_IAM", "GET /open": "NONE"}
CORS = {
    "AllowOrigins": ["https://page.example"],
    "AllowMethods": ["GET"],
    "AllowHeaders": ["authorization"],
    "ExposeHeaders": ["etag"],
    "MaxAge": 60,
}


@pytest.fixture(scope="module")
def api(embedded: Any) -> Api:
    return deploy_api(
        embedded, routes={"GET /open": "NONE", "GET /{proxy+}": "NONE", "GET /items/{item}": "AWS_IAM"}
    )


@pytest.fixture(scope="module")
def closed(embedded: Any) -> Api:
    return deploy_api(embedded, routes=READERS)


@pytest.fixture(scope="module")
def reader(embedded: Any, closed: Api) -> Principal:
    """A user who may get items of the closed API, and nothing else."""
    api_id = closed.url.rpartition("/")[2]
    resource = f"arn:aws:execute-api:us-east-1:123456789012:{api_id}/$default/GET/items/*"
    return principal(embedded, {"Action": "execute-api:Invoke", "Resource": resource})


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer().serving() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def with_tokens(embedded: Any, issuer: Issuer) -> Api:
    return deploy_api(embedded, routes={"$default": "JWT", "GET /open": "NONE"}, issuer=issuer.url)


# ---- What the function gets and gives ----
def test_the_function_gets_the_request_as_payload_2_has_it(api: Api) -> None:
    event = ask(f"{api.url}/a%20b/c?x=1&x=2&y=%2B", x_one="1").json

    assert (event["version"], event["routeKey"]) == ("2.0", "GET /{proxy+}")
    assert event["rawPath"] == "/a b/c"
    assert event["rawQueryString"] == "x=1&x=2&y=%2B"
    assert event["queryStringParameters"] == {"x": "1,2", "y": "+"}
    assert event["pathParameters"] == {"proxy": "a b/c"}
    assert event["headers"]["x-one"] == "1"
    assert event["requestContext"]["stage"] == "$default"
    assert "authorizer" not in event["requestContext"]


def test_a_body_in_base64_is_sent_as_what_it_stands_for(api: Api) -> None:
    assert ask(f"{api.url}/binary").body == b"\x00\xff"


@pytest.mark.parametrize("path", ["/fail", "/large"])
def test_a_function_that_fails_or_says_too_much_is_an_error_that_tells_nothing(api: Api, path: str) -> None:
    answer = ask(api.url + path)

    assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})


def test_what_no_route_is_for_is_not_found(api: Api) -> None:
    answer = ask(f"{api.url}/open", "POST")

    assert (answer.status, answer.json) == (404, {"message": "Not Found"})


def test_without_cors_options_is_a_method_like_any_other(api: Api, embedded: Any) -> None:
    asking = {"origin": "https://page.example", "access_control_request_method": "GET"}

    assert ask(f"{api.url}/open", "OPTIONS", **asking).status == 404
    all_routes = deploy_api(embedded, routes={"$default": "NONE"})
    answer = ask(f"{all_routes.url}/open", "OPTIONS", **asking)
    assert answer.status == 204
    assert answer.headers["access-control-allow-origin"] == "https://the.function.s"


def test_head_needs_a_route_and_has_no_body(api: Api, embedded: Any) -> None:
    assert ask(f"{api.url}/open", "HEAD").status == 404
    all_routes = deploy_api(embedded, routes={"$default": "NONE"})

    answer = ask(f"{all_routes.url}/open", "HEAD")

    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


# ---- Signatures ----
def test_who_signs_and_may_is_let_in_and_made_known(closed: Api, reader: Principal) -> None:
    url = f"{closed.url}/items/a%2Fb%20c?x=%20&y=1"
    answer = ask(url, **signature(url, reader.access_key_id, reader.secret_access_key))

    assert answer.status == 200
    signer = answer.json["requestContext"]["authorizer"]["iam"]
    assert signer["userArn"].startswith("arn:aws:iam::123456789012:user/")


def test_a_signature_in_the_query_is_one_too(closed: Api, reader: Principal) -> None:
    request = AWSRequest(method="GET", url=f"{closed.url}/items/1")
    keys = Credentials(reader.access_key_id, reader.secret_access_key)
    SigV4QueryAuth(keys, "execute-api", "us-east-1", expires=60).add_auth(request)

    assert ask(request.url).status == 200


def test_who_does_not_sign_is_refused(closed: Api) -> None:
    for headers in ({}, {"authorization": "Bearer x"}, {"authorization": "AWS4-HMAC-SHA256 Credential=1"}):
        answer = ask(f"{closed.url}/items/1", **headers)
        assert (answer.status, answer.json) == FORBIDDEN
    assert ask(f"{closed.url}/open").status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "another"},
        {"key": "AKIAUNKNOWN"},
        {"service": "s3"},
        {"region": "eu-west-1"},
        {"method": "HEAD"},
        {"url": "/items/2"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_wrong_signature_is_refused(closed: Api, reader: Principal, wrong: dict[str, str]) -> None:
    url = f"{closed.url}/items/1"
    good = {"url": url, "key": reader.access_key_id, "secret": reader.secret_access_key}
    signed = {**good, **wrong, "url": closed.url + wrong["url"] if "url" in wrong else url}

    answer = ask(url, **signature(**signed))

    assert (answer.status, answer.json) == FORBIDDEN


def test_an_old_signature_is_refused(closed: Api, reader: Principal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "get_current_datetime", lambda: datetime.now(UTC) - timedelta(minutes=6))
    url = f"{closed.url}/items/1"

    answer = ask(url, **signature(url, reader.access_key_id, reader.secret_access_key))

    assert (answer.status, answer.json) == FORBIDDEN


@pytest.mark.parametrize("path", ["/other", "/items/"])
def test_who_may_not_is_refused(closed: Api, reader: Principal, embedded: Any, path: str) -> None:
    nobody = principal(embedded)
    for user, where in ((reader, path), (nobody, "/items/1")):
        url = closed.url + where
        answer = ask(url, **signature(url, user.access_key_id, user.secret_access_key))
        assert (answer.status, answer.json) == FORBIDDEN


# ---- Tokens ----
def test_a_good_token_lets_in(with_tokens: Api, issuer: Issuer) -> None:
    for prefix in ("Bearer ", ""):
        answer = ask(f"{with_tokens.url}/x", authorization=prefix + issuer.token())
        assert answer.status == 200
        assert answer.json["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] == "reader"


def test_a_token_without_an_audience_may_name_its_client(with_tokens: Api, issuer: Issuer) -> None:
    token = issuer.token(aud=None, client_id="readers")

    assert ask(f"{with_tokens.url}/x", authorization=token).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": 1_000_000_000},
        {"nbf": 4_000_000_000},
        {"iss": "https://another.example"},
        {"aud": "others"},
        {"aud": None},
        {"kid": "another"},
        {"key": rsa.generate_private_key(65537, 2048)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_bad_token_is_refused(with_tokens: Api, issuer: Issuer, wrong: dict[str, Any]) -> None:
    answer = ask(f"{with_tokens.url}/x", authorization=f"Bearer {issuer.token(**wrong)}")

    assert (answer.status, answer.json) == UNAUTHORIZED
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_without_the_scope_is_forbidden(with_tokens: Api, issuer: Issuer) -> None:
    for scope in ("dropscore/write openid", None):
        answer = ask(f"{with_tokens.url}/x", authorization=f"Bearer {issuer.token(scope=scope)}")
        assert (answer.status, answer.json) == FORBIDDEN


def test_without_a_token_only_what_is_open_answers(with_tokens: Api) -> None:
    assert ask(f"{with_tokens.url}/x").status == 401
    assert ask(f"{with_tokens.url}/open").status == 200


def test_an_issuer_that_cannot_be_asked_for_its_keys_is_refused(embedded: Any) -> None:
    with pytest.raises(WaiterError):
        deploy_api(embedded, routes={"$default": "JWT"}, issuer="http://127.0.0.1:9")

    cloudformation = embedded.client("cloudformation")
    newest = cloudformation.describe_stacks()["Stacks"]
    events = [
        event.get("ResourceStatusReason", "")
        for stack in newest
        for event in cloudformation.describe_stack_events(StackName=stack["StackName"])["StackEvents"]
        if event["ResourceStatus"] == "CREATE_FAILED"
    ]
    assert any("Issuer must have a valid discovery endpoint" in reason for reason in events)


# ---- Other origins ----
@pytest.fixture(scope="module")
def shared(embedded: Any) -> Api:
    routes = {"GET /open": "NONE", "$default": "AWS_IAM", "OPTIONS /{proxy+}": "NONE"}
    return deploy_api(embedded, routes=routes, api={"CorsConfiguration": CORS})


def test_a_page_of_a_named_origin_may_read(shared: Api) -> None:
    leave = ask(
        f"{shared.url}/items/1",
        "OPTIONS",
        origin="https://page.example",
        access_control_request_method="GET",
    )
    answer = ask(f"{shared.url}/open", origin="https://page.example")

    assert leave.status == 204
    assert leave.headers["access-control-allow-methods"] == "GET"
    assert leave.headers["access-control-allow-headers"] == "authorization"
    assert leave.headers["access-control-max-age"] == "60"
    for one in (leave, answer):
        assert one.headers["access-control-allow-origin"] == "https://page.example"
    assert answer.headers["access-control-expose-headers"] == "etag"


def test_a_page_of_another_origin_may_not(shared: Api) -> None:
    asking = {"origin": "https://evil.example", "access_control_request_method": "GET"}
    for answer in (
        ask(f"{shared.url}/open", origin="https://evil.example"),
        ask(f"{shared.url}/items/1", "OPTIONS", **asking),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_where_the_default_route_is_closed_a_browser_cannot_ask_leave_by_it(embedded: Any) -> None:
    api = deploy_api(embedded, routes={"$default": "AWS_IAM"}, api={"CorsConfiguration": CORS})
    asking = {"origin": "https://page.example", "access_control_request_method": "GET"}

    assert ask(f"{api.url}/items/1", "OPTIONS", **asking).status == 403


def test_a_browser_can_ask_leave_where_there_is_no_route(embedded: Any) -> None:
    api = deploy_api(embedded, routes={"GET /open": "NONE"}, api={"CorsConfiguration": CORS})
    asking = {"origin": "https://page.example", "access_control_request_method": "GET"}

    assert ask(f"{api.url}/open", "OPTIONS", **asking).status == 204


# ---- Limits and log ----
def limits(rate: int, burst: int) -> dict[str, int]:
    return {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst}


def test_more_than_a_route_allows_is_too_many(embedded: Any) -> None:
    routes = {"GET /open": "NONE", "GET /other": "NONE"}
    api = deploy_api(embedded, routes=routes, stage={"DefaultRouteSettings": limits(1, 3)})

    answers = [ask(f"{api.url}/open") for _ in range(5)]

    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].json == {"message": "Too Many Requests"}
    assert [ask(f"{api.url}/{path}").status for path in ("other", "nowhere")] == [200, 404]
    eventually(lambda: ask(f"{api.url}/open").status == 200)


def test_a_route_may_have_limits_of_its_own(embedded: Any) -> None:
    settings = {"DefaultRouteSettings": limits(100, 100), "RouteSettings": {"GET /open": limits(1, 1)}}
    routes = {"GET /open": "NONE", "$default": "NONE"}
    api = deploy_api(embedded, routes=routes, stage={**settings, "waits_for": list(routes)})

    assert [ask(f"{api.url}/open").status for _ in range(2)] == [200, 429]
    assert {ask(f"{api.url}/open", "HEAD").status for _ in range(5)} == {200}
    throttled = {"route": "GET /open", "status": "429", "caller": "-"}
    assert api.log()[1] == throttled


def test_limits_of_a_route_that_is_not_there_are_refused(embedded: Any) -> None:
    settings = {"RouteSettings": {"GET /nowhere": limits(1, 1)}}
    with pytest.raises(WaiterError):
        deploy_api(embedded, routes={"GET /open": "NONE"}, stage={**settings, "waits_for": ["GET /open"]})


def test_the_access_log_has_what_its_format_asks_for(closed: Api, reader: Principal) -> None:
    before = len(closed.log())
    url = f"{closed.url}/items/1?secret=x"
    ask(url, **signature(url, reader.access_key_id, reader.secret_access_key))
    ask(f"{closed.url}/other")

    let_in, refused = closed.log()[before:]

    assert (let_in["route"], let_in["status"]) == ("GET /items/{item}", "200")
    assert let_in["caller"].startswith("arn:aws:iam::123456789012:user/")
    assert refused == {"route": "$default", "status": "403", "caller": "-"}
