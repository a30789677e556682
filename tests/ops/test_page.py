"""The proxy that signs for a browser: what it passes on, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import TokenRetrievalError

from ops.errors import AddressTaken, NoRegion, NotAnAddress, Unreachable
from ops.page import PageProxy
from ops.results_api import ResultsApi, region_of
from tests.local.http_api import ask
from tests.ops.upstream import Upstream

REPOSITORY = Path(__file__).parents[2]
CREDENTIALS = Credentials("AKIAREADER", "secret", "token")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[PageProxy]:
    proxy = PageProxy(ResultsApi(f"{upstream.url}/api", CREDENTIALS, "eu-west-1"))
    with proxy.running():
        yield proxy


def test_a_request_is_passed_on_signed_and_its_answer_back(proxy: PageProxy, upstream: Upstream) -> None:
    upstream.answers(200, b"{}", content_type="application/json", etag='"1"')

    answer = ask(
        f"{proxy.url}drops?limit=1&key_prefix=a+b%2F", accept="application/json", if_none_match='"0"'
    )

    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"{}", '"1"')
    (asked,) = upstream.asked
    assert asked.target == "/api/drops?limit=1&key_prefix=a%20b%2F"
    authorization = asked.headers["authorization"]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIAREADER/")
    assert "/eu-west-1/execute-api/aws4_request" in authorization
    assert asked.headers["x-amz-security-token"] == "token"
    assert (asked.headers["accept"], asked.headers["if-none-match"]) == ("application/json", '"0"')


def test_nothing_else_of_the_browser_is_passed_on(proxy: PageProxy, upstream: Upstream) -> None:
    ask(f"{proxy.url}drops", cookie="a=b", x_forwarded_for="1.1.1.1", referer=proxy.url)

    assert not {"cookie", "x-forwarded-for", "referer"} & set(upstream.asked[0].headers)


def test_a_redirect_to_a_result_is_the_browsers_to_follow(proxy: PageProxy, upstream: Upstream) -> None:
    upstream.answers(303, b"", location="https://results.example/x?X-Amz-Signature=1")

    answer = ask(f"{proxy.url}drops/1/predictions?download=parquet")

    assert answer.status == 303
    assert answer.headers["location"] == "https://results.example/x?X-Amz-Signature=1"
    assert len(upstream.asked) == 1


@pytest.mark.parametrize("status", [304, 404, 409, 503])
def test_other_answers_are_passed_on_too(proxy: PageProxy, upstream: Upstream, status: int) -> None:
    upstream.answers(status, b"" if status == 304 else b'{"title":"x"}', retry_after="5")

    answer = ask(f"{proxy.url}drops/1")

    assert (answer.status, answer.headers["retry-after"]) == (status, "5")


def test_a_compressed_body_stays_so(proxy: PageProxy, upstream: Upstream) -> None:
    upstream.answers(200, b"\x1f\x8b not looked into", content_encoding="gzip")

    answer = ask(f"{proxy.url}drops", accept_encoding="gzip")

    assert answer.body == b"\x1f\x8b not looked into"
    assert answer.headers["content-encoding"] == "gzip"
    assert upstream.asked[0].headers["accept-encoding"] == "gzip"


def test_head_has_the_length_and_no_body(proxy: PageProxy, upstream: Upstream) -> None:
    upstream.answers(200, b"12345")

    answer = ask(f"{proxy.url}drops", "HEAD")

    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "5")
    assert upstream.asked[0].method == "HEAD"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_can_be_written_through_it(proxy: PageProxy, upstream: Upstream, method: str) -> None:
    answer = ask(f"{proxy.url}drops", method)

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert not upstream.asked


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", ""])
def test_another_name_for_this_address_gets_nothing(proxy: PageProxy, upstream: Upstream, host: str) -> None:
    answer = ask(f"{proxy.url}drops", host=host)

    assert answer.status == HTTPStatus.MISDIRECTED_REQUEST
    assert not upstream.asked


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_another_page_gets_nothing(proxy: PageProxy, upstream: Upstream, headers: dict[str, str]) -> None:
    assert ask(f"{proxy.url}drops", **headers).status == HTTPStatus.FORBIDDEN
    assert not upstream.asked


def test_the_page_itself_and_the_address_bar_get_answers(proxy: PageProxy) -> None:
    assert ask(f"{proxy.url}drops", origin=proxy.url.rstrip("/"), sec_fetch_site="same-origin").status == 200
    assert ask(proxy.url, sec_fetch_site="none", host=f"localhost:{proxy.server_port}").status == 200


@pytest.mark.parametrize("path", ["/../secret", "/drops/../../x", "/a/%2e%2e/b", "/./x"])
def test_no_path_leads_out_of_the_api(proxy: PageProxy, upstream: Upstream, path: str) -> None:
    assert ask(f"{proxy.url.rstrip('/')}{path}").status == HTTPStatus.BAD_REQUEST
    assert not upstream.asked


@pytest.mark.parametrize(
    "request_line", ["GET http://evil.example/ HTTP/1.1", "GET //evil.example/ HTTP/1.1", "NOT HTTP"]
)
def test_no_other_server_is_asked(proxy: PageProxy, upstream: Upstream, request_line: str) -> None:
    with socket.create_connection(("127.0.0.1", proxy.server_port), timeout=60) as connection:
        host = f"Host: 127.0.0.1:{proxy.server_port}\r\nConnection: close"
        connection.sendall(f"{request_line}\r\n{host}\r\n\r\n".encode())
        answer = connection.makefile("rb").read()

    assert answer
    assert all(asked.target.startswith("/api/") for asked in upstream.asked)


def test_a_request_with_a_body_is_refused_and_ends_the_connection(
    proxy: PageProxy, upstream: Upstream
) -> None:
    assert ask(f"{proxy.url}drops", body=b"GET /models HTTP/1.1\r\n\r\n").status == HTTPStatus.BAD_REQUEST
    assert not upstream.asked


@pytest.mark.parametrize(
    "name", ["content-length", "CONTENT-LENGTH", "transfer-encoding", "Transfer-Encoding"]
)
def test_a_body_is_seen_in_whatever_case_it_is_announced(
    proxy: PageProxy, upstream: Upstream, name: str
) -> None:
    value = "chunked" if name.lower() == "transfer-encoding" else "0"
    with socket.create_connection(("127.0.0.1", proxy.server_port), timeout=60) as connection:
        head = f"GET /drops HTTP/1.1\r\nHost: 127.0.0.1:{proxy.server_port}\r\n{name}: {value}\r\n\r\n"
        connection.sendall(head.encode())
        answer = connection.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 400")
    assert not upstream.asked


def test_an_api_that_does_not_answer_is_said_to(upstream: Upstream) -> None:
    proxy = PageProxy(ResultsApi(upstream.url, CREDENTIALS, "eu-west-1"))
    upstream.stop()
    with proxy.running():
        answer = ask(f"{proxy.url}drops")

    assert answer.status == HTTPStatus.BAD_GATEWAY
    assert b"the results API does not answer" in answer.body


def test_credentials_that_have_expired_are_said_to(upstream: Upstream) -> None:
    class Expired:
        def get_frozen_credentials(self) -> Any:
            raise TokenRetrievalError(provider="sso", error_msg="the token has expired")

    proxy = PageProxy(ResultsApi(upstream.url, Expired(), "eu-west-1"))
    with proxy.running():
        answer = ask(f"{proxy.url}drops")

    assert answer.status == HTTPStatus.BAD_GATEWAY
    assert b"sign in again" in answer.body
    assert not upstream.asked


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_error_that_nobody_expected_is_said_to_be_one(upstream: Upstream, method: str) -> None:
    class Broken:
        def get_frozen_credentials(self) -> Any:
            raise RuntimeError("the helper's answer makes no sense")

    proxy = PageProxy(ResultsApi(upstream.url, Broken(), "eu-west-1"))
    with proxy.running():
        answer = ask(f"{proxy.url}drops", method)

    assert answer.status == HTTPStatus.BAD_GATEWAY
    said = b"the request failed here (RuntimeError: the helper's answer makes no sense)\n"
    assert answer.body == (said if method == "GET" else b"")
    assert not upstream.asked


def test_a_port_that_is_taken_is_said_to_be(proxy: PageProxy) -> None:
    with pytest.raises(AddressTaken, match="choose another"):
        PageProxy(proxy.api, proxy.server_port)


@pytest.mark.parametrize(
    "url",
    [
        "http://abc.execute-api.eu-west-1.amazonaws.com/",
        "ftp://127.0.0.1/",
        "https://",
        "abc",
        "https://u:p@abc.example/",
        "https://abc.example/?x=1",
    ],
)
def test_credentials_go_to_a_results_api_over_tls_only(url: str) -> None:
    with pytest.raises(NotAnAddress, match="ResultsApiUrl"):
        ResultsApi(url, CREDENTIALS, "eu-west-1")


def test_the_region_is_the_addresss_else_the_one_that_is_set() -> None:
    assert region_of("https://ab12.execute-api.eu-west-1.amazonaws.com/", "us-east-1") == "eu-west-1"
    assert region_of("https://ab12.execute-api.cn-north-1.amazonaws.com.cn/", None) == "cn-north-1"
    assert region_of("https://results.example/", "us-east-1") == "us-east-1"
    with pytest.raises(NoRegion, match="AWS_REGION"):
        region_of("https://results.example/", None)


def test_an_answer_that_is_cut_off_is_unreachable(upstream: Upstream) -> None:
    upstream.cuts_off()
    with pytest.raises(Unreachable):
        ResultsApi(upstream.url, CREDENTIALS, "eu-west-1").ask("GET", "drops")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_ended(upstream: Upstream, ending: signal.Signals) -> None:
    upstream.answers(200, json.dumps({"drops": []}).encode())
    with command("--url", upstream.url, "--port", "0", "--region", "us-east-1") as process:
        line = process.stdout.readline()
        address = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
        assert ask(f"{address}drops").json == {"drops": []}

        process.send_signal(ending)

        assert process.wait(10) == 0


def test_without_credentials_the_command_says_what_to_do() -> None:
    with command("--url", "https://abc.execute-api.us-east-1.amazonaws.com/", keys={}) as process:
        assert process.wait(30) == 1
        assert process.stderr.read().startswith("error: no AWS credentials were found")


def command(*arguments: str, keys: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """`python -m ops page`, with credentials of nobody's."""
    given = {"AWS_ACCESS_KEY_ID": "AKIAREADER", "AWS_SECRET_ACCESS_KEY": "secret"} if keys is None else keys
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return subprocess.Popen(
        [sys.executable, "-m", "ops", "page", *arguments],
        env={**environment, **nowhere, "AWS_EC2_METADATA_DISABLED": "true", **given},
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
