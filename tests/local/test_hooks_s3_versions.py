"""Versions are called after how many their key has had."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.hooks.s3_versions import version_id
from tests.local.builders import unique


@pytest.fixture
def versioned(aws: Any) -> str:
    bucket = unique("versioned")
    aws.client("s3").create_bucket(Bucket=bucket)
    aws.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def test_a_version_is_counted_and_its_number_not_given_again(aws: Any, versioned: str) -> None:
    s3 = aws.client("s3")

    def put(key: str, body: bytes) -> str:
        return s3.put_object(Bucket=versioned, Key=key, Body=body)["VersionId"]

    first, other, second = put("a", b"1"), put("b", b"1"), put("a", b"2")
    s3.delete_object(Bucket=versioned, Key="a", VersionId=second)
    third = put("a", b"3")

    assert [first, second, third] == [version_id(versioned, "a", number) for number in (1, 2, 3)]
    assert len({first, other, second, third}) == 4
    read = [s3.get_object(Bucket=versioned, Key="a", VersionId=version) for version in (first, third)]
    assert [(one["VersionId"], one["Body"].read()) for one in read] == [(first, b"1"), (third, b"3")]
    listed = s3.list_object_versions(Bucket=versioned, Prefix="a")["Versions"]
    assert [(one["VersionId"], one["IsLatest"]) for one in listed] == [(third, True), (first, False)]
    assert s3.head_object(Bucket=versioned, Key="a")["VersionId"] == third


def test_copies_and_uploads_in_parts_are_counted_too(aws: Any, versioned: str) -> None:
    s3 = aws.client("s3")
    s3.put_object(Bucket=versioned, Key="a", Body=b"1")
    copied = s3.copy_object(
        Bucket=versioned,
        Key="a",
        CopySource={"Bucket": versioned, "Key": "a"},
        Metadata={},
        MetadataDirective="REPLACE",
    )["VersionId"]
    upload = s3.create_multipart_upload(Bucket=versioned, Key="a")["UploadId"]
    named = {"Bucket": versioned, "Key": "a", "UploadId": upload}
    part = s3.upload_part(**named, PartNumber=1, Body=b"2")["ETag"]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})

    assert copied == version_id(versioned, "a", 2)
    assert s3.head_object(Bucket=versioned, Key="a")["VersionId"] == version_id(versioned, "a", 3)


def test_a_notification_names_the_version_so(aws: Any, versioned: str) -> None:
    s3, sqs = aws.client("s3"), aws.client("sqs")
    url = sqs.create_queue(QueueName=unique("told"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    told = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=versioned, NotificationConfiguration=told)

    s3.put_object(Bucket=versioned, Key="a", Body=b"1")

    bodies = []
    while not any("Records" in body for body in bodies):
        (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
        bodies.append(json.loads(message["Body"]))
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert bodies[-1]["Records"][0]["s3"]["object"]["versionId"] == version_id(versioned, "a", 1)


def test_a_bucket_without_versions_stays_without(aws: Any) -> None:
    bucket = unique("plain")
    aws.client("s3").create_bucket(Bucket=bucket)
    assert "VersionId" not in aws.client("s3").put_object(Bucket=bucket, Key="a", Body=b"1")
