"""The sweep function's own door: what it does for an operator, so that the rules stay in one place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ops.connection import INVOKING
from ops.errors import FunctionFailed
from ops.stack import Stack

AT_ONCE = 100
"""Drops that one invocation is asked to retry: it has 300 s for them."""


def retry(stack: Stack, drop_ids: Sequence[str]) -> Iterator[dict[str, str]]:
    """Have FAILED drops tried again; repeating it changes nothing.

    Yields
    ------
    dict
        For each drop of a batch, what came of it, in the function's words.
    """
    for start in range(0, len(drop_ids), AT_ONCE):
        answer: dict[str, str] = _invoke(stack, {"retry": list(drop_ids[start : start + AT_ONCE])})["retry"]
        yield answer


def release(stack: Stack, package_arn: str) -> str:
    """Let a held model version score again; what came of it, in the function's words."""
    answer: str = _invoke(stack, {"release": package_arn})["release"][package_arn]
    return answer


def _invoke(stack: Stack, request: dict[str, Any]) -> Any:
    name = stack.resource("SweepFunction")
    answer = stack.connection.client("lambda", INVOKING).invoke(
        FunctionName=name, Payload=json.dumps(request).encode()
    )
    told = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        reason = told.get("errorMessage", told) if isinstance(told, dict) else told
        raise FunctionFailed(f"SweepFunction failed ({reason}): its log, SweepLogs, says more; run it again")
    return told
