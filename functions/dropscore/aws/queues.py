"""The two queues: what the functions tell each other to do next."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dropscore.domain.errors import ServiceBusy
from dropscore.domain.messages import CollectPart

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH_MESSAGES = 10
_BATCH_BYTES = 200_000
"""SendMessageBatch takes 10 messages; 262,144 bytes is the least that any region allows for their sum."""

MAX_DELAY_SECONDS = 900
"""DelaySeconds of a message (SendMessage, API reference)."""


class Queues:
    """Sends messages to InboxQueue and CollectQueue."""

    def __init__(self, client: SQSClient, inbox_url: str, collect_url: str) -> None:
        self._client = client
        self._inbox_url = inbox_url
        self._collect_url = collect_url

    def resume(self, drop_ids: Iterable[str]) -> None:
        """Have prepare go on with these drops."""
        self._send(self._inbox_url, [json.dumps({"drop_id": drop_id}) for drop_id in drop_ids])

    def dispatch(self, delay_seconds: float) -> None:
        """Have prepare dispatch, in a while."""
        delay = int(min(max(0, delay_seconds), MAX_DELAY_SECONDS))
        self._client.send_message(
            QueueUrl=self._inbox_url, MessageBody='{"dispatch": true}', DelaySeconds=delay
        )

    def hand_back_to_prepare(self, bodies: Iterable[str]) -> None:
        """Put messages of InboxQueue behind the others, as new ones."""
        self._send(self._inbox_url, bodies)

    def collect_jobs(self, jobs: Iterable[str]) -> None:
        """Have collect look at these jobs."""
        self._send(self._collect_url, [json.dumps({"job": job}) for job in jobs])

    def collect_parts(self, parts: Iterable[CollectPart]) -> None:
        """Have collect see to these parts of jobs."""
        self._send(self._collect_url, [json.dumps(part.body()) for part in parts])

    def _send(self, url: str, bodies: Iterable[str]) -> None:
        for batch in _batches(bodies):
            entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(batch)]
            answer = self._client.send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]  # dicts
            if failed := answer.get("Failed"):
                raise ServiceBusy(
                    f"SQS refused {len(failed)} of {len(batch)} messages: {failed[0].get('Message')}"
                )


def _batches(bodies: Iterable[str]) -> Iterator[list[str]]:
    """The bodies in batches that one request can take."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        if batch and (len(batch) == _BATCH_MESSAGES or size + len(body.encode()) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += len(body.encode())
    if batch:
        yield batch
