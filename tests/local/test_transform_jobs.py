"""Transform jobs on the embedded AWS: what they score, and how they fail."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from local.sagemaker.instance.errors import ClientFault
from local.sagemaker.instance.inputs import input_objects
from tests.local.builders import (
    SHARD,
    SUMMING,
    EventLog,
    create_model,
    finished,
    job_request,
    model_archive,
    outputs_of,
    put_shards,
    run_job,
    unique,
)


def put_text(aws: Any, text: str, prefix: str = "in") -> str:
    key = f"{prefix}/{unique()}.json"
    aws.client("s3").put_object(Bucket=aws.outputs["Work"], Key=key, Body=text.encode())
    return f"s3://{aws.outputs['Work']}/{key}"


def test_a_job_scores_every_shard_under_its_prefix(aws: Any, scored: dict[str, Any]) -> None:
    assert scored["TransformJobStatus"] == "Completed"
    assert "FailureReason" not in scored
    assert scored["TransformEndTime"] >= scored["TransformStartTime"] >= scored["CreationTime"]
    assert outputs_of(aws, scored) == {
        "a.csv.out": b"0,3.5\n1,5.5\n",
        "b.csv.out": b"7,2.0\n",
        "empty.csv.out": b"",
    }


def test_the_end_is_announced_with_the_jobs_details(scored: dict[str, Any], events: EventLog) -> None:
    [event] = events.of(scored["TransformJobName"])

    detail = event["detail"]
    assert (event["source"], event["detail-type"]) == (
        "aws.sagemaker",
        "SageMaker Transform Job State Change",
    )
    assert event["resources"] == [detail["TransformJobArn"]] == [scored["TransformJobArn"]]
    assert detail["TransformJobStatus"] == "Completed"
    assert detail["FailureReason"] is None
    assert detail["TransformEndTime"] > 1_600_000_000_000
    assert detail["Tags"] == {"k": "v"}
    assert {"ModelName", "TransformInput", "TransformOutput", "TransformResources", "CreationTime"} <= set(
        detail
    )


def inputs_of(aws: Any, kind: str, uri: str) -> list[str]:
    return [source.relative for source in input_objects(aws.client("s3"), kind, uri)]


def test_a_manifest_names_the_shards(aws: Any) -> None:
    prefix = put_shards(aws, a=SHARD, b=SHARD, c=SHARD)

    assert inputs_of(
        aws, "ManifestFile", put_text(aws, json.dumps([{"prefix": prefix}, "c.csv", "a.csv"]))
    ) == [
        "c.csv",
        "a.csv",
    ]
    with pytest.raises(ClientFault, match="not a manifest"):
        inputs_of(aws, "ManifestFile", put_text(aws, '{"prefix": "s3://b/p/"}'))


def test_a_prefix_is_literal_and_catches_its_siblings(aws: Any) -> None:
    source = put_shards(aws, **{"a": SHARD, "ab": SHARD, "b/a": SHARD})

    assert inputs_of(aws, "S3Prefix", source + "a") == ["a.csv", "ab.csv"]
    assert inputs_of(aws, "S3Prefix", source) == ["a.csv", "ab.csv", "b/a.csv"]


def test_a_job_over_a_manifest_keeps_the_paths_in_it(aws: Any, summing_model: str) -> None:
    prefix = put_shards(aws, **{"drop/1/a": SHARD, "b": SHARD})
    manifest = put_text(aws, json.dumps([{"prefix": prefix}, "drop/1/a.csv"]))

    job = run_job(aws, summing_model, manifest, kind="ManifestFile")

    listed = aws.client("s3").list_objects_v2(
        Bucket=aws.outputs["Work"], Prefix=f"out/{job['TransformJobName']}/"
    )
    assert [entry["Key"] for entry in listed["Contents"]] == [
        f"out/{job['TransformJobName']}/drop/1/a.csv.out"
    ]


def test_a_bad_record_costs_its_object_and_fails_the_job_but_not_the_others(
    aws: Any, summing_model: str
) -> None:
    shards = {
        "a": b"0,x\n",
        "b": b"7,1,1\n",
        "blank": b"0,1\n\n2,1\n",
        "bare": b"0\n",
        "big": b"1" * 1024 * 1025,
    }

    job = run_job(aws, summing_model, put_shards(aws, **shards), MaxPayloadInMB=1)

    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert outputs_of(aws, job) == {"b.csv.out": b"7,2.0\n"}
    said = log_of(aws, job)
    assert "a.csv: Bad HTTP status received from algorithm: 500" in said
    assert "big.csv: Too much data for max payload size" in said
    assert "could not convert string to float" in said


def log_of(aws: Any, job: dict[str, Any]) -> str:
    group, prefix = "/aws/sagemaker/TransformJobs", f"{job['TransformJobName']}/"
    found = aws.client("logs").filter_log_events(logGroupName=group, logStreamNamePrefix=prefix)["events"]
    return "\n".join(event["message"] for event in found)


def test_mini_batches_hold_what_the_payload_allows(aws: Any) -> None:
    counting = SUMMING + "\ndef predict_fn(rows, model):\n    return [float(len(rows))] * len(rows)\n"
    model = create_model(aws, model_archive(counting))
    line = b"%06d," + b"1" * 93 + b"\n"
    body = b"".join(line % number for number in range(15_000))

    job = run_job(aws, model, put_shards(aws, a=body), MaxPayloadInMB=1)

    [output] = outputs_of(aws, job).values()
    sizes = {row.partition(b",")[2] for row in output.splitlines()}
    assert output.count(b"\n") == 15_000
    assert sizes == {repr(float(size)).encode() for size in (1024 * 1024 // 101, 15_000 - 1024 * 1024 // 101)}


def test_without_processing_the_answers_are_put_one_after_the_other(aws: Any, summing_model: str) -> None:
    request = job_request(aws, summing_model, put_shards(aws, a=gzip.compress(SHARD)), DataProcessing={})
    request["TransformInput"]["CompressionType"] = "Gzip"
    aws.client("sagemaker").create_transform_job(**request)

    assert outputs_of(aws, finished(aws, request["TransformJobName"])) == {"a.csv.out": b"3.5\n6.5\n"}


def test_a_model_that_cannot_be_served_fails_the_job(aws: Any) -> None:
    model = create_model(aws, model_archive("import os\nos._exit(1)"))

    job = run_job(aws, model, put_shards(aws, a=SHARD))

    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"


def test_a_place_the_role_cannot_write_to_fails_the_job(aws: Any, summing_model: str) -> None:
    request = job_request(aws, summing_model, put_shards(aws, a=SHARD))
    request["TransformOutput"]["S3OutputPath"] = f"s3://{aws.outputs['Work']}/elsewhere"
    aws.client("sagemaker").create_transform_job(**request)

    job = finished(aws, request["TransformJobName"])

    assert job["TransformJobStatus"] == "Failed"
    assert "AccessDenied" in job["FailureReason"]
