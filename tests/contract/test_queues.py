"""The two queues: every message arrives, once sent, as the doors understand it.

This is what sending promises. What SQS does with a message afterwards - visibility timeout, receive count,
dead letters, delivery at least once - is the queue model's own, and its contract belongs here as well:
`in_memory.MemoryQueues` is the one place that knows how the simulated world keeps its messages.
"""

from __future__ import annotations

import json

import pytest

from dropscore.domain.messages import (
    CollectPart,
    DispatchNow,
    JobEnded,
    Resume,
    collect_request,
    prepare_requests,
    read_body,
)
from tests.local.builders import eventually


@pytest.fixture
def queues(side):
    return side.queues()


def prepare_is_asked(queues):
    """What the messages that can be seen ask of prepare."""
    bodies = queues.received("inbox")
    return sorted((one for body in bodies for one in prepare_requests(read_body(body))), key=str)


def collect_is_asked(queues):
    """What the messages that can be seen ask of collect."""
    return sorted((collect_request(read_body(body)) for body in queues.received("collect")), key=str)


def part(number, name_length=20):
    """A part of 25 drops with three outputs each."""
    outputs = {f"{n:020x}": ["x" * name_length + f"-{shard}" for shard in range(3)] for n in range(25)}
    return CollectPart("dropscore-ab", number, outputs)


@pytest.mark.parametrize("number", [0, 1, 10, 11, 23])
def test_drops_to_resume_are_messages_to_prepare_each_of_its_own(queues, number):
    drop_ids = [f"{n:020x}" for n in range(number)]
    queues.adapter.resume(drop_id for drop_id in drop_ids)
    assert prepare_is_asked(queues) == [Resume(drop_id) for drop_id in drop_ids]
    assert collect_is_asked(queues) == []


@pytest.mark.parametrize("number", [0, 1, 11])
def test_jobs_to_collect_are_messages_to_collect(queues, number):
    jobs = [f"dropscore-{n:02d}" for n in range(number)]
    queues.adapter.collect_jobs(job for job in jobs)
    assert collect_is_asked(queues) == [JobEnded(job) for job in jobs]
    assert prepare_is_asked(queues) == []


def test_parts_to_collect_are_messages_to_collect_with_all_their_outputs(queues):
    parts = [part(0), part(1), CollectPart("dropscore-ab", 2, {"ab": [], "cd": ["ü/cd.csv.out"]})]
    queues.adapter.collect_parts(one for one in parts)
    assert collect_is_asked(queues) == parts


def test_parts_that_are_together_too_large_for_one_request_all_arrive(queues):
    """SendMessageBatch takes 1 MiB in all (API reference); these are 1.6."""
    parts = [part(number, name_length=2_000) for number in range(10)]
    assert sum(len(json.dumps(one.body())) for one in parts) > 1_048_576
    queues.adapter.collect_parts(parts)
    assert collect_is_asked(queues) == parts


@pytest.mark.parametrize(
    "body", ['{"Records": [{"eventSource": "aws:s3", "n": 1.0}]}', '{ "drop_id":"ü"}', "x"]
)
def test_a_message_that_is_handed_back_is_the_same_to_the_letter(queues, body):
    queues.adapter.hand_back_to_prepare([body])
    assert queues.received("inbox") == [body]


def test_many_messages_are_handed_back_at_once(queues):
    bodies = [str(number) for number in range(23)]
    queues.adapter.hand_back_to_prepare(bodies)
    assert sorted(queues.received("inbox"), key=int) == bodies


@pytest.mark.parametrize("delay", [0, -5])
def test_dispatch_without_a_delay_can_be_seen_at_once(queues, delay):
    queues.adapter.dispatch(delay)
    assert prepare_is_asked(queues) == [DispatchNow()]


@pytest.mark.parametrize("delay", [30, 899.5, 900, 86_400])
def test_dispatch_with_a_delay_is_taken_and_cannot_be_seen_yet(queues, delay):
    """One of more than 900 s comes sooner, SQS allows no more (SendMessage, API reference): tests/service."""
    queues.adapter.dispatch(delay)
    assert prepare_is_asked(queues) == []


def test_dispatch_with_a_delay_can_be_seen_once_it_is_over(queues):
    queues.adapter.dispatch(1)
    assert eventually(lambda: prepare_is_asked(queues)) == [DispatchNow()]


def test_a_delayed_message_holds_no_other_back(queues):
    queues.adapter.dispatch(30)
    queues.adapter.resume(["ab"])
    assert prepare_is_asked(queues) == [Resume("ab")]
