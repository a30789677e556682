"""The job's log in CloudWatch Logs, written in the role's name, as SageMaker writes it."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

GROUP = "/aws/sagemaker/TransformJobs"
LONGEST_LINE = 8_000
MOST_LINES = 500


class JobLog:
    """Two streams, as on AWS: what the container said, and ``data-log`` for what was wrong with the data."""

    def __init__(self, client: Any, job: str, instance: str) -> None:
        self._client = client
        self._stream = f"{job}/{instance}"
        self._data: list[str] = []

    def add(self, subject: str, message: str) -> None:
        """Note something about an input object."""
        self._data += [f"{subject}: {line}" for line in message.splitlines() or [""]]

    def write(self, container_output: str) -> None:
        """Write both streams; a role that may not write logs has none, and its job goes on."""
        with contextlib.suppress(ClientError, BotoCoreError):
            self._ensure_group()
            self._put(self._stream, container_output.splitlines())
            self._put(f"{self._stream}/data-log", [f"[sagemaker logs]: {line}" for line in self._data])

    def _ensure_group(self) -> None:
        with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsException):
            self._client.create_log_group(logGroupName=GROUP)

    def _put(self, stream: str, lines: list[str]) -> None:
        if not lines:
            return
        self._client.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        now = int(time.time() * 1000)
        self._client.put_log_events(
            logGroupName=GROUP,
            logStreamName=stream,
            logEvents=[
                {"timestamp": now, "message": line[:LONGEST_LINE] or " "} for line in lines[-MOST_LINES:]
            ],
        )
