"""What clients may keep: ETags, and the answer 304 to those who have it already."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.request import Request

NEVER_KEPT: Mapping[str, str] = {"Cache-Control": "no-store"}
"""Of what is true of this moment only, or gives access."""

CHECKED: Mapping[str, str] = {"Cache-Control": "private, no-cache"}
"""Of what may change: to be asked for again each time."""

_KEPT = "private, max-age=300"
"""Of what never changes. Not for long: who deletes a person's data wants it gone from browsers, too."""

_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')


class Kept:
    """What never changes, told apart by what it is: its ETag costs nothing to compute.

    Parameters
    ----------
    what
        All that the answer is made of, the code that makes it (`Reading.code`) among it.
    """

    def __init__(self, *what: object) -> None:
        self._tag = sha256(repr(what).encode()).hexdigest()[:32]

    @property
    def headers(self) -> dict[str, str]:
        """The headers that let it be kept. Weak: another encoding has other bytes (RFC 9110, 8.8.1)."""
        return {"ETag": f'W/"{self._tag}"', "Cache-Control": _KEPT}

    def unless_known(self, request: Request) -> Response[Any] | None:
        """The answer 304 to a client that has it already (RFC 9110, 13.1.2); None to others."""
        said = header(request, "if-none-match")
        if said.strip() != "*" and self._tag not in _TAG.findall(said):
            return None
        return Response(HTTPStatus.NOT_MODIFIED.value, headers=self.headers)


def header(request: Request, name: str) -> str:
    """A header of the request, its lines joined by commas as API Gateway does; empty where there is none."""
    return str(request.headers.get(name, ""))
