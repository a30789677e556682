"""What is open to anybody: health, the API's description in two forms, and the page's empty shell."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from http import HTTPStatus
from importlib import resources
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.request import Request

from dropscore.api.answers import Health
from dropscore.api.caching import CHECKED, NEVER_KEPT, Kept
from dropscore.api.errors import Unhealthy
from dropscore.api.media import HTML, JSON, json_only, wanted
from dropscore.api.reading import Reading
from dropscore.aws.clients import AwsError
from dropscore.domain.errors import ServiceBusy

_NOBODY = "0" * 20
"""An id for which the ledger has no drop, as good as certain."""

_HTML = f"{HTML}; charset=utf-8"
_INLINE = re.compile(r"<(script|style)(?:\s[^>]*)?>(.*?)</\1>", re.DOTALL)
_PLACEHOLDER = 'data-auth="IAM"'


@dataclass(frozen=True)
class DocumentRoutes:
    """What is open to anybody; `openapi` makes the API's own description."""

    reading: Reading
    openapi: Callable[[], str]

    def health(self, request: Request) -> Response[Health]:
        """Whether the API reaches the ledger."""
        json_only(request)
        try:
            self.reading.drops.get(_NOBODY)
        except (*AwsError, ServiceBusy) as error:
            raise Unhealthy(str(error)) from error
        return Response(HTTPStatus.OK.value, JSON, Health(status="ok"), dict(NEVER_KEPT))

    def openapi_json(self, request: Request) -> Response[Any]:
        """The API's description: the document that you are reading."""
        json_only(request)
        return _document(request, JSON, self._description, {})

    def docs(self, request: Request) -> Response[Any]:
        """The API's description for people to read and to try: Swagger UI, which asks no other host."""
        wanted(request, [HTML])
        return _document(request, _HTML, self._docs, _governed(self._docs_policy))

    def page(self, request: Request) -> Response[Any]:
        """A page for people who would rather look. It is empty: it asks for data as any reader does."""
        wanted(request, [HTML])
        return _document(request, _HTML, self._page, _governed(self._page_policy))

    @cached_property
    def _description(self) -> str:
        return self.openapi()

    @cached_property
    def _page(self) -> str:
        shell = _own("page.html")
        if shell.count(_PLACEHOLDER) != 1:
            raise AssertionError(f"page.html has {_PLACEHOLDER} {shell.count(_PLACEHOLDER)} times")
        return shell.replace(_PLACEHOLDER, f'data-auth="{self.reading.settings.auth}"')

    @cached_property
    def _page_policy(self) -> str:
        return policy(self._page)

    @cached_property
    def _docs(self) -> str:
        swagger = resources.files("aws_lambda_powertools.event_handler.openapi.swagger_ui")
        script = swagger.joinpath("swagger-ui-bundle.min.js").read_text("utf-8")
        style = swagger.joinpath("swagger-ui.min.css").read_text("utf-8")
        return _own("docs.html").replace("/*style*/", style).replace("/*script*/", script)

    @cached_property
    def _docs_policy(self) -> str:
        return policy(self._docs)


def policy(page: str) -> str:
    """The Content-Security-Policy of a page: its own scripts and styles and no others, and no other host."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(_hashes(page, 'script'))}",
            f"style-src {' '.join(_hashes(page, 'style'))}",
            "connect-src 'self'",
            "img-src data:",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _hashes(page: str, element: str) -> Iterator[str]:
    for name, content in _INLINE.findall(page):
        if name == element:
            yield f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


def _governed(by: str) -> dict[str, str]:
    return {"Content-Security-Policy": by}


def _own(name: str) -> str:
    return resources.files("dropscore.api").joinpath(name).read_text("utf-8")


def _document(request: Request, content_type: str, content: str, headers: dict[str, str]) -> Response[Any]:
    """A document that changes with the code only: to be asked for again each time, and seldom to be sent."""
    kept = Kept(content_type, sha256(content.encode()).hexdigest())
    known = kept.unless_known(request)
    headers = {**headers, **kept.headers, **CHECKED}
    if known:
        known.headers.update(CHECKED)
        return known
    return Response(HTTPStatus.OK.value, content_type, content, headers)
