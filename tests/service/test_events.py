"""EventBridge: of events in several requests, those that were refused; the rest is in tests/contract."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from dropscore.aws.events import MAX_BYTES, Events
from tests.simulation.world import EventBus


class Refusing:
    """An EventBridge client that refuses the events with some numbers."""

    def __init__(self, refused):
        self.refused = refused
        self.batches = []

    def put_events(self, Entries):  # noqa: N803 - boto3's name
        self.batches.append(len(Entries))
        numbers = [json.loads(entry["Detail"])["number"] for entry in Entries]
        return {
            "Entries": [
                {"ErrorCode": "ThrottlingException"} if n in self.refused else {"EventId": str(n)}
                for n in numbers
            ]
        }


def test_of_many_events_those_that_were_refused_are_named():
    client = Refusing({3, 10, 22})
    taken = Events(client).put([("Drop Failed", {"number": n}) for n in range(23)])
    assert client.batches == [10, 10, 3]
    assert [n for n, ok in enumerate(taken) if not ok] == [3, 10, 22]


class Counting(EventBus):
    """EventBridge's client, which counts the requests and raises `error` for those that hold `bad`."""

    def __init__(self, error=None, bad=""):
        super().__init__()
        self.error, self.bad, self.requests = error, bad, []

    def put_events(self, Entries):  # noqa: N803 - boto3's name
        self.requests.append(len(Entries))
        if self.error and any(self.bad in entry["Detail"] for entry in Entries):
            raise self.error
        return super().put_events(Entries)


def refusal(code, status=400):
    said = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "PutEvents")


def told(*texts):
    return [("Drop Rejected", {"reason": text}) for text in texts]


@pytest.mark.parametrize("letter", ["x", "\0", "é", "\U0001f600"])
def test_a_request_stays_under_the_size_that_eventbridge_takes(letter):
    """EventBus refuses 256 KB, as PutEvents does; a character is sent as twelve bytes at most."""
    client = Counting()
    events = told(*(letter * 5_000 for _ in range(23)))
    assert Events(client).put(events) == [True] * 23
    assert client.told == events


def test_requests_are_as_few_as_their_size_allows():
    client = Counting()
    beside = len("dropscore") + len("Drop Rejected") + len(json.dumps({"reason": ""}))
    half = "x" * (MAX_BYTES // 2 - beside)
    assert Events(client).put(told(half, half, "x", half, half + "xx", half)) == [True] * 6
    assert client.requests == [2, 2, 1, 1]


def test_an_event_that_is_refused_keeps_no_other_from_being_put():
    client = Counting(refusal("ValidationException"), bad="bad")
    assert Events(client).put(told("a", "b", "bad", *"cdefghijkl")) == [True] * 2 + [False] + [True] * 10
    assert client.told == told(*"abcdefghijkl")


def test_an_event_that_is_too_large_by_itself_keeps_no_other_from_being_put():
    client = Counting()
    assert Events(client).put(told("a", "x" * MAX_BYTES, "b")) == [True, False, True]
    assert client.told == told("a", "b")


@pytest.mark.parametrize(
    ("error", "operator_needed"),
    [
        (refusal("ThrottlingException"), False),
        (refusal("InternalException", 500), False),
        (EndpointConnectionError(endpoint_url="events"), False),
        (refusal("AccessDeniedException"), True),
    ],
)
def test_a_service_that_does_not_answer_or_denies_access_is_asked_once(error, operator_needed, caplog):
    client = Counting(error)
    assert Events(client).put(told(*"abcdefghijkl")) == [False] * 12
    assert client.requests == [10]
    assert [record.operator_needed for record in caplog.records] == [operator_needed]


def test_what_was_put_before_the_service_became_busy_is_taken():
    client = Counting(refusal("ThrottlingException"), bad="bad")
    assert Events(client).put(told(*"abcdefghij", "bad", "k")) == [True] * 10 + [False] * 2
