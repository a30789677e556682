"""From what a request asks for to the numbers the model is fed, by the one implementation of the features."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from dropscore.api.errors import Fault
from dropscore.domain.errors import quoted
from dropscore.domain.features import Extraction
from dropscore.domain.spec import FeatureSpec
from dropscore.predict.asked import Asked, FeatureRows, kind, refuse

Matrix = list[list[float]]

_EXAMPLE = "2026-03-01T12:34:56+01:00"
_SHOWN = 100
"""Characters of a name or a text, which may be long."""


class _Unfit(Exception):
    """What a value is, and what it should be."""


def matrix(asked: Asked, spec: FeatureSpec) -> Matrix:
    """The features of every row, in the spec's order.

    Parameters
    ----------
    asked
        Rows of features, or of a drop's columns. Timestamps are ISO 8601 strings. As in a drop the wall clock
        of their own zone counts, which is the one they are written in, unless the spec sets a zone: then they
        are instants, and UTC where they name no offset. Keys and the target may be there, and are not looked
        at.
    spec
        Of the version that serves.

    Returns
    -------
    list of list of float
        Shape (rows, features), float64, finite.

    Raises
    ------
    BadRequest
        A row has too many or too few values, one that is missing, unknown, of a wrong type, null, not finite,
        or no timestamp; every place is named.
    """
    return _given(asked.rows, spec) if isinstance(asked, FeatureRows) else _computed(asked.rows, spec)


def _given(rows: Sequence[Sequence[Any]], spec: FeatureSpec) -> Matrix:
    refuse([fault for index, row in enumerate(rows) for fault in _misfits(f"data[{index}]", row, spec)])
    return [[float(value) for value in row] for row in rows]


def _misfits(place: str, row: Sequence[Any], spec: FeatureSpec) -> Iterator[Fault]:
    """What is wrong with a row of features."""
    if len(row) != len(spec.features):
        names = quoted(spec.features)
        yield Fault(place, f"has {len(row)} values, expected {len(spec.features)}: {names}")
        return
    for index, value in enumerate(row):
        if problem := _no_number(value):
            yield Fault(f"{place}[{index}]", problem)


def _no_number(value: Any) -> str | None:
    """What is wrong with a value that has to be a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"is {kind(value)}, expected a number"
    return None if _is_finite(value) else "is not finite"


def _is_finite(number: float) -> bool:
    """Whether a number is finite as float64."""
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer beyond float64
        return False


def _computed(rows: Sequence[Mapping[str, Any]], spec: FeatureSpec) -> Matrix:
    # Rows in a request are told apart by their places; keys and actuals are for results.
    spec, tolerated = replace(spec, keys=(), target=None), {*spec.keys, spec.target, spec.timestamp}
    names = [*spec.column_features, *([str(spec.timestamp)] if spec.derived else [])]
    refuse(list(_misnamed(rows, names, tolerated)))
    batch = pa.RecordBatch.from_arrays([_column(rows, name, spec) for name in names], names=names)
    extract = Extraction.bind(spec, batch.schema).extract(batch, 0)
    refuse(list(_rejected(extract.rejects)))
    values = [extract.features.column(name).to_pylist() for name in spec.features]
    return [[float(value) for value in row] for row in zip(*values, strict=True)]


def _misnamed(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str], tolerated: Collection[str | None]
) -> Iterator[Fault]:
    for index, row in enumerate(rows):
        for name in names:
            if name not in row:
                yield Fault(_place(index, name), "is missing")
        for name in row:
            if name not in names and name not in tolerated:
                yield Fault(_place(index, name), f"is no column of the model, which takes {quoted(names)}")


def _place(index: int, name: str) -> str:
    return f"rows[{index}].{name[:_SHOWN]}"


def _column(rows: Sequence[Mapping[str, Any]], name: str, spec: FeatureSpec) -> pa.Array:
    """One column of the rows, as a drop would have it; null where a row has null."""
    is_timestamp = name == spec.timestamp
    values, faults = [], []
    for index, row in enumerate(rows):
        try:
            values.append(_instant(row[name], spec) if is_timestamp else _number(row[name]))
        except _Unfit as error:
            faults.append(Fault(_place(index, name), str(error)))
    refuse(faults)
    if is_timestamp:
        return pa.array(values, pa.timestamp("us", None if spec.timezone is None else "UTC"))
    return pa.array(values, pa.float64())


def _number(value: Any) -> float | None:
    """A number or boolean as float64; _Unfit says what else it is."""
    if value is None:
        return None
    if not isinstance(value, int | float):
        raise _Unfit(f"is {kind(value)}, expected a number or boolean")
    return float(value) if _is_finite(value) else math.inf


def _instant(value: Any, spec: FeatureSpec) -> datetime | None:
    """A timestamp, as a wall clock or in UTC; _Unfit says what else it is."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise _Unfit(f"is {kind(value)}, expected a timestamp such as {_EXAMPLE}")
    try:
        written = datetime.fromisoformat(value)
        if spec.timezone is None:
            return written.replace(tzinfo=None)
        return (written if written.tzinfo else written.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _Unfit(f"is {value[:_SHOWN]!r}, expected a timestamp such as {_EXAMPLE}") from error


def _rejected(rejects: pa.Table) -> Iterator[Fault]:
    """The rows that have no features, as batch scoring would say it."""
    for reject in rejects.to_pylist():
        name = reject["column"]
        yield Fault(_place(reject["row"], name), reject["reason"].removeprefix(f"{name} "))
