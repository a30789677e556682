"""How Lambda's event source mapping takes batches from a queue."""

from __future__ import annotations

import threading
import time
from typing import Any

from ministack.services import lambda_svc, sqs
from ministack.services.cloudformation import provisioners

Message = dict[str, Any]

MAPPING_TYPE = "AWS::Lambda::EventSourceMapping"

# "Invocation payload … 6 MB" (Lambda quotas); the rest is what Lambda wraps around each message.
PAYLOAD_BYTES = 6 * 1024 * 1024
ENVELOPE_BYTES = 1024
WAKE_MARGIN_SECONDS = 0.01


class BatchingWindow:
    """Since when each queue has had messages waiting for a batch to fill."""

    def __init__(self) -> None:
        self._opened: dict[str, float] = {}

    def is_open(self, queue_url: str, seconds: float, now: float) -> bool:
        """Whether the window still gathers; opens it (and sets its alarm) at the first message."""
        opened = self._opened.get(queue_url)
        if opened is None:
            self._opened[queue_url] = opened = now
            alarm = threading.Timer(seconds + WAKE_MARGIN_SECONDS, lambda_svc._esm_wake.set)
            alarm.daemon = True
            alarm.start()
        return now - opened < seconds

    def close(self, queue_url: str) -> None:
        """Forget the queue's window."""
        self._opened.pop(queue_url, None)


def take_concurrency_from_parameters() -> None:
    """Give Lambda a number where a template takes `MaximumConcurrency` from a parameter, whose value is text.

    CloudFormation does, by the resource type's schema; MiniStack does for `BatchSize`, and with text here its
    poller fails at every turn.
    """
    provision = provisioners._RESOURCE_HANDLERS[MAPPING_TYPE]["create"]

    def numbered(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        scaling = {name: int(value) for name, value in properties.get("ScalingConfig", {}).items()}
        given = {**properties, **({"ScalingConfig": scaling} if scaling else {})}
        resource: tuple[str, dict[str, Any]] = provision(logical_id, given, stack_name)
        return resource

    provisioners._RESOURCE_HANDLERS[MAPPING_TYPE]["create"] = numbered


def batch_like_lambda() -> None:
    """Honour ``BatchSize`` above 10 and ``MaximumBatchingWindowInSeconds``.

    MiniStack caps a batch at 10 messages and never waits, so 300 files would come as 30 invocations. A
    batch ends when it is full, its window is over, or its payload reaches 6 MB. Unlike on AWS, where up to
    five pollers fill batches of their own, one batch fills at a time.
    """
    window = BatchingWindow()

    def receive(queue_url: str, max_number: int) -> list[Message]:
        now = time.time()
        with sqs._queues_lock:
            queue = sqs._get_q(queue_url)
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            visible = [message for message in queue["messages"] if message.get("visible_at", 0) <= now]
            if not visible:
                window.close(queue_url)
                return []
            count = _fitting(visible, int(max_number or 1))
            seconds = _window_seconds(queue["attributes"]["QueueArn"])
            is_full = count < len(visible) or count == max_number
            if seconds and not is_full and window.is_open(queue_url, seconds, now):
                return []
            window.close(queue_url)
            timeout = int(queue["attributes"].get("VisibilityTimeout", "30"))
            batch: list[Message] = sqs._collect_msgs(queue, count, timeout)
            return batch

    sqs._receive_messages_for_esm = receive


def _fitting(messages: list[Message], most: int) -> int:
    """How many of the messages one invocation may carry; at least one."""
    size = 0
    for count, message in enumerate(messages[:most]):
        size += len(message["body"].encode()) + ENVELOPE_BYTES
        if size > PAYLOAD_BYTES:
            return max(count, 1)
    return min(most, len(messages))


def _window_seconds(queue_arn: str) -> float:
    for _, _, mapping in lambda_svc._iter_all_esms():
        if mapping.get("EventSourceArn") == queue_arn:
            return float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
    return 0.0
