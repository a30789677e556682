"""What becomes of an error in an answer, in the one form that all routes have (RFC 9457).

Apart from the results API's own (`problems`), because what that takes to load is nothing to who predicts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from aws_lambda_powertools import Logger

from dropscore.api.errors import Fault
from dropscore.aws.clients import passes_by_itself

logger = Logger(child=True)

MEDIA_TYPE = "application/problem+json"
BUSY_SECONDS = 2
"""When to ask again: a throttle passes soon."""

_ABOUT_BLANK = "about:blank"
_SLUG = "urn:dropscore:problem:"


@dataclass(frozen=True)
class Refusal:
    """What becomes of an error."""

    status: HTTPStatus
    detail: str
    slug: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)

    def body(self, path: str) -> str:
        """The problem document about a request for `path`."""
        return json.dumps(
            {
                "type": _SLUG + self.slug if self.slug else _ABOUT_BLANK,
                "title": self.status.phrase,
                "status": self.status.value,
                "detail": self.detail,
                "instance": quote(path),
                **self.members,
            }
        )


def bad_request(faults: Sequence[Fault]) -> Refusal:
    """The request is at fault, at these places."""
    errors = [{"field": fault.field, "detail": fault.detail} for fault in faults]
    detail = "; ".join(f"{fault.field}: {fault.detail}" for fault in faults)
    return Refusal(HTTPStatus.BAD_REQUEST, detail, "bad-request", members={"errors": errors})


def unavailable(detail: str, slug: str = "busy", seconds: int = BUSY_SECONDS) -> Refusal:
    """It may be answered in so many seconds."""
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, slug, {"Retry-After": str(seconds)})


def unforeseen(error: Exception) -> Refusal:
    """What a client sees of an error that says nothing to it; the log has all there is."""
    if passes_by_itself(error):
        logger.warning("a service is busy", error=str(error))
        return unavailable("A service that the API reads from is busy; ask again shortly.")
    logger.error("the request failed", exc_info=error)
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "The request failed; the function's log says why.")
