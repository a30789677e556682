"""The one implementation of the features: from a drop's columns to what the model is fed, row by row.

Training and scoring both come here, so that a model sees in production what it saw when it learned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from dropscore.domain.errors import ContentError
from dropscore.domain.spec import DERIVED_FEATURES, FeatureSpec
from dropscore.domain.wall_clock import FIRST_SECOND, LAST_SECOND, UNITS_PER_SECOND, wall_clock
from dropscore.domain.zones import UnknownZone, zone

REJECT_SCHEMA = pa.schema([("row", pa.int64()), ("column", pa.string()), ("reason", pa.string())])
"""One line per row that could not be scored: which row, because of which column, and why."""

_NAMES_SHOWN = 20
_DAY = 86_400

_DERIVE: dict[str, Callable[[pa.Array], pa.Array]] = {
    "minutes": pc.minute,
    "hour": pc.hour,
    "day_of_week": lambda clock: pc.day_of_week(clock, count_from_zero=True, week_start=1),
    "day": pc.day,
    "month": pc.month,
    "is_weekend": lambda clock: pc.greater_equal(
        pc.day_of_week(clock, count_from_zero=True, week_start=1), 5
    ),
}


@dataclass(frozen=True)
class Extract:
    """What a batch of source rows comes to; `features` and `context` have a line per row that can be scored.

    Attributes
    ----------
    features
        `row` int64 (0-based, in the source), then an int64 or float64 column per feature, in order.
    context
        `row` int64, `ts` timestamp[us], `actual` float64, then the spec's keys as strings.
    rejects
        `REJECT_SCHEMA`: the other rows, in order.
    """

    features: pa.RecordBatch
    context: pa.RecordBatch
    rejects: pa.Table


@dataclass(frozen=True)
class Extraction:
    """A feature spec bound to the columns of one file."""

    spec: FeatureSpec
    schema: pa.Schema

    @classmethod
    def bind(cls, spec: FeatureSpec, schema: pa.Schema) -> Extraction:
        """Check that a file with `schema` has what `spec` needs, of types that it can be made from.

        Raises
        ------
        ContentError
            A column is missing, there twice or of a wrong type, or its zone is unknown; the message names it.
        """
        for name in spec.column_features:
            _require(schema, name, _is_numeric, "a number or boolean")
        if spec.timestamp is not None and (spec.derived or spec.timestamp in schema.names):
            kind = _require(schema, spec.timestamp, _is_timestamp, "a timestamp or date")
            _check_zone(spec.timestamp, kind)
        if spec.target is not None and spec.target in schema.names:
            _require(schema, spec.target, _is_numeric, "a number or boolean")
        for name in spec.keys:
            _require(schema, name, _is_printable, "a string, number, boolean or date")
        return cls(spec, schema)

    @property
    def columns(self) -> list[str]:
        """The columns of the file that are read, each once; possibly none that the file need not have."""
        spec = self.spec
        wanted = [*spec.column_features, *spec.keys]
        wanted += [
            name for name in (spec.timestamp, spec.target) if name is not None and name in self.schema.names
        ]
        return list(dict.fromkeys(wanted))

    @property
    def timestamp_type(self) -> pa.DataType | None:
        """The type of the timestamp column, or None where the file has none."""
        name = self.spec.timestamp
        return self.schema.field(name).type if name is not None and name in self.schema.names else None

    def extract(self, batch: pa.RecordBatch, first_row: int) -> Extract:
        """Turn a batch, whose first is row `first_row` of the source, into features, context and rejects."""
        rows = pa.arange(first_row, first_row + batch.num_rows)
        faults = _Faults(rows)
        instants = self._instants(batch, faults)
        clock = self._clock(instants, faults) if self.spec.derived else None
        values = [_feature(name, batch, clock, faults) for name in self.spec.features]
        features = pa.RecordBatch.from_arrays([rows, *values], names=["row", *self.spec.features])
        context = self._context(batch, rows, instants)
        return Extract(faults.without(features), faults.without(context), faults.found())

    def _instants(self, batch: pa.RecordBatch, faults: _Faults) -> pa.Array:
        """The timestamp column as timestamps that the calendar can show; all null where the file has none."""
        name = self.spec.timestamp
        if name is None or name not in batch.schema.names:
            return pa.nulls(batch.num_rows, pa.timestamp("us"))
        column = _plain(batch.column(name))
        instants = column if pt.is_timestamp(column.type) else column.cast(pa.timestamp("ms"))
        if _within_calendar(instants):
            return instants
        outside = _outside_calendar(instants)
        faults.add(name, "is outside the years 1 to 9999 (in nanoseconds: 1677 to 2262)", outside)
        return pc.if_else(outside, pa.scalar(None, instants.type), instants)

    def _clock(self, instants: pa.Array, faults: _Faults) -> pa.Array:
        """The wall clock that derived features are read from; null for rows that have none."""
        faults.add(str(self.spec.timestamp), "is null", pc.is_null(instants))
        where = self.spec.timezone or instants.type.tz
        return instants if where is None else wall_clock(instants, where)

    def _context(self, batch: pa.RecordBatch, rows: pa.Array, instants: pa.Array) -> pa.RecordBatch:
        target = self.spec.target
        if target is not None and target in batch.schema.names:
            actual = _number(batch.column(target)).cast(pa.float64(), safe=False)
        else:
            actual = pa.nulls(batch.num_rows, pa.float64())
        keys = [_plain(batch.column(name)).cast(pa.string()) for name in self.spec.keys]
        columns = [rows, _utc_microseconds(instants), actual, *keys]
        return pa.RecordBatch.from_arrays(columns, schema=context_schema(self.spec.keys))


def context_schema(keys: Sequence[str]) -> pa.Schema:
    """The columns that collect needs beside the predictions: `row`, `ts`, `actual` and the spec's keys."""
    fixed = [("row", pa.int64()), ("ts", pa.timestamp("us")), ("actual", pa.float64())]
    return pa.schema([*fixed, *((name, pa.string()) for name in keys)])


