"""What arrives at the doors is read into what it asks for, whatever it looks like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.domain.job import PART_DROPS
from dropscore.domain.keys import manifest_entry
from dropscore.domain.messages import (
    Arrival,
    CollectPart,
    DispatchNow,
    Ignored,
    JobEnded,
    Resume,
    collect_request,
    prepare_requests,
    read_body,
)

EVENTS = Path(__file__).parents[2] / "events"


def notification(key="data/a.parquet", event="ObjectCreated:Put", **item):
    bucket = {"name": "inbox"}
    return {
        "eventSource": "aws:s3",
        "eventName": event,
        "s3": {"bucket": bucket, "object": {"key": key, **item}},
    }


def arrivals(*records):
    return [*prepare_requests({"Records": [*records]})]


def test_a_notification_is_an_arrival_with_all_that_s3_says():
    record = notification(versionId="v1", eTag="e1", sequencer="0055")
    assert arrivals(record) == [Arrival("inbox", "data/a.parquet", "v1", "e1", "0055")]


def test_a_key_is_decoded_as_s3_encodes_it():
    (arrival,) = arrivals(notification("a%3D1/K%C3%B6ln+S%2BN%25.PARQUET"))
    assert arrival.key == "a=1/Köln S+N%.PARQUET"


@pytest.mark.parametrize("item", [{}, {"versionId": None}, {"versionId": "null"}])
def test_without_a_version_id_the_current_version_is_meant(item):
    """A bucket whose versioning is suspended calls each object's version null."""
    (arrival,) = arrivals(notification(**item))
    assert arrival.version is None


@pytest.mark.parametrize(
    "event", ["ObjectCreated:CompleteMultipartUpload", "ObjectCreated:Copy", "s3:ObjectCreated:Put"]
)
def test_every_way_to_create_an_object_counts(event):
    assert isinstance(arrivals(notification(event=event))[0], Arrival)


@pytest.mark.parametrize(
    "record",
    [
        notification(event="ObjectRemoved:Delete"),
        notification(event="ObjectRestore:Completed"),
        {"eventSource": "aws:sqs"},
        {"eventSource": "aws:s3", "s3": {}},
        "text",
        None,
    ],
)
def test_a_record_that_is_no_drop_is_ignored_with_a_reason_and_the_others_are_not(record):
    ignored, arrival = arrivals(record, notification())
    assert isinstance(ignored, Ignored)
    assert ignored.why
    assert isinstance(arrival, Arrival)


def test_our_own_messages_are_understood():
    assert [*prepare_requests({"drop_id": "ab"})] == [Resume("ab")]
    assert [*prepare_requests({"dispatch": True})] == [DispatchNow()]
    assert collect_request({"job": "j"}) == JobEnded("j")


def test_the_test_event_of_s3_is_ignored():
    (ignored,) = prepare_requests({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "inbox"})
    assert "test event" in ignored.why


def test_a_part_s_message_is_read_as_it_was_written():
    part = CollectPart("j", 3, {"ab": ["ab-1-00000.csv.out"], "cd": []})
    assert collect_request(json.loads(json.dumps(part.body()))) == part


def names(drop_id, shards):
    return [f"{manifest_entry(drop_id, 1, number)}.out" for number in range(shards)]


@pytest.mark.parametrize("shards", [1, 90, 100, 101, 102, 103, 104, 105, 763, 100_000])
def test_a_part_s_message_has_200_000_bytes_at_most(shards):
    """A drop of 50 million rows, as many as MaxRowsPerDrop allows at first, has 763 shards."""
    outputs = {drop_id: names(drop_id, shards) for drop_id in (f"{n:020x}" for n in range(PART_DROPS))}
    part = CollectPart("dropscore-" + "a" * 53, 999, outputs)
    assert len(json.dumps(part.body())) <= 200_000


def test_outputs_too_many_to_be_named_are_left_to_be_listed():
    part = CollectPart("j", 3, {"few": names("few", 90), "many": names("many", 763), "none": []})
    read = collect_request(json.loads(json.dumps(part.body())))
    assert read == CollectPart("j", 3, {"few": names("few", 90), "many": None, "none": []})
    assert collect_request(read.body()) == read


def test_eventbridge_names_the_job_whatever_its_status():
    event = {"source": "aws.sagemaker", "detail": {"TransformJobName": "j", "TransformJobStatus": "Failed"}}
    assert collect_request(event) == JobEnded("j")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Records",
                    "s3",
                    "object",
                    "key",
                    "bucket",
                    "drop_id",
                    "dispatch",
                    "job",
                    "part",
                    "drops",
                    "Event",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_else_comes_is_ignored_and_never_an_error(body):
    assert all(isinstance(r, Ignored | Resume | DispatchNow | Arrival) for r in prepare_requests(body))
    assert isinstance(collect_request(body), Ignored | JobEnded | CollectPart)


@pytest.mark.parametrize("body", ["", "not json", "{", "{'a': 1}"])
def test_a_body_that_is_not_json_is_nobody_s(body):
    assert [type(r) for r in prepare_requests(read_body(body))] == [Ignored]
    assert isinstance(collect_request(read_body(body)), Ignored)


def test_the_recorded_events_are_understood():
    def recorded(name):
        return json.loads((EVENTS / name).read_text())

    assert [type(r) for r in prepare_requests(recorded("s3-put.json"))] == [Arrival]
    assert [type(r) for r in prepare_requests(recorded("s3-test-event.json"))] == [Ignored]
    assert isinstance(collect_request(recorded("transform-completed.json")), JobEnded)
    assert isinstance(collect_request(recorded("transform-failed.json")), JobEnded)
