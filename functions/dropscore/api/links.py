"""The link to the next page (RFC 8288), the same for every media type."""

from __future__ import annotations

from urllib.parse import urlencode

from aws_lambda_powertools.event_handler.request import Request


def next_link(request: Request, cursor: str | None) -> dict[str, str]:
    """The header that says where the next page is: the same request with another cursor."""
    if cursor is None:
        return {}
    query = {**(request.query_parameters or {}), "cursor": cursor}
    return {"Link": f'<?{urlencode(query)}>; rel="next"'}
