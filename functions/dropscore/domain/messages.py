"""What arrives at the doors: the bodies of messages and events, read into what they ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus


@dataclass(frozen=True)
class Arrival:
    """S3 says that an object was created.

    Attributes
    ----------
    version
        None when the event does not say it: the current one is meant.
    """

    bucket: str
    key: str
    version: str | None
    etag: str | None
    sequencer: str | None


@dataclass(frozen=True)
class Resume:
    """Go on with a drop that the ledger knows."""

    drop_id: str


@dataclass(frozen=True)
class DispatchNow:
    """Form and start the jobs that are due."""


@dataclass(frozen=True)
class JobEnded:
    """A transform job may have ended: look, and collect it."""

    job: str


MAX_NAMES_BYTES = 7_900
"""Of the names of a drop's outputs in a message: those of 25 drops, and what stands around them, stay under
200,000 bytes (the design, "When things go another way"). They are the names of some hundred outputs.
"""


@dataclass(frozen=True)
class CollectPart:
    """Collect some drops of a job whose outputs have been listed.

    Attributes
    ----------
    part
        Which part of the job is done once all of `outputs` are.
    outputs
        By drop id, the names of its outputs below the job's prefix; None where a message does not name them,
        and whoever collects lists them.
    """

    job: str
    part: int
    outputs: Mapping[str, list[str] | None]

    def body(self) -> dict[str, Any]:
        """The message's form on the queue; names of more than `MAX_NAMES_BYTES` are left out."""
        drops = {
            drop_id: names if len(json.dumps(names)) <= MAX_NAMES_BYTES else None
            for drop_id, names in self.outputs.items()
        }
        return {"job": self.job, "part": self.part, "drops": drops}


@dataclass(frozen=True)
class Ignored:
    """Not for us, and why: acknowledged with a log line."""

    why: str


PrepareRequest = Arrival | Resume | DispatchNow | Ignored
CollectRequest = JobEnded | CollectPart | Ignored


def read_body(body: str) -> Any:
    """A message's body as JSON; what is not JSON is nobody's, and comes back as the text."""
    try:
        return json.loads(body)
    except ValueError:
        return body


def correlation_id(body: str) -> str | None:
    """What the service that sent the event calls it: S3's request id, EventBridge's event id; else None."""
    match read_body(body):
        case {"Records": [{"responseElements": {"x-amz-request-id": str(name)}}, *_]} | {"id": str(name)}:
            return name
    return None


def prepare_requests(body: Any) -> Iterator[PrepareRequest]:
    """What a message at prepare's door asks for: S3's notifications, and our own two forms."""
    match body:
        case {"Records": list(records)}:
            yield from map(_arrival, records)
        case {"drop_id": str(drop_id)}:
            yield Resume(drop_id)
        case {"dispatch": True}:
            yield DispatchNow()
        case {"Event": "s3:TestEvent"}:
            yield Ignored("S3's test event, sent when notifications are switched on")
        case _:
            yield Ignored("no S3 notification and no message of ours")


def collect_request(body: Any) -> CollectRequest:
    """What a message at collect's door asks for: EventBridge's event, and our own two forms."""
    match body:
        case {"source": "aws.sagemaker", "detail": {"TransformJobName": str(job)}}:
            return JobEnded(job)
        case {"job": str(job), "part": int(part), "drops": dict(outputs)}:
            return CollectPart(job, part, outputs)
        case {"job": str(job)}:
            return JobEnded(job)
        case _:
            return Ignored("no transform job event and no message of ours")


def _arrival(record: Any) -> Arrival | Ignored:
    match record:
        case {
            "eventSource": "aws:s3",
            "s3": {"bucket": {"name": str(bucket)}, "object": {"key": str(encoded)} as item},
        }:
            pass
        case _:
            return Ignored("a record that is not S3's")
    if not str(record.get("eventName", "")).startswith(("ObjectCreated", "s3:ObjectCreated")):
        return Ignored(f"S3 event {record.get('eventName')}")
    version = item.get("versionId")
    named = version if version != "null" else None  # what overwrites itself while versioning is suspended
    return Arrival(bucket, unquote_plus(encoded), named, item.get("eTag"), item.get("sequencer"))
