"""Threads that work ahead: the same results in the same order, the first error, nothing left at the end."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest

from dropscore.domain.errors import ContentError
from dropscore.files import threads as module
from dropscore.files.threads import Threads

PATIENCE = 10


@dataclass(frozen=True)
class Item:
    number: int
    nbytes: int = 1


def items(count, nbytes=1):
    return [Item(number, nbytes) for number in range(count)]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_results_come_in_the_items_order(count):
    with Threads() as threads:
        numbers = threads.in_order(lambda item: item.number, threads.ahead(items(count)), threads=4)
        assert list(numbers) == [*range(count)]


def test_items_are_worked_on_at_the_same_time():
    together = threading.Barrier(2, timeout=PATIENCE)
    with Threads() as threads:
        assert len(list(threads.in_order(lambda _: together.wait(), items(4), threads=2))) == 4


def test_the_next_item_is_made_while_one_is_worked_on():
    made = threading.Event()

    def making():
        yield Item(0)
        made.set()
        yield Item(1)

    with Threads() as threads:
        coming = threads.ahead(making())
        next(coming)
        assert made.wait(PATIENCE)
        assert next(coming) == Item(1)


def most_at_once(nbytes, thread_count=2):
    """The most items that are under way: taken, and their results not asked for."""
    taken = under_way = 0

    def taking():
        nonlocal taken, under_way
        for item in items(20, nbytes):
            taken += 1
            under_way = max(under_way, taken - given)
            yield item

    given = 0
    with Threads() as threads:
        for _ in threads.in_order(lambda item: item, taking(), threads=thread_count):
            given += 1
    return under_way


def test_what_is_under_way_is_bounded_by_the_threads_and_by_its_size():
    assert most_at_once(1) == 2 + 2  # one each, one that waits, and one that is asked for
    assert most_at_once(module.IN_FLIGHT_BYTES // 2) == 2 + 1
    assert most_at_once(module.IN_FLIGHT_BYTES * 2) == 1 + 1


@pytest.fixture
def waiting(monkeypatch):
    """Set once something waits for room."""
    event = threading.Event()

    class Room(module._Room):
        def take(self, size):
            if self._taken and self._taken + size > self._size:
                event.set()
            super().take(size)

    monkeypatch.setattr(module, "_Room", Room)
    return event


def test_no_more_is_made_ahead_than_there_is_room_for(waiting):
    made = []

    def making():
        for item in items(6, module.AHEAD_BYTES // 2):
            made.append(item)
            yield item

    with Threads() as threads:
        coming = threads.ahead(making())
        next(coming)
        assert waiting.wait(PATIENCE)
        assert len(made) <= 4  # one is given out, two fill the room, one waits for some
        assert len(list(coming)) == 5


def test_an_item_without_end_is_let_through_alone():
    with Threads() as threads:
        assert len(list(threads.ahead(items(5, module.AHEAD_BYTES * 9)))) == 5


def failing_at(number):
    def work(item):
        if item.number == number:
            raise ContentError(f"item {item.number}")
        return item.number

    return work


def test_the_first_error_is_raised_as_it_is_after_the_results_before_it():
    results = []
    with pytest.raises(ContentError, match="item 3"), Threads() as threads:  # noqa: PT012
        for result in threads.in_order(failing_at(3), items(100), threads=2):
            results.append(result)  # noqa: PERF402
    assert results == [0, 1, 2]


def test_an_error_of_who_makes_the_items_comes_through_every_stage():
    def making():
        yield from items(5)
        raise ContentError("the file is damaged")

    results = []
    with pytest.raises(ContentError, match="the file is damaged"), Threads() as threads:  # noqa: PT012
        stage = threads.in_order(lambda item: item, threads.ahead(making()))
        for result in threads.in_order(lambda item: item.number, stage):
            results.append(result)  # noqa: PERF402
    assert results == [0, 1, 2, 3, 4][: len(results)]


def test_who_stops_early_leaves_no_thread_even_one_that_waits_for_room(waiting):
    with Threads() as threads:
        next(threads.ahead(items(100, module.AHEAD_BYTES)))
        assert waiting.wait(PATIENCE)


def test_after_an_error_nothing_new_is_begun():
    begun = []

    def work(item):
        begun.append(item.number)
        raise ContentError("no")

    with pytest.raises(ContentError), Threads() as threads:
        list(threads.in_order(work, items(1000), threads=2))
    assert len(begun) <= 4
