"""SQS as it behaves: messages come at least once, in any order, hidden while received, dead after 5 times."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, MutableSequence, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from dropscore.aws.queues import MAX_DELAY_SECONDS
from dropscore.domain.messages import CollectPart

VISIBILITY = timedelta(seconds=2160)
MAX_RECEIVES = 5
"""The queues' VisibilityTimeout and maxReceiveCount (template.yaml)."""

_AT_ONCE = 10
"""Messages of a SendMessageBatch (API reference)."""

_MOST_BYTES = 200_000
"""Of each message (the design, "When things go another way")."""


@dataclass(eq=False)
class Message:
    """A message, or one of its copies: SQS keeps several, and may hand out each."""

    number: int
    body: str
    visible_at: datetime
    receives: int = 0


class Queue(MutableSequence[str]):
    """A queue with its dead letter queue; as a sequence, the bodies of the messages that can be received now.

    Messages come in the order they were sent, or with `rng` in any.
    """

    def __init__(self, clock: Callable[[], datetime], rng: Random | None = None) -> None:
        self.messages: list[Message] = []
        self.dead: list[Message] = []
        self._clock = clock
        self._rng = rng
        self._numbers = itertools.count()

    def send(self, bodies: Sequence[str], delay: timedelta = timedelta()) -> None:
        at = self._clock() + delay
        self.messages += [Message(next(self._numbers), body, at) for body in bodies]

    def receive(self, most: int | None = None) -> list[Message]:
        """Hand out messages, which are hidden then; those that were received too often are dead instead."""
        found = self.visible
        if self._rng:
            self._rng.shuffle(found)
        received = []
        for message in found[:most]:
            if message.receives >= MAX_RECEIVES:
                self.messages.remove(message)
                self.dead.append(message)
                continue
            message.receives += 1
            message.visible_at = self._clock() + VISIBILITY
            received.append(message)
        return received

    def copy(self, message: Message) -> None:
        """Have the message once more: one of SQS's servers does not hear that it is hidden or deleted."""
        self.messages.append(replace(message, visible_at=self._clock()))

    def receive_again(self, message: Message) -> Message:
        """Hand out a message that another function has."""
        hidden = self._clock() + VISIBILITY
        copy = replace(message, visible_at=hidden, receives=message.receives + 1)
        self.messages.append(copy)
        return copy

    def delete(self, message: Message) -> None:
        self.messages.remove(message)

    def redrive(self, message: Message) -> None:
        """The operator has a dead message go through the queue again."""
        self.dead.remove(message)
        self.messages.append(replace(message, visible_at=self._clock(), receives=0))

    @property
    def visible(self) -> list[Message]:
        now = self._clock()
        return [message for message in self.messages if message.visible_at <= now]

    @property
    def hidden(self) -> list[Message]:
        """The messages that are delayed, or received and not deleted."""
        now = self._clock()
        return [message for message in self.messages if message.visible_at > now]

    def insert(self, index: int, value: str) -> None:
        self.messages.insert(index, Message(next(self._numbers), value, self._clock()))

    def __getitem__(self, index):
        found = self.visible[index]
        return [message.body for message in found] if isinstance(index, slice) else found.body

    def __setitem__(self, index, value) -> None:
        self.visible[index].body = value

    def __delitem__(self, index) -> None:
        found = self.visible[index]
        for message in found if isinstance(index, slice) else [found]:
            self.messages.remove(message)

    def __len__(self) -> int:
        return len(self.visible)


@dataclass(eq=False)
class Queues:
    """`dropscore.aws.queues.Queues` over the two queues."""

    clock: Callable[[], datetime]
    rng: Random | None = None

    def __post_init__(self) -> None:
        self.inbox = Queue(self.clock, self.rng)
        self.collect = Queue(self.clock, self.rng)

    @property
    def both(self) -> tuple[Queue, Queue]:
        return self.inbox, self.collect

    def resume(self, drop_ids: Iterable[str]) -> None:
        _send(self.inbox, [json.dumps({"drop_id": drop_id}) for drop_id in drop_ids])

    def dispatch(self, delay_seconds: float) -> None:
        delay = timedelta(seconds=int(min(max(0, delay_seconds), MAX_DELAY_SECONDS)))
        self.inbox.send(['{"dispatch": true}'], delay)

    def hand_back_to_prepare(self, bodies: Iterable[str]) -> None:
        _send(self.inbox, [*bodies])

    def collect_jobs(self, jobs: Iterable[str]) -> None:
        _send(self.collect, [json.dumps({"job": job}) for job in jobs])

    def collect_parts(self, parts: Iterable[CollectPart]) -> None:
        _send(self.collect, [json.dumps(part.body()) for part in parts])


def _send(queue: Queue, bodies: Sequence[str]) -> None:
    assert all(len(body.encode()) <= _MOST_BYTES for body in bodies), "a message is too large"
    for batch in itertools.batched(bodies, _AT_ONCE):
        queue.send(batch)
