"""A request to an HTTP API, and what API Gateway itself says to one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Response = tuple[int, dict[str, Any], bytes]


@dataclass(frozen=True)
class Request:
    """A request as it has arrived at a stage; header names in lower case."""

    api_id: str
    stage: str
    path: str
    method: str
    headers: dict[str, str]
    body: bytes
    query: dict[str, list[str]]
    raw_query: str | None
    account: str
    region: str

    @property
    def routed_path(self) -> str:
        """The path that routes are compared with: more slashes at its beginning count as one."""
        return "/" + self.path.lstrip("/")

    @property
    def asks_leave(self) -> bool:
        """Whether a browser asks which requests of another origin are allowed."""
        return self.method == "OPTIONS" and "access-control-request-method" in self.headers


def said(status: HTTPStatus, headers: dict[str, str] | None = None) -> Response:
    """An answer of API Gateway's own, which says no more than its status."""
    body = json.dumps({"message": status.phrase}, separators=(",", ":")).encode()
    return int(status), {"Content-Type": "application/json", **(headers or {})}, body
