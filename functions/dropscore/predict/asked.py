"""What a request asks for: rows of features, or rows of a drop's columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dropscore.api.errors import BadRequest, Fault

MOST_ROWS = 1_000
MOST_FAULTS = 20
"""That are named: 1,000 rows may be wrong at thousands of places, most of them for one reason."""


@dataclass(frozen=True)
class FeatureRows:
    """Rows of features, in the order of the feature spec: `{"data": [[38, 16, 4]]}`."""

    rows: Sequence[Any]


@dataclass(frozen=True)
class SourceRows:
    """Rows as a drop has them, from which features are computed: `{"rows": [{"ts": "…"}]}`."""

    rows: Sequence[Mapping[str, Any]]


Asked = FeatureRows | SourceRows


def read(body: bytes) -> Asked:
    """Read the body of a request. What its rows have to hold depends on the version that serves.

    Raises
    ------
    BadRequest
        It is not a JSON object with `data` or `rows`, a list of 1 to 1,000 lists or objects.
    """
    document = _document(body)
    if len(document) != 1 or not document.keys() & {"data", "rows"}:
        raise BadRequest(
            Fault("body", 'send {"data": [[…], …]} or {"rows": [{…}, …]}, and nothing beside it')
        )
    ((name, rows),) = document.items()
    if not isinstance(rows, list):
        raise BadRequest(Fault(name, f"is {kind(rows)}, expected a list of rows"))
    if not 1 <= len(rows) <= MOST_ROWS:
        raise BadRequest(Fault(name, f"has {len(rows):,} rows, expected 1 to {MOST_ROWS:,}"))
    row_type, expected = (list, "a list of numbers") if name == "data" else (dict, "an object")
    refuse(
        [
            Fault(f"{name}[{index}]", f"is {kind(row)}, expected {expected}")
            for index, row in enumerate(rows)
            if not isinstance(row, row_type)
        ]
    )
    return FeatureRows(rows) if name == "data" else SourceRows(rows)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(Fault("body", f"is not JSON: {error}")) from error
    if not isinstance(document, dict):
        raise BadRequest(Fault("body", f"is {kind(document)}, expected an object"))
    return document


def refuse(faults: Sequence[Fault]) -> None:
    """Refuse the request if anything is wrong with it.

    Raises
    ------
    BadRequest
        Something is; the first places are named.
    """
    if faults:
        raise BadRequest(*faults[:MOST_FAULTS])


def kind(value: Any) -> str:
    """What a JSON value is, for a sentence."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
