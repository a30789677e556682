"""The sample events have the shapes that AWS sends."""

import hashlib
import json

import pytest

from tests.template.translated import REPOSITORY, translated

EVENTS = REPOSITORY / "events"
IN_QUEUE = ["s3-put-sqs.json", "s3-put-batch.json", "s3-test-event.json", "transform-completed-sqs.json"]


def _load(name):
    return json.loads((EVENTS / name).read_text())


def test_these_are_all_the_events():
    bare = {
        "s3-put.json",
        "sweep.json",
        "transform-completed.json",
        "transform-failed.json",
    }
    of_the_api = {path.name for pattern in ("api-*", "predict*") for path in EVENTS.glob(pattern)}
    there = {path.name for path in EVENTS.glob("*.json")} - of_the_api
    assert there == bare | set(IN_QUEUE)  # those of the API: tests/api, tests/predict/test_events.py


@pytest.mark.parametrize("name", IN_QUEUE)
def test_messages_are_as_lambda_gets_them_from_a_queue(name):
    records = _load(name)["Records"]
    assert len({record["messageId"] for record in records}) == len(records)
    for record in records:
        assert record["eventSource"] == "aws:sqs"
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()


def test_the_bare_put_is_the_one_of_sam_with_an_encoded_hive_key_and_no_version():
    (record,) = _load("s3-put.json")["Records"]
    assert record["eventName"] == "ObjectCreated:Put"
    assert "company_id%3D1/sensor_id%3D422/" in record["s3"]["object"]["key"]
    assert "versionId" not in record["s3"]["object"]


def test_the_put_in_the_queue_names_its_version():
    (message,) = _load("s3-put-sqs.json")["Records"]
    (record,) = json.loads(message["body"])["Records"]
    assert record["s3"]["object"]["versionId"]


@pytest.mark.parametrize("name", ["transform-completed.json", "transform-failed.json"])
def test_ends_of_jobs_match_the_rule(name):
    event = _load(name)
    pattern = translated().properties("TransformRule")["EventPattern"]
    assert event["source"] in pattern["source"]
    assert event["detail-type"] in pattern["detail-type"]
    assert event["detail"]["TransformJobStatus"] in pattern["detail"]["TransformJobStatus"]
    prefix = translated().template["Parameters"]["JobPrefix"]["Default"]
    assert event["detail"]["TransformJobName"].startswith(f"{prefix}-")
    assert event["resources"] == [event["detail"]["TransformJobArn"]]


def test_the_end_in_the_queue_is_the_bare_one():
    (message,) = _load("transform-completed-sqs.json")["Records"]
    assert json.loads(message["body"]) == _load("transform-completed.json")
