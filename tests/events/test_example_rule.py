"""docs/examples/on-drop-scored.yaml, deployed beside Dropscore: files are dropped, and it gets the events."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint.api import lint_file

from tests.events.schemas import delivered, faults, fenced
from tests.flow.flow import Flow, parquet

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "on-drop-scored.yaml"
LIMIT_SECONDS = 240


@contextmanager
def deployed_example(flow: Flow, **parameters: str) -> Iterator[dict[str, str]]:
    """The outputs of the example's stack."""
    cloudformation = flow.stack.client("cloudformation")
    given = {"InboxBucketName": flow.inbox, **parameters}
    cloudformation.create_stack(
        StackName="example",
        TemplateBody=EXAMPLE.read_text(),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
    )
    waits = {"Delay": 1, "MaxAttempts": LIMIT_SECONDS}
    cloudformation.get_waiter("stack_create_complete").wait(StackName="example", WaiterConfig=waits)
    (stack,) = cloudformation.describe_stacks(StackName="example")["Stacks"]
    try:
        yield {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    finally:
        cloudformation.delete_stack(StackName="example")
        cloudformation.get_waiter("stack_delete_complete").wait(StackName="example", WaiterConfig=waits)


def received(flow: Flow, url: str, last: str) -> list[dict[str, Any]]:
    """The events in a queue, once the one about a drop is there."""
    events: list[dict[str, Any]] = []
    until = time.monotonic() + LIMIT_SECONDS
    while last not in {event["detail"]["drop_id"] for event in events}:
        assert time.monotonic() < until, f"no event about {last}, but {events}"
        answer = flow.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2, MaxNumberOfMessages=10)
        events += [json.loads(message["Body"]) for message in answer.get("Messages", [])]
    return events


def pattern(flow: Flow) -> str:
    """The example's rule, as EventBridge has it."""
    (rule,) = flow.stack.client("events").list_rules(NamePrefix="example")["Rules"]
    return rule["EventPattern"]


def matches(flow: Flow, detail: dict[str, Any]) -> bool:
    event = json.dumps(delivered("Drop Scored", detail))
    answer = flow.stack.client("events").test_event_pattern(EventPattern=pattern(flow), Event=event)
    return answer["Result"]


def test_the_linter_has_nothing_to_say_of_it() -> None:
    assert [str(match) for match in lint_file(EXAMPLE)] == []


def test_a_scored_file_comes_out_of_its_queue_as_the_schema_says(flow: Flow) -> None:
    with deployed_example(flow) as outputs:
        bad = flow.put("bad.parquet", b"?")
        flow.wait(bad)
        good = flow.put("good/sensor_id=422/a b.parquet", parquet(3))
        (drop,) = flow.wait(good)

        (event,) = received(flow, outputs["QueueUrl"], good)

        counts = flow.sqs.get_queue_attributes(
            QueueUrl=outputs["DeadLetterQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
        )
    assert faults(event) == []
    assert (event["detail"]["source_key"], event["detail"]["rows_scored"]) == (drop.source.key, 3)
    assert flow.read(event["detail"]["result_uri"]).startswith(b"PAR1")
    assert counts["Attributes"]["ApproximateNumberOfMessages"] == "0"


def test_with_a_prefix_and_a_version_the_others_stay_outside(flow: Flow) -> None:
    version = flow.model.version.number
    with deployed_example(flow, KeyPrefix="yes/", ModelVersion=str(version)) as outputs:
        outside, inside = flow.put("no/a.parquet", parquet(2)), flow.put("yes/a.parquet", parquet(2))
        flow.wait(outside, inside)

        (event,) = received(flow, outputs["QueueUrl"], inside)

        mine = event["detail"]
        arn = mine["model_package_arn"].removesuffix(f"/{version}")
        assert matches(flow, mine)
        assert not matches(flow, {**mine, "source_bucket": "inbox-of-another-stack"})
        assert not matches(flow, {**mine, "source_key": "no/yes/a.parquet"})
        assert not matches(flow, {**mine, "model_package_arn": f"{arn}/{version}1"})


def test_the_manual_s_consumer_takes_a_repeated_event_once(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "client", flow.stack.client)
    (block,) = fenced("python")
    namespace: dict[str, Any] = {}
    exec(block, namespace)  # noqa: S102 - the manual's own lines
    url = flow.sqs.create_queue(QueueName="consumed")["QueueUrl"]
    scored = {"drop_id": "0" * 20, "state": "SCORED"}
    for detail in (scored, scored, {**scored, "drop_id": "1" * 20}):
        flow.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(delivered("Drop Scored", detail)))
    taken: list[str] = []
    seen: set[tuple[str, str]] = set()

    for _ in range(3):
        namespace["consume"](url, seen, lambda detail: taken.append(detail["drop_id"]))
        if len(taken) == 2:
            break

    assert taken == ["0" * 20, "1" * 20]
    assert "Messages" not in flow.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)


def test_the_manual_s_patterns_match_what_it_says(flow: Flow) -> None:
    _, newer, refused, partly = fenced("json")
    test = flow.stack.client("events").test_event_pattern

    def fits(pattern: str, kind: str, **detail: Any) -> bool:
        return test(EventPattern=pattern, Event=json.dumps(delivered(kind, detail)))["Result"]

    assert [fits(newer, "Drop Scored", model_version=version) for version in (2, 3, 4)] == [False, True, True]
    assert fits(refused, "Drop Failed", source_key="data/company_id=1/a.parquet")
    assert not fits(refused, "Drop Scored", source_key="data/company_id=1/a.parquet")
    assert [fits(partly, "Drop Scored", rows_rejected=rows) for rows in (0, 1)] == [False, True]
