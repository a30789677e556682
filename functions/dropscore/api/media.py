"""The media types on offer, and which of them a request asks for."""

from __future__ import annotations

from collections.abc import Sequence

from aws_lambda_powertools.event_handler.request import Request

from dropscore.api.caching import header
from dropscore.api.errors import NotAcceptable
from dropscore.api.negotiation import preferred

HTML = "text/html"
JSON = "application/json"
CSV = "text/csv"
NDJSON = "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"
"""The media type of Parquet (IANA)."""


def wanted(request: Request, offers: Sequence[str]) -> str:
    """The offer that the request likes best.

    Raises
    ------
    NotAcceptable
        It likes none.
    """
    offer = preferred(header(request, "accept"), offers)
    if offer is None:
        raise NotAcceptable(offers)
    return offer


def json_only(request: Request) -> None:
    """Refuse a request that does not take JSON.

    Raises
    ------
    NotAcceptable
        It does not.
    """
    wanted(request, [JSON])
