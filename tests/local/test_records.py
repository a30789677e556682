"""How an object is cut into request bodies."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.sagemaker.instance.errors import ClientFault
from local.sagemaker.instance.records import mini_batches


class Trickle(io.BytesIO):
    """A stream that gives less than it is asked for, as a network stream may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size, 3) if size and size > 0 else size)


def cut(body: bytes, *, split: str = "Line", strategy: str = "MultiRecord", limit: int = 10) -> list[bytes]:
    return list(mini_batches(io.BytesIO(body), split=split, strategy=strategy, limit=limit))


def test_as_many_lines_as_fit_go_into_a_mini_batch() -> None:
    assert cut(b"1,1\n2,2\n3,3\n4,4\n") == [b"1,1\n2,2\n", b"3,3\n4,4\n"]


def test_the_last_line_needs_no_end() -> None:
    assert cut(b"1,1\n2,2\n3,3") == [b"1,1\n2,2\n", b"3,3"]


def test_a_single_record_is_one_line() -> None:
    assert cut(b"1,1\n2,2\n3,3", strategy="SingleRecord") == [b"1,1\n", b"2,2\n", b"3,3"]


def test_an_unsplit_object_is_one_record() -> None:
    assert cut(b"1,1\n2,2\n", split="None") == [b"1,1\n2,2\n"]


def test_an_empty_object_makes_no_request_by_line() -> None:
    assert cut(b"") == []


@pytest.mark.parametrize("strategy", ["MultiRecord", "SingleRecord"])
def test_a_record_larger_than_the_payload_is_an_error(strategy: str) -> None:
    with pytest.raises(ClientFault, match="max payload"):
        cut(b"1,1\n" + b"2" * 11 + b"\n", strategy=strategy)


def test_an_unsplit_object_larger_than_the_payload_is_an_error() -> None:
    with pytest.raises(ClientFault, match="max payload"):
        cut(b"1" * 11, split="None")


def test_a_record_of_exactly_the_payload_fits() -> None:
    assert cut(b"123456789\n123456789\n") == [b"123456789\n", b"123456789\n"]


@given(
    lines=st.lists(st.text("0123456789.,-", max_size=9).map(str.encode), max_size=60),
    limit=st.integers(min_value=10, max_value=40),
)
def test_nothing_is_lost_or_cut_in_two_however_the_stream_comes(lines: list[bytes], limit: int) -> None:
    body = b"".join(line + b"\n" for line in lines)

    batches = list(mini_batches(Trickle(body), split="Line", strategy="MultiRecord", limit=limit))

    assert b"".join(batches) == body
    assert all(len(batch) <= limit and batch.endswith(b"\n") for batch in batches)
