"""Files that arrive, and the notifications of some that are told twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from tests.chaos.files import File
from tests.flow.flow import Flow, wait_for

SHARE_TOLD_TWICE = 0.1


class Arrivals:
    """Drops files over a while; S3's own notifications of some come late, and twice.

    Attributes
    ----------
    dropped
        The files by the id of their drop.
    told_twice
        How many notifications were sent twice.
    """

    def __init__(self, flow: Flow, files: Sequence[File], rng: Random) -> None:
        self._flow = flow
        self._queue = flow.stack.outputs["InboxQueueUrl"]
        self.dropped: dict[str, File] = {}
        twice = set(rng.sample(range(len(files)), round(len(files) * SHARE_TOLD_TWICE)))
        bodies = self._put_unheard([files[place] for place in sorted(twice)])
        self.told_twice = len(bodies)
        self._acts: list[Callable[[], None]] = [partial(self._tell, body) for body in bodies * 2]
        self._acts += [partial(self._put, file) for place, file in enumerate(files) if place not in twice]
        rng.shuffle(self._acts)

    def come(self, seconds: float) -> None:
        """Let everything arrive, evenly over so many seconds."""
        began = time.monotonic()
        for number, act in enumerate(self._acts):
            time.sleep(max(0.0, began + seconds * number / len(self._acts) - time.monotonic()))
            act()

    def _put(self, file: File) -> None:
        self.dropped[self._flow.put(file.key, file.body)] = file

    def _tell(self, body: str) -> None:
        self._flow.sqs.send_message(QueueUrl=self._queue, MessageBody=body)

    def _put_unheard(self, files: list[File]) -> list[str]:
        """Drop files that the functions do not hear of; what S3 has told the queue, which forgets it."""
        client = self._flow.stack.client("lambda")
        (mapping,) = [
            mapping["UUID"]
            for mapping in client.list_event_source_mappings()["EventSourceMappings"]
            if "InboxQueue" in mapping["EventSourceArn"]
        ]
        client.update_event_source_mapping(UUID=mapping, Enabled=False)
        for file in files:
            self._put(file)
        bodies: list[str] = []

        def all_heard() -> bool:
            bodies.extend(self._take())
            return len(bodies) >= len(files)

        wait_for(all_heard, lambda: f"{len(bodies)} of {len(files)} notifications", limit=20)
        client.update_event_source_mapping(UUID=mapping, Enabled=True)
        return bodies

    def _take(self) -> list[str]:
        """The notifications that are in the queue, taken from it; S3's test event is none."""
        answer = self._flow.sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
        messages = answer.get("Messages", [])
        for message in messages:
            self._flow.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages if "Records" in json.loads(message["Body"])]
