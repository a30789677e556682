"""Files that the ledger lacks, because they were there before or their notification was lost, are sent on."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from dropscore.domain.source import NoDrop
from ops.inbox import UNVERSIONED, File, Page, pages
from ops.ledger import Ledger
from ops.messages import Message, send
from ops.stack import Stack

SHOWN = 20
"""Keys that are named; more are only counted."""

NO_DROPS_SHOWN = 3
"""The same, for each reason why objects are no drops."""


@dataclass
class Enqueued:
    """What has come of it so far.

    Attributes
    ----------
    seen
        Files looked at: current versions of objects that are drops.
    known
        Those that the ledger has.
    lacking
        Those that it has not.
    sent
        Those of them that InboxQueue has been told of.
    size
        Bytes of those that it has not.
    keys
        The first of these.
    no_drops
        How many other objects there are, by why they are no drops.
    no_drop_keys
        The first of these.
    request
        Under which their log lines are found, as `correlation_id`.
    """

    request: str = field(default_factory=lambda: f"ops-enqueue-{uuid.uuid4().hex[:12]}")
    seen: int = 0
    known: int = 0
    lacking: int = 0
    sent: int = 0
    size: int = 0
    keys: list[str] = field(default_factory=list)
    no_drops: dict[NoDrop, int] = field(default_factory=dict)
    no_drop_keys: dict[NoDrop, list[str]] = field(default_factory=dict)

    def note(self, page: Page) -> None:
        """Count a page's objects that are no drops."""
        for reason, keys in page.no_drops.items():
            self.no_drops[reason] = self.no_drops.get(reason, 0) + len(keys)
            named = self.no_drop_keys.setdefault(reason, [])
            named += keys[: NO_DROPS_SHOWN - len(named)]


def enqueue(stack: Stack, prefix: str, *, dry_run: bool) -> Iterator[Enqueued]:
    """Tell InboxQueue of the files below a prefix that the ledger lacks.

    May be interrupted and repeated at any time: what the ledger has by then is left out, and prepare knows a
    drop that it is told of twice.

    Yields
    ------
    Enqueued
        What has come of it, after each page of the listing.
    """
    ledger, done = Ledger(stack.ledger()), Enqueued()
    for page in pages(stack, prefix):
        lacking = _lacking(ledger, page.files)
        done.note(page)
        done.seen += len(page.files)
        done.known += len(page.files) - len(lacking)
        done.lacking += len(lacking)
        done.size += sum(file.size for file in lacking)
        done.keys += [file.key for file in lacking][: SHOWN - len(done.keys)]
        if not dry_run:
            _send(stack, lacking, done)
        yield done
    yield done


def _lacking(ledger: Ledger, files: list[File]) -> list[File]:
    known = ledger.known([file.source.drop_id for file in files])
    return [file for file in files if file.source.drop_id not in known]


def _send(stack: Stack, files: list[File], done: Enqueued) -> None:
    sqs, url = stack.connection.client("sqs"), stack.resource("InboxQueue")
    messages = [
        Message(json.dumps(notification(file, stack.connection.region, done.request))) for file in files
    ]
    for taken in send(sqs, url, messages):
        done.sent += len(taken)


def notification(file: File, region: str, request: str) -> dict[str, Any]:
    """What S3 would have sent ("Event message structure", S3 User Guide), as far as it is known.

    There is no sequencer: of two versions of a key that are both enqueued, the ledger takes the one that it
    hears of later for the later one.
    """
    item: dict[str, Any] = {"key": quote_plus(file.key, safe="/"), "size": file.size, "eTag": file.etag}
    if file.version != UNVERSIONED:
        item["versionId"] = file.version
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": datetime.now(UTC).isoformat(),
        "eventName": "ObjectCreated:Put",
        "responseElements": {"x-amz-request-id": request},
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": file.bucket}, "object": item},
    }
    return {"Records": [record]}
