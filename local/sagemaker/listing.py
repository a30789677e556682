"""How SageMaker's List operations filter, order and page."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.sagemaker.errors import ValidationError

# "The maximum number of … to return in the response": 10 unless the request says otherwise, 100 at most.
DEFAULT_PAGE = 10


@dataclass(frozen=True)
class Page[Item]:
    """One page of a listing and the token for the next, if there is one."""

    items: list[Item]
    next_token: str | None

    def response(self, name: str, render: Callable[[Item], dict[str, Any]]) -> dict[str, Any]:
        """The List response: the items under ``name``, and NextToken if there is more."""
        answer: dict[str, Any] = {name: [render(item) for item in self.items]}
        if self.next_token:
            answer["NextToken"] = self.next_token
        return answer


@dataclass(frozen=True)
class Order[Item]:
    """What a listing can be ordered by, and what it is ordered by unless asked."""

    keys: dict[str, Callable[[Item], Any]]
    by_default: str
    direction: str


def list_page[Item](items: Iterable[Item], request: dict[str, Any], order: Order[Item]) -> Page[Item]:
    """Order the items as the request asks and cut out its page.

    Raises
    ------
    ValidationError
        For a token that no listing has given out.
    """
    key = order.keys[request.get("SortBy") or order.by_default]
    descending = (request.get("SortOrder") or order.direction) == "Descending"
    ordered = sorted(items, key=key, reverse=descending)
    start = _offset(request.get("NextToken"))
    end = start + int(request.get("MaxResults") or DEFAULT_PAGE)
    return Page(ordered[start:end], _token(end) if end < len(ordered) else None)


def within(request: dict[str, Any], name: str, moment: float) -> bool:
    """Whether a moment satisfies the request's ``<name>After`` and ``<name>Before``."""
    after, before = request.get(f"{name}After"), request.get(f"{name}Before")
    return (after is None or moment > _epoch(after)) and (before is None or moment < _epoch(before))


def _epoch(value: float | str) -> float:
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else float(value)


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"offset:{offset}".encode()).decode()


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        label, _, number = base64.urlsafe_b64decode(token).decode().partition(":")
        if label == "offset":
            return int(number)
    except ValueError:
        pass
    raise ValidationError("Invalid NextToken")
