"""EventBridge: of events in several batches, those that were refused; the rest is in tests/contract."""

from __future__ import annotations

import json

from dropscore.aws.events import Events


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
