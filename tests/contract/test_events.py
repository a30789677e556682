"""EventBridge: each event arrives as it was put, and each that does not is named.

Not here: an event that is too large or no JSON object, which EventBridge refuses and the embedded one takes;
that the whole call fails, which the unruly world brings about of its own accord.
"""

from __future__ import annotations

import pytest


@pytest.fixture
def events(side):
    return side.events()


def told(*numbers):
    return [("Drop Scored", {"number": number, "reason": None, "key": "ü"}) for number in numbers]


def by_number(events):
    return sorted(events, key=lambda event: event[1]["number"])


@pytest.mark.parametrize("number", [1, 10, 11, 23])
def test_all_events_are_taken_and_arrive(events, number):
    assert events.adapter.put(told(*range(number))) == [True] * number
    assert by_number(events.told(number)) == told(*range(number))


def test_no_events_are_none_taken(events):
    assert events.adapter.put([]) == []


def test_an_event_has_a_kind_and_its_detail(events):
    detail = {"drop_id": "ab", "rows_in": 3, "model_version": None}
    assert events.adapter.put([("Drop Rejected", detail)]) == [True]
    assert events.told(1) == [("Drop Rejected", detail)]


def test_events_that_are_refused_are_named_and_the_others_arrive(events):
    events.refuse_next(2)
    assert events.adapter.put(told(*range(12))) == [False] * 2 + [True] * 10
    assert by_number(events.told(10)) == told(*range(2, 12))


def test_an_event_that_was_refused_can_be_put_again(events):
    events.refuse_next(1)
    assert events.adapter.put(told(1)) == [False]
    assert events.adapter.put(told(1)) == [True]
    assert events.told(1) == told(1)
