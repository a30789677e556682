"""Rights that MiniStack does not ask for by itself: of Lambda in a role's name, and by condition keys."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ministack.core import iam_evaluator

from local.hooks.transport import treat_loopback_as_tls
from tests.local.builders import eventually, principal, unique


@contextlib.contextmanager
def denied(aws: Any, *actions: str) -> Iterator[None]:
    """While the toy function's role may not do something."""
    place = {"RoleName": aws.outputs["FunctionRole"], "PolicyName": unique()}
    statement = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_role_policy(**place, PolicyDocument=document)
    try:
        yield
    finally:
        aws.client("iam").delete_role_policy(**place)


def mapping(aws: Any) -> dict[str, Any]:
    (found,) = aws.client("lambda").list_event_source_mappings(FunctionName=aws.outputs["Function"])[
        "EventSourceMappings"
    ]
    return found


def visible(aws: Any) -> int:
    attributes = aws.client("sqs").get_queue_attributes(
        QueueUrl=aws.outputs["Queue"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


@pytest.mark.parametrize("action", ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"])
def test_a_mapping_needs_what_polling_takes(aws: Any, action: str) -> None:
    client, one = aws.client("lambda"), mapping(aws)
    wanted = {"FunctionName": one["FunctionArn"], "EventSourceArn": one["EventSourceArn"], "Enabled": False}

    with denied(aws, f"sqs:{action}"):
        for call, arguments in (
            (client.create_event_source_mapping, wanted),
            (client.update_event_source_mapping, {"UUID": one["UUID"], "BatchSize": one["BatchSize"]}),
        ):
            with pytest.raises(ClientError, match=f"does not have permissions to call {action} on SQS"):
                call(**arguments)

    client.delete_event_source_mapping(UUID=client.create_event_source_mapping(**wanted)["UUID"])


def test_a_stack_cannot_have_a_mapping_that_its_role_does_not_allow(aws: Any) -> None:
    one, name, cloudformation = mapping(aws), unique("stack"), aws.client("cloudformation")
    properties = {"FunctionName": aws.outputs["Function"], "EventSourceArn": one["EventSourceArn"]}
    resource = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}

    with denied(aws, "sqs:ReceiveMessage"):
        cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"M": resource}}))
        events = eventually(
            lambda: [
                event.get("ResourceStatusReason", "")
                for event in cloudformation.describe_stack_events(StackName=name)["StackEvents"]
                if event["ResourceStatus"] == "CREATE_FAILED"
            ]
        )

    assert any("does not have permissions to call ReceiveMessage on SQS" in reason for reason in events)


def test_a_queue_is_not_polled_while_the_functions_role_does_not_allow_it(aws: Any) -> None:
    eventually(lambda: visible(aws) == 0)
    with denied(aws, "sqs:DeleteMessage"):
        aws.client("sqs").send_message(QueueUrl=aws.outputs["Queue"], MessageBody=unique())
        # Longer than the mapping's window, at whose end the message would be gone.
        with pytest.raises(AssertionError, match="did not happen"):
            eventually(lambda: visible(aws) == 0, seconds=1.5)

    eventually(lambda: visible(aws) == 0)


@pytest.mark.parametrize("action", ["logs:CreateLogStream", "logs:PutLogEvents"])
def test_a_function_has_no_log_while_its_role_does_not_allow_it(aws: Any, action: str) -> None:
    logs, invoke = aws.client("logs"), aws.client("lambda").invoke
    group = f"/aws/lambda/{aws.outputs['Function']}"

    def streams() -> int:
        return len(logs.describe_log_streams(logGroupName=group)["logStreams"])

    def run() -> dict[str, Any]:
        return invoke(FunctionName=aws.outputs["Function"], Payload=b"{}")

    run()
    before = streams()
    with denied(aws, action):
        assert "FunctionError" not in run()
    assert streams() == before

    run()
    assert streams() == before + 1


def test_without_a_request_a_delivery_counts_as_sent_over_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a thread that no request has started, such as the schedules'
    for name in ("_request_origin", "pin_request_origin"):
        monkeypatch.setattr(iam_evaluator, name, getattr(iam_evaluator, name))
    seen: list[bool] = []

    def deliver() -> None:
        context = iam_evaluator.EvalContext("arn", "Service", "1" * 12, "sqs:SendMessage", "*", "us-east-1")
        seen.append(context.secure_transport)

    for prepare in (lambda: None, treat_loopback_as_tls):
        prepare()
        thread = threading.Thread(target=deliver)
        thread.start()
        thread.join()

    assert seen == [False, True]


def put_events(client: Any, *sources: str) -> None:
    client.put_events(Entries=[{"Source": source, "DetailType": "any", "Detail": "{}"} for source in sources])


def test_events_are_admitted_by_their_source(aws: Any) -> None:
    condition = {"StringEquals": {"events:source": "mine"}}
    events = principal(aws, {"Action": "events:PutEvents", "Resource": "*", "Condition": condition}).client(
        "events"
    )

    put_events(events, "mine", "mine")
    with pytest.raises(ClientError, match="AccessDenied"):
        put_events(events, "other")


@pytest.fixture
def listening(aws: Any) -> tuple[str, str]:
    """A queue without a policy that a rule sends events to; its URL and the events' source."""
    sqs, events, name = aws.client("sqs"), aws.client("events"), unique("listening")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    return url, name


def admit(aws: Any, url: str, **condition: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnLike": {name.replace("_", ":"): value for name, value in condition.items()}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def test_events_reach_a_queue_only_when_its_policy_admits_them(aws: Any, listening: tuple[str, str]) -> None:
    url, source = listening
    put_events(aws.client("events"), source)
    admit(aws, url, aws_SourceArn="arn:aws:events:*:*:rule/another")
    put_events(aws.client("events"), source)
    assert "Messages" not in aws.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1)

    admit(aws, url, aws_SourceArn=f"arn:aws:events:*:*:rule/{source}")
    put_events(aws.client("events"), source)

    assert len(aws.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]) == 1


@pytest.fixture
def once(aws: Any) -> str:
    """A bucket in which nothing is put without `If-None-Match`."""
    s3, bucket = aws.client("s3"), unique("once")
    s3.create_bucket(Bucket=bucket)
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    return bucket


def test_a_bucket_can_ask_for_conditional_puts(aws: Any, once: str) -> None:
    s3 = principal(aws, {"Action": "s3:*", "Resource": "*"}).client("s3")

    s3.put_object(Bucket=once, Key="a", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=once, Key="b", Body=b"1")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.copy_object(Bucket=once, Key="b", CopySource={"Bucket": once, "Key": "a"})
    s3.put_object_tagging(Bucket=once, Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})


def test_a_bucket_that_asks_for_conditional_puts_lets_uploads_begin_and_end_conditionally(
    aws: Any, once: str
) -> None:
    s3 = principal(aws, {"Action": "s3:*", "Resource": "*"}).client("s3")
    upload = {"Bucket": once, "Key": "c"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"1")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    s3.complete_multipart_upload(**upload, MultipartUpload=parts, IfNoneMatch="*")
