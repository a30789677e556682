"""Requests are counted where they arrive, by who signed them."""

from __future__ import annotations

from typing import Any

from tests.local.builders import unique


def counts(aws: Any, caller: str) -> dict[str, int]:
    told = [asked for asked in aws.requests() if asked["caller"] == caller]
    return {f"{asked['service']} {asked['operation']}": asked["count"] for asked in told}


def test_requests_are_counted_by_service_and_operation(aws: Any) -> None:
    s3, bucket = aws.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    before = counts(aws, "")

    s3.put_object(Bucket=bucket, Key="a/b.csv", Body=b"x")
    s3.get_object(Bucket=bucket, Key="a/b.csv", Range="bytes=-1")
    s3.get_object(Bucket=bucket, Key="a/b.csv")
    s3.head_object(Bucket=bucket, Key="a/b.csv")
    s3.list_objects_v2(Bucket=bucket, Prefix="a/")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="c")["UploadId"]
    part = {"Bucket": bucket, "Key": "c", "UploadId": upload}
    s3.upload_part(**part, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(**part)
    aws.client("sqs").list_queues()
    aws.client("sagemaker").list_models()

    after = counts(aws, "")
    assert {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name)} == {
        "s3 PutObject": 1,
        "s3 GetObject": 2,
        "s3 HeadObject": 1,
        "s3 ListObjectsV2": 1,
        "s3 CreateMultipartUpload": 1,
        "s3 UploadPart": 1,
        "s3 AbortMultipartUpload": 1,
        "sqs ListQueues": 1,
        "sagemaker ListModels": 1,
    }


def test_what_a_job_s_instance_asks_is_its_role_s(aws: Any, scored: dict[str, Any]) -> None:
    role = aws.outputs["TransformRole"].rpartition("/")[2]

    asked = counts(aws, role)

    assert scored["TransformJobStatus"] == "Completed"
    assert asked["s3 PutObject"] >= 3  # three shards
    assert asked["s3 GetObject"] >= 4  # and the model
    assert "s3 PutObject" not in counts(aws, "nobody")


def test_a_request_that_nobody_signed_is_not_counted(aws: Any) -> None:
    before = aws.requests()
    assert aws.requests() == before
