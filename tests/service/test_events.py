"""EventBridge: events in batches, and for each whether it was taken."""

from __future__ import annotations

import json

from dropscore.aws.events import Events
from tests.service.builders import stubbed


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


def test_an_event_is_put_as_ours_with_its_detail():
    with stubbed("events") as (client, stubber):
        entry = {
            "Source": "dropscore",
            "DetailType": "Drop Scored",
            "Detail": '{"drop_id": "ab", "reason": null}',
        }
        stubber.add_response("put_events", {"Entries": [{"EventId": "1"}]}, {"Entries": [entry]})
        assert Events(client).put([("Drop Scored", {"drop_id": "ab", "reason": None})]) == [True]


def test_of_many_events_those_that_were_refused_are_named():
    client = Refusing({3, 10, 22})
    taken = Events(client).put([("Drop Failed", {"number": n}) for n in range(23)])
    assert client.batches == [10, 10, 3]
    assert [n for n, ok in enumerate(taken) if not ok] == [3, 10, 22]


def test_no_events_are_no_call():
    assert Events(Refusing(())).put([]) == []
