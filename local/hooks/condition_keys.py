"""What requests carry for the conditions of policies, beyond what MiniStack fills in."""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_actions

CONDITIONAL_HEADERS = ("if-none-match", "if-match")


def fill_in_condition_keys() -> None:
    """Fill in the condition keys of conditional writes to S3 and of events.

    Without them a policy that asks for ``If-None-Match`` would refuse every put, and one that admits a single
    source of events would admit none. See "Enforce conditional writes on Amazon S3 buckets" (S3 user guide)
    and "Using IAM policy conditions in Amazon EventBridge" (EventBridge user guide).
    """
    of_s3, of_tags = iam_actions.s3_service_context, iam_actions.request_tag_context

    def s3_context(
        action: str, query: dict[str, Any] | None, path: str = "", headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        context: dict[str, Any] = of_s3(action, query, path, headers)
        return {**context, **(_of_write(query or {}, headers or {}) if action == "s3:PutObject" else {})}

    def tag_context(service: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        context: dict[str, Any] = of_tags(service, action, body, params)
        return {**context, **(_of_events(body) if action == "events:PutEvents" else {})}

    iam_actions.s3_service_context = s3_context
    iam_actions.request_tag_context = tag_context


def _of_write(query: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    """Whether the request creates an object (a part of an upload does not), and under which condition."""
    creates = "uploads" not in query and "partNumber" not in query
    given = {f"s3:{name}": headers[name] for name in CONDITIONAL_HEADERS if name in headers}
    return {"s3:ObjectCreationOperation": str(creates).lower(), **given}


def _of_events(body: bytes) -> dict[str, Any]:
    try:
        entries = json.loads(body or b"{}").get("Entries", [])
    except ValueError:
        return {}
    sources = sorted({str(entry["Source"]) for entry in entries if entry.get("Source")})
    return {"events:source": sources[0] if len(sources) == 1 else sources} if sources else {}
