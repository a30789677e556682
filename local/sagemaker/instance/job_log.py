"""The job's log in CloudWatch Logs."""

from __future__ import annotations

from typing import Any

from local.sagemaker.instance.log_stream import LogStream

GROUP = "/aws/sagemaker/TransformJobs"


class JobLog:
    """Two streams, as on AWS: what the container said, and ``data-log`` for what was wrong with the data."""

    def __init__(self, client: Any, job: str, instance: str) -> None:
        self._container = LogStream(client, GROUP, f"{job}/{instance}")
        self._about_data = LogStream(client, GROUP, f"{job}/{instance}/data-log")
        self._data: list[str] = []

    def add(self, subject: str, message: str) -> None:
        """Note something about an input object."""
        self._data += [f"{subject}: {line}" for line in message.splitlines() or [""]]

    def write(self, container_output: str) -> None:
        """Write both streams."""
        self._container.put(container_output.splitlines())
        self._about_data.put([f"[sagemaker logs]: {line}" for line in self._data])
