"""Messages in batches that SQS takes, each sent before anything else is believed of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ops.errors import QueueRefused

BATCH_MESSAGES = 10
BATCH_BYTES = 200_000
"""SendMessageBatch takes 10 messages; 262,144 bytes is the least that any region allows for their sum."""


@dataclass(frozen=True)
class Message:
    """A message.

    Attributes
    ----------
    receipt
        With which it is deleted from where it was received; empty of a new one.
    attributes
        SQS's message attributes.
    """

    body: str
    receipt: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)


def send(client: Any, url: str, messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Send messages, a batch after the other.

    Yields
    ------
    list of Message
        Those of a batch that SQS has taken.

    Raises
    ------
    QueueRefused
        SQS refused some, after those that it took have been told.
    """
    for batch in batches(messages):
        entries = [
            {
                "Id": str(place),
                "MessageBody": message.body,
                **({"MessageAttributes": message.attributes} if message.attributes else {}),
            }
            for place, message in enumerate(batch)
        ]
        answer = client.send_message_batch(QueueUrl=url, Entries=entries)
        refused = {
            int(failed["Id"]): str(failed.get("Message") or failed["Code"])
            for failed in answer.get("Failed", [])
        }
        yield [message for place, message in enumerate(batch) if place not in refused]
        if refused:
            reason = next(iter(refused.values()))
            raise QueueRefused(f"SQS refused {len(refused)} of {len(batch)} messages: {reason}; run it again")


def batches(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """The messages in batches that one request can take."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        length = len(message.body.encode()) + len(str(message.attributes).encode())
        if batch and (len(batch) == BATCH_MESSAGES or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += length
    if batch:
        yield batch
