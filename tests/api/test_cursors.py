"""Cursors: what is written is read again, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.api.cursors import Cursors
from dropscore.api.errors import BadRequest

OURS = Cursors("drops", "a", 1)


@given(st.text(max_size=200))
def test_a_position_comes_back_as_it_was(position):
    cursor = OURS.write(position)
    assert OURS.read(cursor) == position
    assert cursor.isascii()
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_no_cursor_is_no_position():
    assert OURS.read(None) is None


@given(st.text(max_size=60))
def test_what_we_have_not_written_is_refused(text):
    with pytest.raises(BadRequest, match="cursor"):
        OURS.read(text)


@given(st.text(max_size=20), st.integers(0, 10_000), st.integers(1, 255))
def test_a_single_other_byte_is_noticed(position, place, change):
    cursor = bytearray(OURS.write(position).encode())
    cursor[place % len(cursor)] ^= change
    with pytest.raises(BadRequest):
        OURS.read(cursor.decode("latin-1"))


@pytest.mark.parametrize("other", [("drops", "a", 2), ("drops", "a"), ("rejects", "a", 1), ("drops", "a1")])
def test_a_cursor_of_another_request_is_told_so(other):
    with pytest.raises(BadRequest, match="given for another request"):
        OURS.read(Cursors(*other).write("5"))
