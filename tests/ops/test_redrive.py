"""Dead letters go back, and none is lost whenever it is cut off."""

from __future__ import annotations

import json

import pytest

from ops.redrive import describe, empty, look, redrive

NOTIFICATION = {"Records": [{"eventSource": "aws:s3", "s3": {"object": {"key": "a+b%2B.parquet"}}}]}


def last(steps):
    *_, done = steps
    return done


def test_messages_go_back_as_they_were(world):
    bodies = [json.dumps({"drop_id": f"{number:020x}"}) for number in range(23)]
    world.send("InboxDlq", NOTIFICATION, *bodies)

    done = last(redrive(world.stack, "InboxDlq"))

    assert (done.found, done.moved) == (24, 24)
    assert done.kinds == {"S3 notifications": 1, "drops to go on with": 23}
    assert sorted(world.bodies("InboxQueue")) == sorted([json.dumps(NOTIFICATION), *bodies])
    assert world.bodies("InboxDlq") == []


def test_each_dead_letter_queue_has_its_own_source(world):
    world.send("CollectDlq", {"job": "dropscore-x"})

    last(redrive(world.stack, "CollectDlq"))

    assert world.bodies("CollectQueue") == ['{"job": "dropscore-x"}']


def test_an_empty_queue_is_nothing_to_do(world):
    assert last(redrive(world.stack, "InboxDlq")).moved == 0


class CutOff:
    """SQS, until a call is cut off."""

    def __init__(self, client, at):
        self._client = client
        self._at = at

    def __getattr__(self, name):
        if name == self._at:
            raise KeyboardInterrupt
        return getattr(self._client, name)


@pytest.mark.parametrize("at", ["send_message_batch", "delete_message_batch"])
def test_cut_off_at_any_call_no_message_is_lost(world, at):
    world.send("InboxDlq", NOTIFICATION)
    stack = world.with_clients(sqs=CutOff(world.client("sqs"), at), cloudwatch=world.client("cloudwatch"))
    with pytest.raises(KeyboardInterrupt):
        last(redrive(stack, "InboxDlq"))

    left = world.client("sqs").get_queue_attributes(
        QueueUrl=world.stack.resource("InboxDlq"), AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
    )
    assert left["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert len(world.bodies("InboxQueue")) == (1 if at == "delete_message_batch" else 0)


class RefusingOne:
    """SQS, which refuses one message of a batch."""

    def __init__(self, client):
        self._client = client
        self.deleted = 0

    def send_message_batch(self, QueueUrl, Entries):  # noqa: N803 - boto3's names
        self._client.send_message_batch(QueueUrl=QueueUrl, Entries=Entries[1:])
        return {"Failed": [{"Id": Entries[0]["Id"], "Code": "InternalError"}]}

    def delete_message_batch(self, QueueUrl, Entries):  # noqa: N803 - boto3's names
        self.deleted += len(Entries)
        return self._client.delete_message_batch(QueueUrl=QueueUrl, Entries=Entries)

    def __getattr__(self, name):
        return getattr(self._client, name)


def test_a_message_that_was_not_taken_is_not_deleted(world):
    world.send("InboxDlq", *[{"drop_id": f"{number}"} for number in range(3)])
    sqs = RefusingOne(world.client("sqs"))

    with pytest.raises(Exception, match="SQS refused 1 of"):
        last(redrive(world.with_clients(sqs=sqs), "InboxDlq"))

    assert sqs.deleted == len(world.bodies("InboxQueue")) == 2


def test_a_look_takes_nothing_out(world):
    world.send("InboxDlq", NOTIFICATION, {"dispatch": True})

    found = look(world.stack, "InboxDlq")

    assert (found.found, found.moved, found.names) == (2, 0, ["a b+.parquet"])
    assert found.kinds == {"S3 notifications": 1, "calls to dispatch": 1}
    left = world.client("sqs").get_queue_attributes(
        QueueUrl=world.stack.resource("InboxDlq"), AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
    )
    assert left["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "2"


def test_what_could_not_be_delivered_is_deleted_when_that_is_asked_for(world):
    world.send("UndeliveredDlq", {"source": "aws.events"}, "no JSON")

    assert last(empty(world.stack)).moved == 2
    assert world.bodies("UndeliveredDlq") == []


@pytest.mark.parametrize(
    ("body", "kind", "name"),
    [
        ('{"source": "aws.sagemaker", "detail": {"TransformJobName": "j"}}', "jobs to collect", "j"),
        ('{"job": "j"}', "jobs to collect", "j"),
        ('{"job": "j", "part": 1, "drops": {}}', "jobs to collect", "j"),
        ("plain", "of another kind", '"plain"'),
    ],
)
def test_messages_are_told_by_what_they_ask_for(body, kind, name):
    assert describe(body) == (kind, name)
