"""The sample events have the shapes that AWS documents, and are answered by the handlers they are for."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime
from typing import Any

import botocore.session
import pytest
from aws_lambda_powertools.utilities.parser.models import (
    APIGatewayProxyEventV2Model,
    EventBridgeModel,
    S3Model,
    S3SqsEventNotificationModel,
    SqsModel,
)

from dropscore.domain.errors import UnknownJob
from dropscore.handlers import collect, prepare, sweep
from local.hooks.s3_versions import version_id
from local.samples.events import write_events
from local.samples.names import BAD, BATCH, ENDED, IN_THE_EVENTS, PUT, QUEUED, READ, UNTOLD
from tests.events.samples import FOLDER, bodies, function_of, generated, load, names, shape
from tests.simulation.world import World, parquet

DOORS = {"PrepareFunction": prepare, "CollectFunction": collect, "SweepFunction": sweep}
QUEUED_EVENTS = ["s3-put-sqs.json", "s3-put-batch.json", "s3-test-event.json", "transform-completed-sqs.json"]
BRIDGED = ["transform-completed.json", "transform-failed.json", "sweep.json"]
HTTP = [name for name in names() if name.startswith(("api-", "predict"))]


def test_every_event_has_a_function_and_a_line_in_the_table_of_what_it_shows() -> None:
    manual = (FOLDER / "README.md").read_text()
    rows = re.findall(r"^\| `([a-z0-9-]+\.json)` \| `?(\w+)`? \| .+ \| .+ \|$", manual, re.MULTILINE)

    assert sorted(rows) == [(name, function_of(name)) for name in names()]


def test_the_bare_put_is_what_sam_generates_and_s3_s_order() -> None:
    key = PUT.replace("=", "%3D")
    event = generated("s3", "put", bucket=IN_THE_EVENTS.inbox, key=key)
    given = event["Records"][0]["s3"]["object"]
    # S3 encodes the key itself ("Event message structure"); the generator encodes what it is given, too.
    given["key"] = key

    assert load("s3-put.json") == event
    assert S3Model.model_validate(load("s3-put.json")).Records[0].s3.object.versionId is None


@pytest.mark.parametrize("name", QUEUED_EVENTS)
def test_messages_have_the_shape_of_lambda_s(name: str) -> None:
    (message,) = generated("sqs", "receive-message")["Records"]

    assert SqsModel.model_validate(load(name))
    assert {json.dumps(shape(record)) for record in load(name)["Records"]} == {json.dumps(shape(message))}


@pytest.mark.parametrize("name", ["s3-put-sqs.json", "s3-put-batch.json"])
def test_the_notifications_in_messages_have_the_shape_of_s3_s(name: str) -> None:
    event = load(name)
    event["Records"] = [record for record in event["Records"] if '"s3SchemaVersion"' in record["body"]]
    (bare,) = generated("s3", "put")["Records"]
    bare["s3"]["object"]["versionId"] = "of a bucket with versions"

    assert S3SqsEventNotificationModel.model_validate(event)
    for message in event["Records"]:
        for record in json.loads(message["body"])["Records"]:
            assert datetime.fromisoformat(record["eventTime"])
            assert json.dumps(shape(record), sort_keys=True) == json.dumps(shape(bare), sort_keys=True)


@pytest.mark.parametrize("name", BRIDGED)
def test_what_eventbridge_sends_has_its_shape(name: str) -> None:
    assert EventBridgeModel.model_validate(load(name))


def test_the_sweep_s_event_is_what_sam_generates_for_a_schedule() -> None:
    assert shape(load("sweep.json")) == {
        **shape(generated("cloudwatch", "scheduled-event")),
        "version": "str",
    }


@pytest.mark.parametrize("name", ["transform-completed.json", "transform-failed.json"])
def test_the_end_of_a_job_says_what_sagemaker_describes(name: str) -> None:
    sagemaker = botocore.session.get_session().get_service_model("sagemaker")
    described = sagemaker.shape_for("DescribeTransformJobResponse")

    detail = {field: value for field, value in load(name)["detail"].items() if field != "Tags"}
    assert [
        fault for field in detail for fault in faults(detail[field], described.members[field], field)
    ] == []


def faults(value: Any, model: Any, where: str) -> list[str]:
    """Where a value is not as botocore's model has it; times may be numbers or text, and anything null."""
    if value is None or model.type_name == "timestamp":
        return []
    if model.type_name == "structure":
        unknown = [f"{where}.{name} is not known" for name in value if name not in model.members]
        members = [(name, member) for name, member in value.items() if name in model.members]
        return unknown + [
            fault
            for name, member in members
            for fault in faults(member, model.members[name], f"{where}.{name}")
        ]
    if model.type_name == "string":
        allowed = getattr(model, "enum", None) or [value]
        return [] if value in allowed else [f"{where} is {value}"]
    kinds = {"integer": int, "map": dict, "list": list, "boolean": bool}
    return [] if isinstance(value, kinds[model.type_name]) else [f"{where} is {value!r}"]


