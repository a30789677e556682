"""A log stream in CloudWatch Logs, written in a role's name, as SageMaker writes it."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

LONGEST_LINE = 8_000
MOST_LINES = 500


class LogStream:
    """One stream; a role that may not write logs has none, and its work goes on."""

    def __init__(self, client: Any, group: str, stream: str) -> None:
        self._client = client
        self._place = {"logGroupName": group, "logStreamName": stream}
        self._is_there = False

    def put(self, lines: list[str]) -> None:
        """Write lines, at most the last 500 of them; without any, there is no stream."""
        if lines:
            with contextlib.suppress(ClientError, BotoCoreError):
                self._ensure()
                now = int(time.time() * 1000)
                events = [
                    {"timestamp": now, "message": line[:LONGEST_LINE] or " "} for line in lines[-MOST_LINES:]
                ]
                self._client.put_log_events(**self._place, logEvents=events)

    def _ensure(self) -> None:
        if self._is_there:
            return
        with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsException):
            self._client.create_log_group(logGroupName=self._place["logGroupName"])
        self._client.create_log_stream(**self._place)
        self._is_there = True
