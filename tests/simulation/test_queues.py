"""The simulated queues are as SQS's: messages are hidden while received, die, are delayed, come twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from tests.simulation.queues import MAX_RECEIVES, VISIBILITY, Queue


class Clock:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> Queue:
    return Queue(clock)


def test_a_message_that_is_not_deleted_comes_again_after_its_visibility_timeout(
    queue: Queue, clock: Clock
) -> None:
    queue.send(["a"])

    (message,) = queue.receive()
    assert queue.receive() == []
    clock.now += VISIBILITY
    assert queue.receive() == [message]
    queue.delete(message)
    clock.now += VISIBILITY

    assert queue.receive() == []


def test_a_message_received_in_vain_five_times_is_dead_until_it_is_redriven(
    queue: Queue, clock: Clock
) -> None:
    queue.send(["a"])
    for _ in range(MAX_RECEIVES):
        assert [message.body for message in queue.receive()] == ["a"]
        clock.now += VISIBILITY

    assert (queue.receive(), [message.body for message in queue.dead]) == ([], ["a"])
    queue.redrive(queue.dead[0])

    assert ([message.body for message in queue.receive()], queue.dead) == (["a"], [])


def test_a_delayed_message_is_not_there_before_its_time(queue: Queue, clock: Clock) -> None:
    queue.send(["a"], timedelta(seconds=61))
    assert (list(queue), len(queue.hidden)) == ([], 1)

    clock.now += timedelta(seconds=61)

    assert list(queue) == ["a"]


def test_a_copy_outlives_the_message_that_is_deleted(queue: Queue) -> None:
    queue.send(["a"])
    (message,) = queue.receive()
    queue.copy(message)
    queue.delete(message)

    (again,) = queue.receive()

    assert (again.number, again.body, again.receives) == (message.number, "a", 2)


def test_with_random_numbers_messages_come_in_any_order(clock: Clock) -> None:
    queue = Queue(clock, Random(1))  # noqa: S311 - it makes no secrets
    queue.send([*"abcdefgh"])

    received = [message.body for message in queue.receive()]

    assert received != [*"abcdefgh"]
    assert sorted(received) == [*"abcdefgh"]
