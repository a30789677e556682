"""The queues: as few batches as SQS takes, and no message lost in silence; the rest is in tests/contract."""

from __future__ import annotations

import json

import pytest

from dropscore.aws.queues import MAX_DELAY_SECONDS, Queues
from dropscore.domain.errors import ServiceBusy
from dropscore.domain.messages import CollectPart
from tests.service.builders import stubbed

URLS = ("https://sqs/inbox", "https://sqs/collect")


class Recording:
    """An SQS client that keeps the batches it is sent."""

    def __init__(self):
        self.batches = []

    def send_message_batch(self, **request):
        self.batches.append([entry["MessageBody"] for entry in request["Entries"]])
        assert len({entry["Id"] for entry in request["Entries"]}) == len(request["Entries"])
        return {}


@pytest.mark.parametrize(
    ("number", "batches"), [(0, []), (1, [1]), (10, [10]), (11, [10, 1]), (30, [10, 10, 10])]
)
def test_ten_messages_go_in_one_batch(number, batches):
    client = Recording()
    Queues(client, *URLS).resume(str(n) for n in range(number))
    assert [len(batch) for batch in client.batches] == batches
    assert [json.loads(body)["drop_id"] for batch in client.batches for body in batch] == [
        *map(str, range(number))
    ]


def test_a_batch_stays_under_the_size_that_sqs_takes():
    client = Recording()
    outputs = {f"{n:020x}": ["x" * 1_000 + f"-{shard}" for shard in range(3)] for n in range(25)}
    Queues(client, *URLS).collect_parts(CollectPart("j", n, outputs) for n in range(7))
    sizes = [sum(len(body.encode()) for body in batch) for batch in client.batches]
    assert max(sizes) <= 262_144
    assert sum(map(len, client.batches)) == 7


@pytest.mark.parametrize(
    ("wanted", "delay"), [(0, 0), (1.9, 1), (-5, 0), (61.0, 61), (1e9, MAX_DELAY_SECONDS), (900, 900)]
)
def test_a_dispatch_comes_after_a_while_that_sqs_allows(wanted, delay):
    with stubbed("sqs") as (client, stubber):
        request = {"QueueUrl": URLS[0], "MessageBody": '{"dispatch": true}', "DelaySeconds": delay}
        stubber.add_response("send_message", {}, request)
        Queues(client, *URLS).dispatch(wanted)


def test_a_message_that_sqs_refuses_is_not_lost_in_silence():
    with stubbed("sqs") as (client, stubber):
        failed = {"Id": "1", "SenderFault": False, "Code": "InternalError", "Message": "try again"}
        sent = {"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x" * 32}
        stubber.add_response("send_message_batch", {"Successful": [sent], "Failed": [failed]})
        with pytest.raises(ServiceBusy, match="SQS refused 1 of 2 messages: try again"):
            Queues(client, *URLS).resume(["a", "b"])
