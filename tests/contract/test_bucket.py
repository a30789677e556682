"""The stack's own buckets: written, written once, read and listed.

Not here: a key that is not there answers 403 to whoever may not list the bucket. The embedded side asks as
root; tests/local holds the rule, tests/template that every function may list.
"""

from __future__ import annotations

import io

import pytest
from botocore.exceptions import ClientError

from dropscore.aws.clients import error_code
from dropscore.aws.ranged import TAIL_BYTES
from dropscore.domain.errors import SourceGone
from tests.contract.embedded import PAGE

LARGE = bytes(number * 7 % 251 for number in range(2 * TAIL_BYTES + 1))
AWKWARD = [
    "a b",
    "a+b",
    "a%20b",
    "a=1/b",
    "ü/é",
    "a&<b>\"'",
    "a\nb",
    "\U0001f600",
    "~",
    "Z",
    "_",
    "\ufb01",
    "a//b",
]


@pytest.fixture
def bucket(side):
    return side.bucket()


def put(bucket, *keys, body=b"x"):
    for key in keys:
        bucket.put(key, body, "text/csv")


def code_of(call):
    with pytest.raises(ClientError) as refusal:
        call()
    return error_code(refusal.value)


def test_an_address_is_the_bucket_s_name_and_the_key(bucket):
    assert bucket.uri("a b/ü.csv") == f"s3://{bucket.name}/a b/ü.csv"


@pytest.mark.parametrize("body", [b"", b"one", LARGE])
def test_what_is_written_is_read_whole_or_as_a_file(bucket, body):
    bucket.put("x", body, "text/csv")
    bucket.put("y", io.BytesIO(body), "text/csv")
    assert bucket.read("x") == bucket.read("y") == body
    with bucket.open("x") as file:
        assert (file.size, file.read()) == (len(body), body)


def test_a_file_is_read_from_where_one_seeks(bucket):
    put(bucket, "x", body=LARGE)
    with bucket.open("x") as file:
        assert file.seek(10) == 10
        assert (file.read(5), file.tell()) == (LARGE[10:15], 15)
        assert file.seek(-3, io.SEEK_END) == len(LARGE) - 3
        assert (file.read(10), file.read(), file.read(1)) == (LARGE[-3:], b"", b"")
        file.seek(20)
        file.seek(5, io.SEEK_CUR)
        buffer = bytearray(4)
        assert (file.readinto(buffer), bytes(buffer)) == (4, LARGE[25:29])


def test_a_file_can_be_read_and_sought_and_no_more(bucket):
    put(bucket, "x")
    with bucket.open("x") as file:
        assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)


def test_an_object_that_is_not_there_cannot_be_read(bucket):
    put(bucket, "x/y")
    with pytest.raises(SourceGone, match=f"source gone: s3://{bucket.name}/x no longer exists"):
        bucket.open("x")
    assert code_of(lambda: bucket.read("x")) == "NoSuchKey"
    assert code_of(lambda: bucket.metadata("x")) == "404"


def test_put_writes_over_what_is_there(bucket):
    bucket.put_once("x", io.BytesIO(b"first"), "text/csv", {"drop": "d"})
    bucket.put("x", b"second", "application/json")
    assert bucket.read("x") == b"second"
    assert bucket.metadata("x") == {}


def test_put_once_leaves_what_is_there_as_it_is(bucket):
    assert bucket.put_once("x", io.BytesIO(b"first"), "text/csv", {"drop": "d", "rows": "3"}) is True
    assert bucket.put_once("x", io.BytesIO(b"second"), "text/csv", {"drop": "e"}) is False
    assert bucket.read("x") == b"first"
    assert bucket.metadata("x") == {"drop": "d", "rows": "3"}


def test_put_once_does_not_overwrite_what_put_wrote(bucket):
    put(bucket, "x", body=b"first")
    assert bucket.put_once("x", io.BytesIO(b"second"), "text/csv", {"drop": "d"}) is False
    assert (bucket.read("x"), bucket.metadata("x")) == (b"first", {})


def test_the_names_of_metadata_are_in_lower_case(bucket):
    bucket.put_once("x", io.BytesIO(b""), "text/csv", {"Drop_Id": "Ab"})
    assert bucket.metadata("x") == {"drop_id": "Ab"}


def test_all_names_below_a_prefix_are_listed_without_it(bucket):
    put(bucket, "transform/job-1/a/1.csv.out", "transform/job-1/b.csv.out", "transform/job-10/c.csv.out", "t")
    assert [*bucket.names("transform/job-1/")] == ["a/1.csv.out", "b.csv.out"]
    assert [*bucket.names("transform/job-1")] == ["/a/1.csv.out", "/b.csv.out", "0/c.csv.out"]
    assert [*bucket.names("nothing/")] == []
    assert len([*bucket.names("")]) == 4


def test_awkward_names_are_listed_as_they_are_in_the_order_of_their_bytes(bucket):
    put(bucket, *(f"p+ %/{name}" for name in AWKWARD))
    assert [*bucket.names("p+ %/")] == sorted(AWKWARD, key=str.encode)
    assert all(bucket.read(f"p+ %/{name}") == b"x" for name in AWKWARD)


def test_more_names_than_a_page_holds_are_all_listed(bucket):
    """Pages are made small here: see `embedded.PAGE`."""
    names = [f"{number:04d}" for number in range(3 * PAGE + 1)]
    put(bucket, *(f"many/{name}" for name in names))
    assert [*bucket.names("many/")] == names
