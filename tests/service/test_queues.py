"""The queues: messages in as few batches as SQS takes, and none lost in silence."""

from __future__ import annotations

import json

import pytest

from dropscore.aws.queues import MAX_DELAY_SECONDS, Queues
from dropscore.domain.errors import ServiceBusy
from dropscore.domain.messages import CollectPart, JobEnded, Resume, collect_request, prepare_requests
from tests.service.builders import stubbed

URLS = ("https://sqs/inbox", "https://sqs/collect")


@pytest.fixture
def sqs(clients):
    return clients["sqs"]


@pytest.fixture
def queues(sqs):
    return Queues(sqs, *(sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("inbox", "collect")))


def received(sqs, name):
    """The bodies of all messages that lie in a queue."""
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    bodies = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [json.loads(message["Body"]) for message in messages]
    return bodies


class Recording:
    """An SQS client that keeps the batches it is sent."""

    def __init__(self):
        self.batches = []

    def send_message_batch(self, **request):
        self.batches.append([entry["MessageBody"] for entry in request["Entries"]])
        assert len({entry["Id"] for entry in request["Entries"]}) == len(request["Entries"])
        return {}


def test_drops_to_resume_are_messages_that_prepare_understands(sqs, queues):
    queues.resume(f"{number:020x}" for number in range(23))
    requests = [request for body in received(sqs, "inbox") for request in prepare_requests(body)]
    assert sorted(requests, key=str) == [Resume(f"{number:020x}") for number in range(23)]
    assert received(sqs, "collect") == []


def test_jobs_and_parts_are_messages_that_collect_understands(sqs, queues):
    part = CollectPart("j", 2, {"ab": ["ab-1-00000.csv.out"]})
    queues.collect_jobs(["j"])
    queues.collect_parts([part])
    assert [collect_request(body) for body in received(sqs, "collect")] == [JobEnded("j"), part]


def test_a_message_that_is_handed_back_is_the_same(sqs, queues):
    queues.hand_back_to_prepare('{"Records": []}')
    assert received(sqs, "inbox") == [{"Records": []}]


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
