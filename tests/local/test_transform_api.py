"""Transform jobs around the scoring: refusals, stopping, listing, and trouble on demand."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.sagemaker.faults import OutputFault
from local.sagemaker.instance.output_faults import OutputFaults
from tests.local.builders import (
    SHARD,
    SUMMING,
    EventLog,
    create_model,
    finished,
    job_request,
    model_archive,
    outputs_of,
    principal,
    put_shards,
    run_job,
    start_job,
    unique,
)


def test_a_name_can_be_used_once_for_ever(aws: Any, summing_model: str, scored: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refusal:
        start_job(aws, summing_model, put_shards(aws, a=SHARD), name=scored["TransformJobName"].upper())

    assert refusal.value.response["Error"]["Code"] == "ResourceInUse"
    assert scored["TransformJobArn"] in refusal.value.response["Error"]["Message"]


def refused(aws: Any, model: str, source: str, match: str, **more: Any) -> None:
    with pytest.raises(ClientError, match=match):
        start_job(aws, model, source, **more)


def test_what_cannot_work_is_refused_when_the_job_is_created(aws: Any, summing_model: str) -> None:
    source = put_shards(aws, a=SHARD)
    joined = {"InputFilter": "$[1:]", "JoinSource": "Input"}

    refused(aws, "nobody", source, "ValidationException.*Could not find model")
    refused(aws, summing_model, source + "nothing", "ValidationException.*No S3 objects found")
    refused(aws, summing_model, "s3://another-bucket/in/", "No S3 objects found.*s3:ListBucket")
    refused(
        aws, summing_model, source, "must not exceed 100 MB", MaxPayloadInMB=26, MaxConcurrentTransforms=4
    )
    refused(aws, summing_model, source, "InputFilter", DataProcessing={**joined, "InputFilter": "$.a"})
    refused(
        aws,
        summing_model,
        source,
        "Accept",
        TransformOutput={"S3OutputPath": "s3://b/o", "AssembleWith": "Line"},
    )
    refused(
        aws,
        summing_model,
        source,
        "SplitType",
        TransformOutput={"S3OutputPath": "s3://b/o", "Accept": "text/csv"},
    )


def test_a_missing_job_is_said_to_be_missing(aws: Any) -> None:
    for call in ("describe_transform_job", "stop_transform_job"):
        with pytest.raises(ClientError, match=r"ValidationException.*Could not find requested job"):
            getattr(aws.client("sagemaker"), call)(TransformJobName="nobody")


def test_a_job_can_be_stopped_and_has_no_output_then(aws: Any, events: EventLog) -> None:
    slow = SUMMING + "\nimport time\ndef predict_fn(rows, model):\n    time.sleep(50)\n"
    name = start_job(aws, create_model(aws, model_archive(slow)), put_shards(aws, a=SHARD))

    aws.client("sagemaker").stop_transform_job(TransformJobName=name)

    job = finished(aws, name)
    assert (job["TransformJobStatus"], outputs_of(aws, job)) == ("Stopped", {})
    assert [event["detail"]["TransformJobStatus"] for event in events.of(name)] == ["Stopped"]
    with pytest.raises(ClientError, match="in status Stopped"):
        aws.client("sagemaker").stop_transform_job(TransformJobName=name)


def test_jobs_are_listed_newest_first_and_by_status(aws: Any, summing_model: str) -> None:
    aws.change_faults(fail_jobs=1)
    prefix, source = unique(), put_shards(aws, a=SHARD)
    failed = run_job(aws, summing_model, source, name=f"{prefix}-1")["TransformJobName"]
    aws.change_faults(job_delay_seconds=60)
    waiting = start_job(aws, summing_model, source, name=f"{prefix}-2")

    def listed(**more: str) -> list[str]:
        answer = aws.client("sagemaker").list_transform_jobs(NameContains=prefix, **more)
        return [job["TransformJobName"] for job in answer["TransformJobSummaries"]]

    assert listed() == [waiting, failed]
    assert listed(SortOrder="Ascending") == [failed, waiting]
    assert (listed(StatusEquals="Failed"), listed(StatusEquals="InProgress")) == ([failed], [waiting])
    aws.client("sagemaker").stop_transform_job(TransformJobName=waiting)


@pytest.mark.usefixtures("unscored")
def test_a_quota_is_refused_in_the_services_words_and_freed_when_jobs_end(
    aws: Any, summing_model: str
) -> None:
    aws.change_faults(instance_quota=1, job_delay_seconds=0.5)
    source = put_shards(aws, a=SHARD)
    running = start_job(aws, summing_model, source)
    words = "'ml.m5.large for transform job usage' is 1 Instances, with current utilization of 1 Instances"

    refused(aws, summing_model, source, f"ResourceLimitExceeded.*{words}")
    finished(aws, running)
    assert finished(aws, start_job(aws, summing_model, source))


@pytest.mark.usefixtures("unscored")
def test_calls_can_be_throttled(aws: Any, summing_model: str) -> None:
    aws.change_faults(throttle={"CreateTransformJob": 1})
    source = put_shards(aws, a=SHARD)

    refused(aws, summing_model, source, "ThrottlingException.*Rate exceeded")
    assert finished(aws, start_job(aws, summing_model, source))


def test_the_next_job_can_be_made_to_fail_before_any_output(aws: Any, summing_model: str) -> None:
    aws.change_faults(fail_jobs=1, failure_reason="InternalServerError: no capacity")

    job = run_job(aws, summing_model, put_shards(aws, a=SHARD))

    assert (job["FailureReason"], outputs_of(aws, job)) == ("InternalServerError: no capacity", {})


@pytest.mark.parametrize(
    ("fault", "left", "is_kept"),
    [
        (OutputFault.NONE, b"0,1\n1,2\n2,3\n", True),
        (OutputFault.LEAVE_OUT_ROWS, b"0,1\n", True),
        (OutputFault.DUPLICATE_ROWS, b"0,1\n1,2\n2,3\n1,2\n2,3\n", True),
        (OutputFault.LEAVE_OUT_OBJECT, b"0,1\n1,2\n2,3\n", False),
    ],
)
def test_the_first_output_is_spoiled_as_asked_and_the_next_is_not(
    fault: OutputFault, left: bytes, is_kept: bool
) -> None:
    faults, first, second = OutputFaults(fault.value, 2), io.BytesIO(b"0,1\n1,2\n2,3\n"), io.BytesIO(b"3,4\n")

    faults.spoil(first)
    kept = faults.keeps_object()
    faults.spoil(second)

    assert (first.getvalue(), kept) == (left, is_kept)
    assert (second.getvalue(), faults.keeps_object()) == (b"3,4\n", True)


def test_a_completed_job_can_lack_rows(aws: Any, summing_model: str) -> None:
    aws.change_faults(output_fault="leave_out_rows", output_fault_jobs=1)

    job = run_job(aws, summing_model, put_shards(aws, a=SHARD, b=b"7,1,1\n"))

    assert job["TransformJobStatus"] == "Completed"
    assert outputs_of(aws, job) == {"a.csv.out": b"0,3.5\n", "b.csv.out": b"7,2.0\n"}


@pytest.mark.usefixtures("unscored")
def test_events_can_be_lost_and_doubled(aws: Any, summing_model: str, events: EventLog) -> None:
    aws.change_faults(drop_events=1, duplicate_events=1)
    source = put_shards(aws, a=SHARD)
    lost = run_job(aws, summing_model, source)
    doubled = run_job(aws, summing_model, source)

    assert len(events.of(doubled["TransformJobName"], 2)) == 2
    assert aws.faults()["drop_events"] == aws.faults()["duplicate_events"] == 0
    assert lost["TransformJobStatus"] == "Failed"


@pytest.mark.parametrize(
    "settings", [{"instance_quota": -1}, {"no_such_trouble": 1}, {"output_fault": "rot13"}]
)
def test_unfit_trouble_is_refused(aws: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="refused"):
        aws.change_faults(**settings)


@pytest.mark.usefixtures("unscored")
def test_a_caller_may_be_allowed_some_jobs_only(aws: Any, summing_model: str) -> None:
    mine = {
        "Action": "sagemaker:CreateTransformJob",
        "Resource": "arn:aws:sagemaker:*:*:transform-job/mine-*",
    }
    sagemaker = principal(aws, mine).client("sagemaker")
    source = put_shards(aws, a=SHARD)

    mine_too = job_request(aws, summing_model, source, name=unique("mine"))
    sagemaker.create_transform_job(**mine_too)
    assert finished(aws, mine_too["TransformJobName"])
    with pytest.raises(ClientError, match="AccessDenied"):
        sagemaker.create_transform_job(**job_request(aws, summing_model, source, name=unique("other")))
