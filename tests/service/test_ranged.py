"""An object as a file: the bytes that are asked for, in few requests, and what S3's refusals mean."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dropscore.aws.ranged import BLOCK_BYTES, CLOSE_BYTES, TAIL_BYTES, Excerpt, RangedObject, Ranges, Tail
from dropscore.domain.errors import ServiceBusy, SourceGone
from dropscore.domain.reading import open_parquet, read_batches
from tests.service.builders import stubbed
from tests.unit.builders import parquet

SIZE = 3 * TAIL_BYTES
DATA = bytes(np.random.default_rng(5).integers(0, 256, SIZE, np.uint8))


@pytest.fixture
def put(s3):
    """Writes an object and opens it."""

    def write(data, bucket="inbox"):
        version = s3.put_object(Bucket=bucket, Key="x", Body=data).get("VersionId")
        return RangedObject(s3, bucket, "x", version=version)

    return write


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.none() | st.integers(-2, SIZE)),
        st.tuples(st.just("seek"), st.integers(0, SIZE + 10), st.just(io.SEEK_SET)),
        st.tuples(st.just("seek"), st.integers(0, SIZE), st.just(io.SEEK_CUR)),
        st.tuples(st.just("seek"), st.integers(-SIZE, 10), st.just(io.SEEK_END)),
        st.tuples(st.just("readinto"), st.integers(0, 1_000)),
    ),
    max_size=6,
)


@settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(moves=MOVES, size=st.sampled_from([0, 1, 999, TAIL_BYTES, TAIL_BYTES + 1, SIZE]))
def test_it_behaves_as_a_file_does(put, moves, size):
    ours, file = put(DATA[:size]), io.BytesIO(DATA[:size])
    assert ours.size == size
    for name, *arguments in moves:
        if name == "readinto":
            buffers = bytearray(arguments[0]), bytearray(arguments[0])
            assert ours.readinto(buffers[0]) == file.readinto(buffers[1])
            assert buffers[0] == buffers[1]
        else:
            assert getattr(ours, name)(*arguments) == getattr(file, name)(*arguments)
        assert ours.tell() == file.tell()
    assert ours.readall() == file.read()


def test_what_lies_in_the_tail_is_fetched_once(put):
    file = put(DATA)
    assert file.bytes_read == TAIL_BYTES
    file.seek(-TAIL_BYTES, io.SEEK_END)
    file.readall()
    assert file.bytes_read == TAIL_BYTES
    file.seek(10)
    file.read(7)
    assert file.bytes_read == TAIL_BYTES + 7


def test_a_small_object_costs_one_request(put):
    file = put(b"small")
    assert (file.size, file.read(), file.bytes_read) == (5, b"small", 5)


def test_of_what_reaches_into_the_tail_only_the_rest_is_fetched(put):
    file = put(DATA)
    file.seek(-TAIL_BYTES - 10, io.SEEK_END)
    assert file.read(30) == DATA[-TAIL_BYTES - 10 : -TAIL_BYTES + 20]
    assert file.bytes_read == TAIL_BYTES + 10


def test_the_same_file_is_read_by_several_threads_at_once(put):
    file = put(DATA)
    beside = [file.again() for _ in range(4)]
    file.seek(5)

    def read(number):
        parts = []
        for start in range(number, SIZE, 16_384):
            beside[number].seek(start)
            parts.append(beside[number].read(50) == DATA[start : start + 50])
        return all(parts)

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(read, range(4))] == [True] * 4
    assert file.tell() == 5


class Requests:
    """Stands in for an object of so many bytes, and notes what is asked for."""

    def __init__(self, size):
        self.data = bytes(range(256)) * (size // 256)
        self.asked = []

    def get_object(self, *, Range, **_):  # noqa: N803
        first, _, last = Range.removeprefix("bytes=").partition("-")
        start = int(first) if first else len(self.data) - int(last)
        data = self.data[start : int(last) + 1] if first else self.data[start:]
        self.asked.append(len(data))
        return {"Body": io.BytesIO(data), "ContentRange": f"bytes {start}-/{len(self.data)}"}


def asked_for(reads, size=8 * BLOCK_BYTES):
    """How many bytes each request is for, after the one for the tail, when these places are read."""
    s3 = Requests(size)
    file = RangedObject(s3, "inbox", "x")
    for start, length in reads:
        file.seek(start)
        assert file.read(length) == s3.data[start : start + length]
    return s3.asked[1:]


def test_many_small_reads_that_follow_each_other_closely_are_fetched_as_blocks():
    asked = asked_for([(start, 1_000) for start in range(0, 4 * BLOCK_BYTES, 30_000)])
    assert asked[:2] == [1_000, 1_000]
    assert set(asked[2:]) == {BLOCK_BYTES}
    assert len(asked) <= 2 + 5


def test_a_block_ends_where_the_tail_begins():
    size = BLOCK_BYTES // 2
    asked = asked_for([(start, 1_000) for start in range(0, size, 30_000)], size)
    assert sum(asked) <= size - TAIL_BYTES + 2_000


@pytest.mark.parametrize(
    "reads",
    [
        [(start, 1_000) for start in range(0, 4 * BLOCK_BYTES, CLOSE_BYTES + 2_000)],  # far from each other
        [(start, CLOSE_BYTES + 1) for start in range(0, 4 * BLOCK_BYTES, CLOSE_BYTES + 1)],  # large
        [(start, 1_000) for start in range(4 * BLOCK_BYTES, 0, -30_000)],  # backwards
    ],
    ids=["far", "large", "backwards"],
)
def test_of_others_no_more_is_fetched_than_is_read(reads):
    assert asked_for(reads) == [length for _, length in reads]


def test_an_empty_object_has_no_bytes(put):
    file = put(b"")
    assert (file.size, file.read(), file.read(3), file.bytes_read) == (0, b"", b"", 0)


def test_s3_s_refusal_of_a_range_of_an_empty_object_means_that_it_is_empty():
    with stubbed("s3") as (client, stubber):
        stubber.add_client_error("get_object", "InvalidRange", http_status_code=416)
        assert RangedObject(client, "inbox", "x").size == 0


def test_of_a_parquet_file_only_the_needed_columns_are_fetched(put):
    rows = 100_000
    data = parquet({"x": np.arange(rows), "big": np.random.default_rng(1).random(rows)}, use_dictionary=False)
    file = put(data)
    got = [*read_batches(open_parquet(file), ["x"])]
    assert sum(batch.num_rows for batch in got) == rows
    assert file.bytes_read < len(data) * 0.6
    assert pq.read_table(put(data)).num_rows == rows


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("NoSuchKey", 404),
        ("NoSuchVersion", 404),
        ("MethodNotAllowed", 405),  # the version is a delete marker
        ("405", 405),
        ("404", 404),
        ("PreconditionFailed", 412),
    ],
)
def test_every_way_in_which_s3_says_so_means_gone(code, status):
    with stubbed("s3") as (client, stubber):
        stubber.add_client_error("get_object", code, http_status_code=status)
        with pytest.raises(SourceGone):
            RangedObject(client, "inbox", "x", version="v")


@pytest.mark.parametrize(
    ("code", "status"),
    [("SlowDown", 503), ("InternalError", 500), ("ServiceUnavailable", 503), ("Whatever", 502)],
)
def test_a_throttle_or_failure_of_s3_is_for_later(code, status):
    with stubbed("s3") as (client, stubber):
        stubber.add_client_error("get_object", code, http_status_code=status)
        with pytest.raises(ServiceBusy, match=r"S3 did not give s3://inbox/x"):
            RangedObject(client, "inbox", "x")


def test_a_refusal_is_neither_gone_nor_busy():
    with stubbed("s3") as (client, stubber):
        stubber.add_client_error("get_object", "AccessDenied", http_status_code=403)
        with pytest.raises(ClientError, match="AccessDenied"):
            RangedObject(client, "inbox", "x")


def opened(client, stubber, size):
    """A file of `size` bytes, of which the tail has been fetched."""
    tail = DATA[:TAIL_BYTES]
    answer = {"ContentRange": f"bytes {size - TAIL_BYTES}-{size - 1}/{size}", "Body": body(tail)}
    stubber.add_response(
        "get_object", answer, {"Bucket": "inbox", "Key": "x", "Range": f"bytes=-{TAIL_BYTES}"}
    )
    return RangedObject(client, "inbox", "x")


def body(data, length=None):
    return StreamingBody(io.BytesIO(data), length or len(data))


def test_each_read_before_the_tail_is_one_ranged_request():
    with stubbed("s3") as (client, stubber):
        file = opened(client, stubber, SIZE)
        asked = {"Bucket": "inbox", "Key": "x", "Range": "bytes=100-149"}
        stubber.add_response("get_object", {"Body": body(DATA[100:150])}, asked)
        file.seek(100)
        assert file.read(50) == DATA[100:150]


@pytest.mark.parametrize(
    ("code", "error"),
    [("NoSuchVersion", SourceGone), ("PreconditionFailed", SourceGone), ("SlowDown", ServiceBusy)],
)
def test_trouble_in_the_middle_of_a_file_is_told_apart_as_well(code, error):
    with stubbed("s3") as (client, stubber):
        file = opened(client, stubber, SIZE)
        stubber.add_client_error("get_object", code, http_status_code=503 if error is ServiceBusy else 404)
        with pytest.raises(error):
            file.read(1)


def test_an_answer_that_breaks_off_is_for_later():
    with stubbed("s3") as (client, stubber):
        file = opened(client, stubber, SIZE)
        stubber.add_response("get_object", {"Body": body(b"half", length=50)})
        with pytest.raises(ServiceBusy):
            file.read(50)


def test_an_excerpt_is_read_as_the_file_is_where_it_has_it():
    excerpt = Excerpt(100, [(10, DATA[10:20]), (90, DATA[90:100])])
    for start, size in ((10, 10), (12, 3), (90, 10), (99, 1)):
        excerpt.seek(start)
        assert excerpt.read(size) == DATA[start : start + size]
    assert excerpt.seek(-4, io.SEEK_END) == 96
    assert excerpt.read() == DATA[96:100]


@pytest.mark.parametrize(("start", "size"), [(9, 2), (19, 2), (0, 100), (50, 1)])
def test_what_an_excerpt_has_not_is_a_defect(start, size):
    excerpt = Excerpt(100, [(10, DATA[10:20])])
    excerpt.seek(start)
    with pytest.raises(AssertionError, match="were not fetched"):
        excerpt.read(size)


def test_a_range_is_of_the_object_as_it_was_or_of_none(s3):
    etag = s3.put_object(Bucket="work", Key="x", Body=b"0123456789")["ETag"].strip('"')
    ranges = Ranges(s3, "work", "x", etag=etag)
    assert (ranges.tail(3), ranges.part(2, 4)) == (Tail(b"789", 10, etag), b"2345")
    assert Ranges(s3, "work", "x").tail(99) == Tail(b"0123456789", 10, etag)
    s3.put_object(Bucket="work", Key="x", Body=b"another")
    with pytest.raises(SourceGone):
        ranges.part(2, 4)
