"""Messages have a length in bytes of what is sent, whatever they quote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.domain.errors import MAX_MESSAGE, ContentError, shortened


@pytest.mark.parametrize("letter", ["x", "é", "€", "\U0001f600"])
def test_a_message_is_cut_at_a_character_and_says_so(letter):
    said = shortened(letter * MAX_MESSAGE * 2)
    assert said.strip(letter) == "…"
    assert MAX_MESSAGE - 4 < len(said.encode()) <= MAX_MESSAGE


@pytest.mark.parametrize("letter", ["x", "é", "€", "\U0001f600"])
def test_a_message_that_fits_stays_as_it_is(letter):
    fits = letter * (MAX_MESSAGE // len(letter.encode()))
    assert shortened(fits) == fits
    assert str(ContentError(fits)) == fits


@given(st.text(st.characters(), max_size=10).map(lambda text: text * 400))
def test_whatever_it_quotes_a_message_can_be_sent(text):
    assert len(shortened(text).encode()) <= MAX_MESSAGE


def test_half_a_surrogate_pair_is_no_character():
    assert shortened("a\ud800b") == "a?b"
