"""EventBridge: tells whoever listens what became of drops."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "dropscore"

_AT_ONCE = 10
"""PutEvents takes 10 entries (API reference)."""


class Events:
    """Puts events on the default bus."""

    def __init__(self, client: EventBridgeClient) -> None:
        self._client = client

    def put(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> list[bool]:
        """Put events, each a detail type and its detail; for each, whether EventBridge has taken it."""
        taken: list[bool] = []
        for start in range(0, len(events), _AT_ONCE):
            entries = [
                {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail)}
                for kind, detail in events[start : start + _AT_ONCE]
            ]
            answer = self._client.put_events(Entries=entries)  # type: ignore[arg-type]  # dicts
            taken += ["ErrorCode" not in entry for entry in answer["Entries"]]
        return taken