@pytest.mark.parametrize("name", HTTP)
def test_requests_have_the_shape_of_api_gateway_s_payload_2_0(name: str) -> None:
    request = APIGatewayProxyEventV2Model.model_validate(load(name))

    assert request.requestContext.http.path == request.rawPath


def test_the_objects_in_the_events_are_those_that_the_local_stack_has() -> None:
    told = [
        record["s3"]
        for name in ("s3-put-sqs.json", "s3-put-batch.json")
        for body in bodies(name)
        for record in body.get("Records", [])
    ]
    there = [(item["bucket"]["name"], item["object"]["versionId"]) for item in told][:5]

    keys = (QUEUED, *BATCH, BAD)
    assert there == [(IN_THE_EVENTS.inbox, version_id(IN_THE_EVENTS.inbox, key, 1)) for key in keys]
    assert IN_THE_EVENTS.versions == tuple(version for _, version in there)
    assert not {READ, ENDED} & set(UNTOLD)


def test_a_stack_with_other_names_gets_events_with_these(tmp_path: Any) -> None:
    own = replace(IN_THE_EVENTS, inbox="my-inbox", drop="0" * 20, ended="mine-1", failed="mine-2")

    written = {path.name: json.loads(path.read_text()) for path in write_events(own, tmp_path)}

    assert written["s3-put.json"]["Records"][0]["s3"]["bucket"]["name"] == "my-inbox"
    assert written["transform-completed.json"]["detail"]["TransformJobName"] == "mine-1"
    assert written["api-drop.json"]["pathParameters"] == {"drop_id": "0" * 20}
    (message,) = written["transform-completed-sqs.json"]["Records"]
    assert json.loads(message["body"]) == written["transform-completed.json"]
    assert message["md5OfBody"] != load("transform-completed-sqs.json")["Records"][0]["md5OfBody"]
    assert "api-health.json" not in written


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world with an approved model, and with the objects that the events name in its inbox."""
    world = World(monkeypatch)
    world.approve()
    world.inbox.bucket = IN_THE_EVENTS.inbox
    for key in UNTOLD:
        body = b"This is not Parquet." if key == BAD else parquet(4)
        world.inbox._add(key, version_id(IN_THE_EVENTS.inbox, key, 1), body)
    return world


def answer(world: World, name: str) -> Any:
    return world.invoke(DOORS[function_of(name)], load(name))


def test_the_bare_put_is_prepared_once_and_then_seen_to_already(sampled: World) -> None:
    (first,) = answer(sampled, "s3-put.json")["drops"]
    (again,) = answer(sampled, "s3-put.json")["drops"]

    assert (first["state"], first["reason"]) == ("PREPARED", None)
    assert again == {**first, "state": "SCORING"}


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("s3-put-sqs.json", {QUEUED: "SCORING"}),
        ("s3-put-batch.json", {**dict.fromkeys(BATCH, "SCORING"), BAD: "REJECTED"}),
        ("s3-test-event.json", {}),
    ],
)
def test_messages_of_prepare_are_acknowledged_and_seen_to(
    sampled: World, name: str, states: dict[str, str]
) -> None:
    assert answer(sampled, name) == {"batchItemFailures": []}

    drops = [
        sampled.drops.get(pk.removeprefix("drop#")) for pk in sampled.table.items if pk.startswith("drop#")
    ]
    assert {drop.source.key: drop.state for drop in drops} == states


@pytest.mark.parametrize("name", ["transform-completed.json", "transform-failed.json"])
def test_the_end_of_a_job_that_nobody_knows_is_an_error(sampled: World, name: str) -> None:
    with pytest.raises(UnknownJob, match=r"the ledger has no job dropscore-[0-9a-f]{20}"):
        answer(sampled, name)


def test_the_end_of_a_job_that_nobody_knows_goes_back_to_the_queue(sampled: World) -> None:
    (message,) = load("transform-completed-sqs.json")["Records"]

    failed = [{"itemIdentifier": message["messageId"]}]
    assert answer(sampled, "transform-completed-sqs.json") == {"batchItemFailures": failed}


def test_the_sweep_has_nothing_to_do_in_a_stack_at_rest(sampled: World) -> None:
    assert set(answer(sampled, "sweep.json").values()) == {0}
