"""Dead letters go back to the queue they came from: received, sent, and only then deleted.

SQS has a task of its own for that (StartMessageMoveTask). It is not used: it says little of what it moved; it
refuses a queue that EventBridge fills; and the embedded AWS lacks it, so that what runs on AWS would never
have been tried. Here one way is used for both. Cut off at any point it loses
nothing: what was sent and not yet deleted comes twice, which changes nothing (the design, "States").
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from dropscore.domain.messages import read_body
from ops.messages import Message, send
from ops.queues import depth
from ops.stack import Stack

SOURCES = {"InboxDlq": "InboxQueue", "CollectDlq": "CollectQueue"}
"""Which queue's messages end in which dead letter queue."""

UNDELIVERED = "UndeliveredDlq"
HIDDEN_SECONDS = 60
"""How long a message is hidden once it was received: more than sending and deleting ten takes."""

LOOK_SECONDS = 30
EMPTY_LOOKS = 3
"""SQS may answer that there is none while there are some (short polling; here it is asked for a second)."""

LOOKED_AT = 50


@dataclass
class Moved:
    """What has come of a queue so far.

    Attributes
    ----------
    found
        Messages in it at the start, as SQS counts: approximately.
    kinds
        How many of which kind were received.
    names
        Of files, drops or jobs that are in them, the first few.
    """

    queue: str
    found: int
    moved: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)

    def note(self, message: Message) -> None:
        """Count a message that was received."""
        kind, name = describe(message.body)
        self.kinds[kind] += 1
        if name and len(self.names) < LOOKED_AT:
            self.names.append(name)


def look(stack: Stack, queue: str) -> Moved:
    """Up to `LOOKED_AT` messages of a queue, which hides them for `LOOK_SECONDS`; nothing else happens."""
    found = Moved(queue, depth(stack, queue).total)
    for messages in _received(stack, queue, min(found.found, LOOKED_AT), LOOK_SECONDS):
        for message in messages:
            found.note(message)
    return found


def redrive(stack: Stack, queue: str) -> Iterator[Moved]:
    """Send the messages of a dead letter queue back to where they came from.

    As many as are in it at the start: those that fail again meanwhile are left for the next time.

    Yields
    ------
    Moved
        What has come of it, after each batch.
    """
    target = stack.resource(SOURCES[queue])
    sqs, done = stack.connection.client("sqs"), Moved(queue, depth(stack, queue).total)
    for messages in _received(stack, queue, done.found, HIDDEN_SECONDS):
        for taken in send(sqs, target, messages):
            _delete(stack, queue, taken)
            for message in taken:
                done.note(message)
            done.moved += len(taken)
            yield done
    yield done


def empty(stack: Stack) -> Iterator[Moved]:
    """Delete what EventBridge could not deliver: the sweep has made up for all of it."""
    done = Moved(UNDELIVERED, depth(stack, UNDELIVERED).total)
    for messages in _received(stack, UNDELIVERED, done.found, HIDDEN_SECONDS):
        _delete(stack, UNDELIVERED, messages)
        for message in messages:
            done.note(message)
        done.moved += len(messages)
        yield done
    yield done


def _received(stack: Stack, queue: str, limit: int, hidden_seconds: int) -> Iterator[list[Message]]:
    sqs, seen, nothing = stack.connection.client("sqs"), 0, 0
    while seen < limit and nothing < EMPTY_LOOKS:
        told = sqs.receive_message(
            QueueUrl=stack.resource(queue),
            MaxNumberOfMessages=min(10, limit - seen),
            VisibilityTimeout=hidden_seconds,
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        nothing = 0 if told else nothing + 1
        seen += len(told)
        if told:
            yield [
                Message(one["Body"], one["ReceiptHandle"], one.get("MessageAttributes", {})) for one in told
            ]


def _delete(stack: Stack, queue: str, messages: list[Message]) -> None:
    """Delete messages; one that is not comes once more, which changes nothing."""
    entries = [{"Id": str(place), "ReceiptHandle": message.receipt} for place, message in enumerate(messages)]
    if entries:
        stack.connection.client("sqs").delete_message_batch(QueueUrl=stack.resource(queue), Entries=entries)


def describe(body: str) -> tuple[str, str | None]:
    """What kind of message it is, and the file, drop or job that it names."""
    told: Any = read_body(body)
    match told:
        case {"Records": [{"s3": {"object": {"key": str(key)}}}, *_]}:
            found = "S3 notifications", unquote_plus(key)
        case {"drop_id": str(name)}:
            found = "drops to go on with", name
        case {"job": str(name)} | {"source": "aws.sagemaker", "detail": {"TransformJobName": str(name)}}:
            found = "jobs to collect", name
        case {"dispatch": True}:
            return "calls to dispatch", None
        case _:
            found = "of another kind", json.dumps(told)[:80]
    return found