class _Faults:
    """What is wrong with the rows of a batch: of each row the first fault that was found."""

    def __init__(self, rows: pa.Array) -> None:
        self._rows = rows
        self._found: list[pa.RecordBatch] = []
        self.fine = pc.is_valid(rows)

    def add(self, column: str, reason: str, at_fault: pa.Array) -> None:
        """Note the rows where `at_fault` is true (null counts as false) and that had no fault before."""
        if not at_fault.true_count:
            return
        fresh = pc.and_(self.fine, at_fault.fill_null(fill_value=False))
        rows = self._rows.filter(fresh)
        if len(rows):
            self._found.append(reject_rows(rows, column, reason))
            self.fine = pc.and_not(self.fine, fresh)

    def without(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of a batch that nothing is wrong with."""
        return batch.filter(self.fine) if self._found else batch

    def found(self) -> pa.Table:
        """Every fault, in row order."""
        found = pa.Table.from_batches(self._found, schema=REJECT_SCHEMA)
        return found.sort_by("row") if self._found else found


def reject_rows(rows: pa.Array, column: str, reason: str) -> pa.RecordBatch:
    """The lines (`REJECT_SCHEMA`) that say of each of `rows` that it was rejected, because of `column`."""
    columns = [rows, pa.repeat(column, len(rows)), pa.repeat(f"{column} {reason}", len(rows))]
    return pa.RecordBatch.from_arrays(columns, schema=REJECT_SCHEMA)


def _feature(name: str, batch: pa.RecordBatch, clock: pa.Array | None, faults: _Faults) -> pa.Array:
    """One feature of every row, int64 or float64; notes the rows that have none."""
    if clock is not None and name in DERIVED_FEATURES:
        return _DERIVE[name](clock).cast(pa.int64())
    values = _number(batch.column(name))
    faults.add(name, "is null", pc.is_null(values))
    if pt.is_floating(values.type):
        faults.add(name, "is not finite", pc.invert(pc.is_finite(values)))
    return values


def _plain(column: pa.Array) -> pa.Array:
    """The column without its dictionary encoding."""
    return column.dictionary_decode() if pt.is_dictionary(column.type) else column


def _number(column: pa.Array) -> pa.Array:
    """A numeric or boolean column as int64 (uint64 as it is) or, when it can have fractions, as float64."""
    column = _plain(column)
    if pt.is_uint64(column.type):
        return column
    if pt.is_integer(column.type) or pt.is_boolean(column.type):
        return column.cast(pa.int64())
    return column.cast(pa.float64())


def _within_calendar(instants: pa.Array) -> bool:
    """Whether no instant is `_outside_calendar`, as nearly always: the first and the last one tell."""
    ends = pc.min_max(instants.cast(pa.int64())).as_py()
    first, last = _calendar(instants.type.unit)
    return ends["min"] is None or (first <= ends["min"] and ends["max"] <= last)


def _outside_calendar(instants: pa.Array) -> pa.Array:
    """Which instants lie outside the years that a calendar can show, or at the very ends of its unit."""
    ticks = instants.cast(pa.int64())
    first, last = _calendar(instants.type.unit)
    return pc.or_(pc.less(ticks, first), pc.greater(ticks, last)).fill_null(fill_value=False)


def _calendar(unit: str) -> tuple[int, int]:
    """The first and the last tick that a calendar can show."""
    per_second = UNITS_PER_SECOND[unit]
    end = 2**63 - 2 * _DAY * per_second  # a zone's wall clock must fit into 64 bits, too
    return max(FIRST_SECOND * per_second, -end), min(LAST_SECOND * per_second, end)


def _utc_microseconds(instants: pa.Array) -> pa.Array:
    """Instants as timestamp[us]: zoned ones in UTC, others as they are; finer parts are cut off."""
    naive = instants.cast(pa.int64()).cast(pa.timestamp(instants.type.unit))
    if instants.type.unit == "ns":
        naive = pc.floor_temporal(naive, unit="microsecond")
    return naive.cast(pa.timestamp("us"))


def _require(schema: pa.Schema, name: str, fits: Callable[[pa.DataType], bool], expected: str) -> pa.DataType:
    """The type of the column `name`, which must be there once and fit."""
    places = schema.get_all_field_indices(name)
    if len(places) != 1:
        problem = "is missing" if not places else f"is there {len(places)} times"
        there = ", ".join(schema.names[:_NAMES_SHOWN]) + (", …" if len(schema.names) > _NAMES_SHOWN else "")
        raise ContentError(f"column {name!r} {problem}; the file has: {there}")
    kind = schema.field(places[0]).type
    kind = kind.value_type if pt.is_dictionary(kind) else kind
    if not (fits(kind) or pt.is_null(kind)):  # a column of nulls only has no type of its own
        raise ContentError(f"column {name!r} has type {kind}, expected {expected}")
    return kind


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_boolean(kind) or pt.is_decimal(kind))


def _is_timestamp(kind: pa.DataType) -> bool:
    return bool(pt.is_timestamp(kind) or pt.is_date(kind))


def _is_printable(kind: pa.DataType) -> bool:
    text = pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind)
    return _is_numeric(kind) or bool(text or pt.is_date(kind))


def _check_zone(name: str, kind: pa.DataType) -> None:
    if pt.is_timestamp(kind) and kind.tz is not None:
        try:
            zone(kind.tz)
        except UnknownZone as error:
            raise ContentError(f"column {name!r}: {error}") from error
