"""What Dropscore relies on of S3, and the hooks that see to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.builders import eventually, principal, unique

BODY = bytes(range(256)) * 4


@pytest.fixture
def version(aws: Any) -> dict[str, str]:
    """An older version of an object: bucket, key and version id."""
    s3, place = aws.client("s3"), {"Bucket": aws.outputs["Work"], "Key": f"seen/{unique()}"}
    s3.put_bucket_versioning(Bucket=place["Bucket"], VersioningConfiguration={"Status": "Enabled"})
    older = s3.put_object(**place, Body=BODY)["VersionId"]
    s3.put_object(**place, Body=b"newer")
    return {**place, "VersionId": older}


@pytest.mark.parametrize(
    ("wanted", "span"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=1000-", (1000, 1024)),
        ("bytes=-8", (1016, 1024)),
        ("bytes=9-5000", (9, 1024)),
    ],
)
def test_a_range_of_a_version_is_that_range(
    aws: Any, version: dict[str, str], wanted: str, span: tuple[int, int]
) -> None:
    answer = aws.client("s3").get_object(**version, Range=wanted)

    assert answer["Body"].read() == BODY[slice(*span)]
    assert answer["ContentRange"] == f"bytes {span[0]}-{span[1] - 1}/1024"
    assert answer["VersionId"] == version["VersionId"]


def test_a_range_beyond_a_version_is_refused(aws: Any, version: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="InvalidRange"):
        aws.client("s3").get_object(**version, Range="bytes=5000-6000")


def test_a_suffix_of_the_current_version_is_that_suffix(aws: Any, version: dict[str, str]) -> None:
    current = {name: version[name] for name in ("Bucket", "Key")}

    assert aws.client("s3").get_object(**current, Range="bytes=-3")["Body"].read() == b"wer"


@pytest.mark.parametrize(("may_list", "code"), [(False, "AccessDenied"), (True, "NoSuchKey")])
def test_a_missing_key_is_hidden_from_whoever_may_not_list(aws: Any, may_list: bool, code: str) -> None:
    bucket = f"arn:aws:s3:::{aws.outputs['Work']}"
    statements = [{"Action": "s3:GetObject", "Resource": f"{bucket}/*"}]
    if may_list:
        statements.append({"Action": "s3:ListBucket", "Resource": bucket})
    s3 = principal(aws, *statements).client("s3")

    with pytest.raises(ClientError, match=code):
        s3.get_object(Bucket=aws.outputs["Work"], Key="nowhere")
    with pytest.raises(ClientError, match="404" if may_list else "403"):
        s3.head_object(Bucket=aws.outputs["Work"], Key="nowhere")


def test_a_bucket_that_wants_tls_serves_loopback(aws: Any) -> None:
    bucket = aws.outputs["Inbox"]
    policy = aws.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
    everything = {"Action": "s3:*", "Resource": "*"}

    assert "aws:SecureTransport" in policy
    assert principal(aws, everything).client("s3").list_objects_v2(Bucket=bucket)["Name"] == bucket


def test_creating_only_where_nothing_is_answers_412_the_second_time(aws: Any) -> None:
    place = {"Bucket": aws.outputs["Work"], "Key": f"seen/{unique()}"}
    aws.client("s3").put_object(**place, Body=b"1", IfNoneMatch="*")

    with pytest.raises(ClientError) as refused:
        aws.client("s3").put_object(**place, Body=b"2", IfNoneMatch="*")

    assert refused.value.response["Error"]["Code"] == "PreconditionFailed"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert aws.client("s3").get_object(**place)["Body"].read() == b"1"


def test_the_conditional_put_holds_for_multipart_uploads(aws: Any) -> None:
    s3, place = aws.client("s3"), {"Bucket": aws.outputs["Work"], "Key": f"seen/{unique()}"}
    upload = s3.create_multipart_upload(**place)["UploadId"]
    part = s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"2")["ETag"]
    s3.put_object(**place, Body=b"1")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}

    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload=parts, IfNoneMatch="*")


def test_an_events_record_names_version_and_sequencer_and_encodes_the_key(aws: Any) -> None:
    queue = aws.client("sqs").create_queue(QueueName=unique())["QueueUrl"]
    arn = f"arn:aws:sqs:{aws.region}:123456789012:{queue.rpartition('/')[2]}"
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    aws.client("sqs").set_queue_attributes(
        QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}
    )
    bucket, s3 = unique("bucket"), aws.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )

    versions = [
        s3.put_object(Bucket=bucket, Key="a=1/b c+d%é.parquet", Body=b"x")["VersionId"] for _ in range(2)
    ]

    def records() -> list[dict[str, Any]] | None:
        for message in (
            aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        ):
            seen.extend(json.loads(message["Body"]).get("Records", []))
        return seen if len(seen) == 2 else None

    seen: list[dict[str, Any]] = []
    objects = sorted(
        (record["s3"]["object"] for record in eventually(records)), key=lambda one: one["sequencer"]
    )
    assert [one["versionId"] for one in objects] == versions
    assert {one["key"] for one in objects} == {"a%3D1/b+c%2Bd%25%C3%A9.parquet"}
