"""What is asked of the embedded AWS: its requests, counted where they arrive, by caller and operation."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from ministack.services import sts

from local.sagemaker.control import Application, Message, Receive, Send

_CREDENTIAL = re.compile(rb"Credential=([^/]+)/[^/]+/[^/]+/([^/]+)/")
"""Who signed a request, and for which service (Signature Version 4, "Authorization header")."""


class Asked(NamedTuple):
    """What is counted together.

    Attributes
    ----------
    caller
        The name of the role that signed; empty for root and for who did not sign.
    service
        As it is signed for, e.g. ``dynamodb``.
    operation
        As its API calls it; of S3 those that Dropscore uses, else method and path.
    """

    caller: str
    service: str
    operation: str


class Requests:
    """Counts requests; one that is repeated counts again, and so does one that is refused."""

    def __init__(self) -> None:
        self._counted: Counter[Asked] = Counter()
        self._lock = threading.Lock()

    def count(self, method: str, path: str, query: bytes, headers: Mapping[bytes, bytes]) -> None:
        """Count one, if it is signed."""
        found = _CREDENTIAL.search(headers.get(b"authorization", b""))
        if found is None:
            return
        key, service = found[1].decode(), found[2].decode()
        target = headers.get(b"x-amz-target", b"").decode().rpartition(".")[2]
        operation = target or (_of_s3 if service == "s3" else _of_rest)(method, path, query)
        with self._lock:
            self._counted[Asked(_role(key), service, operation)] += 1

    def told(self) -> list[dict[str, Any]]:
        """What has been counted, as JSON."""
        with self._lock:
            return [{**asked._asdict(), "count": count} for asked, count in sorted(self._counted.items())]


requests = Requests()
"""Of this process."""


def control_requests(method: str, _body: bytes) -> tuple[int, Any]:
    """Show what has been counted."""
    return (200, requests.told()) if method == "GET" else (405, {"error": "use GET"})


def counted(application: Application) -> Application:
    """The same application, its requests counted."""

    async def counting(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            requests.count(scope["method"], scope["path"], scope["query_string"], dict(scope["headers"]))
        await application(scope, receive, send)

    return counting


def _role(access_key: str) -> str:
    """The name in ``arn:aws:sts::<account>:assumed-role/<name>/<session>``."""
    arn = str((sts._sessions.get(access_key) or {}).get("Arn", ""))  # noqa: SLF001 - there is no public way
    return arn.split("/")[1] if arn else ""


def _of_s3(method: str, path: str, query: bytes) -> str:
    """The operation of S3 (API reference, each operation's request syntax)."""
    asked = dict(parse_qsl(query.decode(), keep_blank_values=True))
    if "list-type" in asked:
        return "ListObjectsV2"
    if "uploadId" in asked:
        return {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}[
            method
        ]
    if "uploads" in asked:
        return "CreateMultipartUpload"
    known = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
    return known[method] if method in known and "/" in path.strip("/") else f"{method} {path}"


def _of_rest(method: str, path: str, _query: bytes) -> str:
    return f"{method} {path}"
