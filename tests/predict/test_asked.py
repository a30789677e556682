"""What a request may be."""

from __future__ import annotations

import pytest

from dropscore.api.errors import BadRequest
from dropscore.predict.asked import FeatureRows, SourceRows, read


def test_rows_of_features_and_rows_of_columns_are_told_apart() -> None:
    assert read(b'{"data": [[38, 16, 4]]}') == FeatureRows([[38, 16, 4]])
    assert read(b'{"rows": [{"ts": "x"}]}') == SourceRows([{"ts": "x"}])


@pytest.mark.parametrize(
    ("body", "field", "detail"),
    [
        (b"", "body", "is not JSON"),
        (b"\xff", "body", "is not JSON"),
        (b"[" * 100_000, "body", "is not JSON"),
        (b"[[38, 16, 4]]", "body", "is a list, expected an object"),
        (b"null", "body", "is null, expected an object"),
        (b"{}", "body", "and nothing beside it"),
        (b'{"data": [[1]], "rows": []}', "body", "and nothing beside it"),
        (b'{"data": [[1]], "extra": 1}', "body", "and nothing beside it"),
        (b'{"data": {"a": 1}}', "data", "is an object, expected a list of rows"),
        (b'{"data": []}', "data", "has 0 rows, expected 1 to 1,000"),
        (b'{"rows": [' + b",".join([b"{}"] * 1001) + b"]}", "rows", "has 1,001 rows"),
        (b'{"data": [[1], 2]}', "data[1]", "is a number, expected a list of numbers"),
        (b'{"rows": [{}, [1]]}', "rows[1]", "is a list, expected an object"),
    ],
)
def test_what_is_no_request_is_refused_with_the_place(body: bytes, field: str, detail: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(body)

    (fault,) = refused.value.faults
    assert fault.field == field
    assert detail in fault.detail


def test_a_thousand_rows_are_taken() -> None:
    assert len(read(b'{"data": [' + b",".join([b"[1]"] * 1000) + b"]}").rows) == 1000
