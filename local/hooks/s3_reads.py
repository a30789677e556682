"""How S3 answers reads that MiniStack answers otherwise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from ministack import app
from ministack.core.iam_evaluator import AuthError, enforce
from ministack.core.responses import get_region
from ministack.core.router import extract_access_key_id
from ministack.services import s3

Response = tuple[int, dict[str, str], Any]
Handler = Callable[..., Awaitable[Response]]


def range_versioned_reads() -> None:
    """Honour ``Range`` where ``VersionId`` is given too.

    MiniStack returns the whole object then. Prepare reads a version of a file in ranges, and would be
    handed the whole file for each of them. See GetObject in the Amazon S3 API reference.
    """
    get_object = s3._get_object

    def ranged(
        bucket: str, key: str, headers: dict[str, str], query: dict[str, Any] | None = None
    ) -> Response:
        response: Response = get_object(bucket, key, headers, query)
        status, answer_headers, body = response
        wanted = headers.get("range", "")
        if status != HTTPStatus.OK or not wanted or not isinstance(body, bytes | bytearray | memoryview):
            return response
        total = len(body)
        span = s3._parse_range(wanted, total)
        if span is None:
            error_headers = {"Content-Type": "application/xml", "Content-Range": f"bytes */{total}"}
            return 416, error_headers, s3._xml_body(s3._range_error_xml(bucket, key))
        first, last = span
        kept = {name: value for name, value in answer_headers.items() if "checksum" not in name.lower()}
        kept["Content-Length"] = str(last - first + 1)
        kept["Content-Range"] = f"bytes {first}-{last}/{total}"
        return 206, kept, body[first : last + 1]

    s3._get_object = ranged


def hide_missing_keys() -> None:
    """Answer 403 for a missing key to whoever may not list the bucket.

    MiniStack answers 404 to everybody, so a function that lacks ``s3:ListBucket`` would work here and not
    on AWS. See "Permissions" of GetObject in the Amazon S3 API reference.
    """
    handle: Handler = app.SERVICE_HANDLERS["s3"]

    async def hiding(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Response:
        response = await handle(method, path, headers, body, query)
        bucket, _, key = path.lstrip("/").partition("/")
        if method not in {"GET", "HEAD"} or not key or not _says_no_such_key(response, method):
            return response
        denied = enforce(
            extract_access_key_id(headers, query),
            "s3:ListBucket",
            "s3",
            get_region(),
            resource_arn=f"arn:aws:s3:::{bucket}",
        )
        if denied is None or isinstance(denied, AuthError):
            return response
        message = (
            f"User: {denied.principal_arn} is not authorized to perform: s3:ListBucket on resource: "
            f'"arn:aws:s3:::{bucket}" because no identity-based policy allows the s3:ListBucket action'
        )
        refusal: Response = s3._error("AccessDenied", message, 403, f"/{bucket}/{key}")
        return refusal if method == "GET" else (refusal[0], refusal[1], b"")

    app.SERVICE_HANDLERS["s3"] = hiding


def _says_no_such_key(response: Response, method: str) -> bool:
    status, _, body = response
    return status == HTTPStatus.NOT_FOUND and (
        method == "HEAD" or b"<Code>NoSuchKey</Code>" in bytes(body or b"")
    )
