"""Requests as API Gateway hands them over (payload format 2.0), and answers as a client reads them."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

REQUEST_ID = "JKJaXmPLvHcESHA="


class Context:
    """Lambda's context, as far as it is looked at."""

    function_name = "results-api"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:results-api"
    aws_request_id = "3f1d7a1e-0000-4000-8000-000000000000"

    def __init__(self, milliseconds=29_000):
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self):
        return self._milliseconds


@dataclass(frozen=True)
class Answer:
    """What a client gets: header names in lower case, the body decoded."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()


def request(target, method="GET", headers=None):
    """The event of a request for `target`, a path and perhaps a query, as a URL has them."""
    parts = urlsplit(target)
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    path = unquote(parts.path)
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": parts.query,
        "headers": {"host": "a1b2c3.execute-api.eu-central-1.amazonaws.com", **(headers or {})},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3",
            "domainName": "a1b2c3.execute-api.eu-central-1.amazonaws.com",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "curl/8.9.0",
            },
            "requestId": REQUEST_ID,
            "routeKey": "$default",
            "stage": "$default",
            "time": "04/Mar/2026:05:06:07 +0000",
            "timeEpoch": 1772600767000,
        },
        "isBase64Encoded": False,
    }
    if values:
        event["queryStringParameters"] = {name: ",".join(several) for name, several in values.items()}
    return event


def read(answer):
    """The answer as the client reads it, once API Gateway and gzip are done with it."""
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    body = answer["body"] or ""
    data = b64decode(body) if answer["isBase64Encoded"] else body.encode()
    if headers.get("content-encoding") == "gzip":
        data = gzip.decompress(data)
    return Answer(int(answer["statusCode"]), headers, data)


class Asking:
    """Asks an API for things."""

    def __init__(self, api):
        self._api = api

    def __call__(self, target, method="GET", *, milliseconds=29_000, **headers):
        """The answer to a request; header names have underscores here: `if_none_match`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return read(self._api.answer(request(target, method, named), Context(milliseconds)))

    def walk(self, target, name, **headers):
        """All pages of a list, by following `next_cursor`; what `name` has in each."""
        pages, cursor, between = [], None, "&" if "?" in target else "?"
        while True:
            answer = self(target if cursor is None else f"{target}{between}cursor={cursor}", **headers)
            assert answer.status == 200, answer.text
            pages.append(answer.json[name])
            cursor = answer.json["next_cursor"]
            if cursor is None:
                return pages
