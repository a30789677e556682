"""What an instance is told to do: the one message it gets."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Task:
    """A transform job, with the role's credentials and a folder of its own.

    ``input_type``, ``split``, ``strategy`` and ``assemble`` hold the API's own values (S3Prefix, Line, …);
    ``output_fault`` one of ``local.sagemaker.faults.OutputFault``, ``csv_style`` one of ``CsvStyle`` there.
    """

    job: str
    folder: str
    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str
    session_token: str
    artifact: str | None
    environment: dict[str, str]
    input_type: str
    input_uri: str
    content_type: str
    is_gzipped: bool
    split: str
    strategy: str
    max_payload_mb: int
    output_uri: str
    accept: str
    assemble: str
    input_filter: str
    output_filter: str
    is_joined: bool
    timeout_seconds: int
    retries: int
    output_fault: str
    output_fault_rows: int
    csv_style: str

    def to_json(self) -> str:
        """The message."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, message: str) -> Task:
        """Read the message back."""
        return cls(**json.loads(message))
