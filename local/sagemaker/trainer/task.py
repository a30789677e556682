"""What a training instance is told to do, and what it says in the end."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Channel:
    """Input data: its name, the S3DataType and S3Uri it is at, and its content type."""

    name: str
    kind: str
    uri: str
    content_type: str


@dataclass(frozen=True)
class TrainingTask:
    """A training job, with the role's credentials and a folder of its own.

    ``metrics`` holds a regular expression by the metric's name; ``hyperparameters`` are texts, as the API has
    them.
    """

    job: str
    arn: str
    folder: str
    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str
    session_token: str
    entrypoint: list[str]
    arguments: list[str]
    hyperparameters: dict[str, str]
    channels: list[Channel]
    environment: dict[str, str]
    output_uri: str
    instance_type: str
    metrics: dict[str, str]
    max_seconds: int

    def to_json(self) -> str:
        """The message."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, message: str) -> TrainingTask:
        """Read the message back."""
        raw = json.loads(message)
        return cls(**{**raw, "channels": [Channel(**channel) for channel in raw["channels"]]})


@dataclass(frozen=True)
class Verdict:
    """How a training job ended.

    Attributes
    ----------
    reason
        Why it failed, in SageMaker's words; None when it did not.
    artifact
        Where the model is.
    metrics
        The last value of each metric that was printed.
    is_overdue
        Whether it ran into its limit of time.
    """

    reason: str | None = None
    artifact: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    is_overdue: bool = False
