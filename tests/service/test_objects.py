"""Buckets: what S3's refusals mean, and what is no refusal; the rest is in tests/contract."""

from __future__ import annotations

import io
from urllib.parse import parse_qsl

import pytest
from botocore.exceptions import ClientError, IncompleteReadError
from botocore.response import StreamingBody
from botocore.stub import ANY

from dropscore.aws.objects import Bucket, Inbox
from dropscore.domain.source import Source
from tests.service.builders import stubbed


def test_an_object_says_of_what_type_it_is():
    what = {"Bucket": "work", "Key": "x", "Body": ANY, "ContentType": "text/csv"}
    with stubbed("s3") as (client, stubber):
        stubber.add_response("put_object", {}, what)
        Bucket(client, "work").put("x", b"", "text/csv")
        stubber.add_response("put_object", {}, {**what, "Metadata": {"rows": "3"}, "IfNoneMatch": "*"})
        Bucket(client, "work").put_once("x", io.BytesIO(b""), "text/csv", {"rows": "3"})


@pytest.mark.parametrize(("code", "status"), [("PreconditionFailed", 412), ("412", 412)])
def test_s3_s_refusal_to_overwrite_means_that_it_is_there(code, status):
    with stubbed("s3") as (client, stubber):
        stubber.add_client_error("put_object", code, http_status_code=status)
        assert not Bucket(client, "work").put_once("x", io.BytesIO(b""), "text/csv", {})


@pytest.mark.parametrize("code", ["AccessDenied", "ConditionalRequestConflict", "SlowDown"])
def test_another_refusal_does_not(code):
    """409: somebody is writing it at this moment, and may fail to (PutObject, API reference)."""
    with stubbed("s3") as (client, stubber):
        stubber.add_client_error("put_object", code)
        with pytest.raises(ClientError, match=code):
            Bucket(client, "work").put_once("x", io.BytesIO(b""), "text/csv", {})


def test_an_answer_that_breaks_off_is_no_object():
    with stubbed("s3") as (client, stubber):
        stubber.add_response("get_object", {"Body": StreamingBody(io.BytesIO(b"half"), 8)})
        with pytest.raises(IncompleteReadError):
            Bucket(client, "work").read("x")


def test_in_a_bucket_whose_versioning_is_suspended_the_etag_tells_objects_apart():
    with stubbed("s3") as (client, stubber):
        stubber.add_response(
            "head_object", {"VersionId": "null", "ETag": '"e1"'}, {"Bucket": "b", "Key": "k"}
        )
        assert Inbox(client, "b").current("b", "k", None) == Source("b", "k", "e1", versioned=False)


def test_a_refusal_is_not_taken_for_an_object_that_is_gone():
    with stubbed("s3") as (client, stubber):
        stubber.add_client_error("head_object", "403", http_status_code=403)
        with pytest.raises(ClientError, match="403"):
            Inbox(client, "b").current("inbox", "x", None)


def test_a_presigned_url_opens_the_object_in_its_own_region_for_a_while(s3):
    s3.put_object(Bucket="work", Key="predictions/a=1/x.parquet", Body=b"rows")
    url = Bucket(s3, "work").presigned("predictions/a=1/x.parquet", "x.parquet", "text/plain", 300)
    assert url.startswith("https://work.s3.eu-central-1.amazonaws.com/predictions/a%3D1/x.parquet?")
    said = dict(parse_qsl(url.partition("?")[2]))
    assert (said["X-Amz-Algorithm"], said["X-Amz-Expires"]) == ("AWS4-HMAC-SHA256", "300")
    assert said["response-content-disposition"] == 'attachment; filename="x.parquet"'
    assert said["response-content-type"] == "text/plain"
