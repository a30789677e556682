"""Buckets: written once, read by version, listed to the end."""

from __future__ import annotations

import io

import pytest
from botocore.exceptions import ClientError, IncompleteReadError
from botocore.response import StreamingBody

from dropscore.aws.objects import Bucket, Inbox
from dropscore.domain.drop import Source
from dropscore.domain.errors import SourceGone
from tests.service.builders import stubbed

KEY = "data/company_id=1/ü a+b%20.parquet"


@pytest.fixture
def work(s3):
    return Bucket(s3, "work")


def test_an_object_is_written_once_and_the_first_stays(s3, work):
    assert work.put_once("p/x", io.BytesIO(b"first"), "text/csv", {"drop": "d", "rows": "3"})
    assert not work.put_once("p/x", io.BytesIO(b"second"), "text/csv", {"drop": "e"})
    assert work.read("p/x") == b"first"
    assert work.metadata("p/x") == {"drop": "d", "rows": "3"}
    assert s3.head_object(Bucket="work", Key="p/x")["ContentType"] == "text/csv"


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


def test_put_writes_over_what_is_there(work):
    work.put("x", b"first", "text/csv")
    work.put("x", io.BytesIO(b"second"), "application/json")
    assert work.read("x") == b"second"
    assert work.open("x").read() == b"second"
    assert work.uri("a b/x") == f"s3://{work.name}/a b/x"


def test_an_answer_that_breaks_off_is_no_object():
    with stubbed("s3") as (client, stubber):
        stubber.add_response("get_object", {"Body": StreamingBody(io.BytesIO(b"half"), 8)})
        with pytest.raises(IncompleteReadError):
            Bucket(client, "work").read("x")


def test_all_names_below_a_prefix_are_listed_whatever_their_number(work, s3):
    for number in range(5):
        s3.put_object(Bucket="work", Key=f"transform/job-1/{number}.csv.out", Body=b"")
    s3.put_object(Bucket="work", Key="transform/job-10/other.csv.out", Body=b"")
    assert [*work.names("transform/job-1/")] == [f"{number}.csv.out" for number in range(5)]
    assert [*work.names("nothing/")] == []


def test_listing_goes_on_to_the_last_page():
    with stubbed("s3") as (client, stubber):
        asked = {"Bucket": "work", "Prefix": "p/"}
        first = {"Contents": [{"Key": "p/a"}], "IsTruncated": True, "NextContinuationToken": "t"}
        stubber.add_response("list_objects_v2", first, asked)
        second = {"Contents": [{"Key": "p/d/b"}], "IsTruncated": False}
        stubber.add_response("list_objects_v2", second, {**asked, "ContinuationToken": "t"})
        assert [*Bucket(client, "work").names("p/")] == ["a", "d/b"]


def test_a_drop_whose_event_names_no_version_is_the_current_one(s3):
    s3.put_object(Bucket="inbox", Key=KEY, Body=b"old")
    current = s3.put_object(Bucket="inbox", Key=KEY, Body=b"new")["VersionId"]
    assert Inbox(s3, "inbox").current("inbox", KEY, "0055") == Source("inbox", KEY, current, "0055")


def test_in_a_bucket_without_versions_the_etag_tells_objects_apart(s3):
    etag = s3.put_object(Bucket="work", Key=KEY, Body=b"one")["ETag"].strip('"')
    assert Inbox(s3, "inbox").current("work", KEY, None) == Source("work", KEY, etag, versioned=False)


def test_in_a_bucket_whose_versioning_is_suspended_the_etag_tells_objects_apart():
    with stubbed("s3") as (client, stubber):
        stubber.add_response(
            "head_object", {"VersionId": "null", "ETag": '"e1"'}, {"Bucket": "b", "Key": "k"}
        )
        assert Inbox(client, "b").current("b", "k", None) == Source("b", "k", "e1", versioned=False)


def test_an_object_that_is_gone_has_no_current_version(s3):
    with pytest.raises(SourceGone, match="source gone: s3://inbox/none"):
        Inbox(s3, "inbox").current("inbox", "none", None)
    s3.put_object(Bucket="inbox", Key=KEY, Body=b"x")
    s3.delete_object(Bucket="inbox", Key=KEY)
    with pytest.raises(SourceGone):
        Inbox(s3, "inbox").current("inbox", KEY, None)


def test_a_refusal_is_not_taken_for_an_object_that_is_gone():
    with stubbed("s3") as (client, stubber):
        stubber.add_client_error("head_object", "403", http_status_code=403)
        with pytest.raises(ClientError, match="403"):
            Inbox(client, "b").current("inbox", KEY, None)


def test_a_drop_is_read_in_its_own_version_whatever_came_later(s3):
    version = s3.put_object(Bucket="inbox", Key=KEY, Body=b"mine")["VersionId"]
    s3.put_object(Bucket="inbox", Key=KEY, Body=b"later")
    s3.delete_object(Bucket="inbox", Key=KEY)
    assert Inbox(s3, "inbox").open(Source("inbox", KEY, version)).read() == b"mine"


def test_in_a_bucket_without_versions_another_object_under_the_key_is_another_drop(s3):
    inbox = Inbox(s3, "inbox")
    s3.put_object(Bucket="work", Key=KEY, Body=b"mine")
    source = inbox.current("work", KEY, None)
    assert inbox.open(source).read() == b"mine"
    s3.put_object(Bucket="work", Key=KEY, Body=b"later")
    with pytest.raises(SourceGone):
        inbox.open(source)
