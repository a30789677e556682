"""Accept and Accept-Encoding as RFC 9110 has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.api.negotiation import preferred, takes_gzip

OFFERS = ["application/json", "text/csv", "application/x-ndjson"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        ("text/*", "text/csv"),
        ("text/csv;charset=utf-8", "text/csv"),
        ("text/csv ; q=0.2 , application/json ; q=0.1", "text/csv"),
        ("text/csv;q=0.2,application/json;q=0.2", "application/json"),
        ("application/*;q=0.5, application/json;q=0.1", "application/x-ndjson"),
        ("application/json;q=0, */*", "text/csv"),
        ("*/*;q=0.1, text/csv", "text/csv"),
        ("text/csv;q=1.000", "text/csv"),
        ("text/csv;Q=0.5", "text/csv"),
        ("text/html", None),
        ("application/json;q=0", None),
        ("*/*;q=0", None),
        ("text/csv;q=2", "application/json"),  # cannot be read: as if there were none
        (";;,", "application/json"),
        ("text/csv;q=0.5, ,text/html", "text/csv"),
    ],
)
def test_the_offer_that_is_liked_best(header, expected):
    assert preferred(header, OFFERS) == expected


@given(st.text())
def test_any_header_can_be_read(header):
    assert preferred(header, OFFERS) in [*OFFERS, None]
    assert takes_gzip(header) in (True, False)
