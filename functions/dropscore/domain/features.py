"""The one implementation of the features: from a drop's columns to what the model is fed, row by row.

Training and scoring both come here, so that a model sees in production what it saw when it learned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from dropscore.domain.errors import ContentError, quoted
from dropscore.domain.key_text import KEY_TYPES, is_key, key_text
from dropscore.domain.row_faults import RowFaults
from dropscore.domain.spec import DERIVED_FEATURES, FeatureSpec
from dropscore.domain.wall_clock import FIRST_SECOND, LAST_SECOND, UNITS_PER_SECOND, own_zone, wall_clock
from dropscore.domain.zones import UnknownZone, zone

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
        `row_faults.REJECT_SCHEMA`: the other rows, in order.
    """

    features: pa.RecordBatch
    context: pa.RecordBatch
    rejects: pa.Table


@dataclass(frozen=True)
class Extraction:
    """A feature spec bound to the columns of one file.

    Attributes
    ----------
    spec
        Its keys are those that the file has; the others come from the folders that the file lies in.
    """

    spec: FeatureSpec
    schema: pa.Schema

    @classmethod
    def bind(cls, spec: FeatureSpec, schema: pa.Schema, folders: Collection[str] = ()) -> Extraction:
        """Check that a file with `schema` has what `spec` needs, of types that it can be made from.

        Parameters
        ----------
        folders
            Names of the `name=value` folders that the file lies in: a key may be one where the file has no
            such column (the design, "Feature spec"). Where it has one, the column counts.

        Raises
        ------
        ContentError
            A column is missing, there twice or of a wrong type, or features come from the clock of its own
            zone, which is unknown; the message names it.
        """
        for name in spec.column_features:
            _require(schema, name, _is_numeric, "a number or boolean")
        if spec.timestamp is not None and (spec.derived or spec.timestamp in schema.names):
            kind = _require(schema, spec.timestamp, _is_timestamp, "a timestamp or date")
            if spec.derived and spec.timezone is None:  # otherwise the column's own zone is a label
                _check_zone(spec.timestamp, kind)
        if spec.target is not None and spec.target in schema.names:
            _require(schema, spec.target, _is_numeric, "a number or boolean")
        keys = tuple(name for name in spec.keys if name in schema.names or name not in folders)
        for name in keys:
            _require(schema, name, is_key, KEY_TYPES, folders)
        return cls(replace(spec, keys=keys), schema)

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

    @property
    def timestamps_read_as(self) -> str:
        """How the timestamps are read; empty where the file has none.

        `instants` have a zone of their own. Without one they are `UTC` where the spec has a zone, which
        features are computed in, and else `wall clock`.
        """
        kind = self.timestamp_type
        if kind is None:
            return ""
        if "tz=" in str(kind):
            return "instants"
        return "wall clock" if self.spec.timezone is None else "UTC"

    def extract(self, batch: pa.RecordBatch, first_row: int) -> Extract:
        """Turn a batch, whose first is row `first_row` of the source, into features, context and rejects."""
        rows = pa.arange(first_row, first_row + batch.num_rows)
        faults = RowFaults(rows)
        instants = self._instants(batch, faults)
        clock = self._clock(instants, faults) if self.spec.derived else None
        values = [_feature(name, batch, clock, faults) for name in self.spec.features]
        features = pa.RecordBatch.from_arrays([rows, *values], names=["row", *self.spec.features])
        context = self._context(batch, instants, faults)
        return Extract(faults.without(features), faults.without(context), faults.found())

    def _instants(self, batch: pa.RecordBatch, faults: RowFaults) -> pa.Array:
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

    def _clock(self, instants: pa.Array, faults: RowFaults) -> pa.Array:
        """The wall clock that derived features are read from; null for rows that have none."""
        faults.add(str(self.spec.timestamp), "is null", pc.is_null(instants))
        where = self.spec.timezone or instants.type.tz
        return instants if where is None else wall_clock(instants, where)

    def _context(self, batch: pa.RecordBatch, instants: pa.Array, faults: RowFaults) -> pa.RecordBatch:
        target = self.spec.target
        if target is not None and target in batch.schema.names:
            actual = _number(batch.column(target)).cast(pa.float64(), safe=False)
        else:
            actual = pa.nulls(batch.num_rows, pa.float64())
        keys = [_key(name, batch, faults) for name in self.spec.keys]
        columns = [faults.rows, _utc_microseconds(instants), actual, *keys]
        return pa.RecordBatch.from_arrays(columns, schema=context_schema(self.spec.keys))


def context_schema(keys: Sequence[str]) -> pa.Schema:
    """The columns that collect needs beside the predictions: `row`, `ts`, `actual` and the spec's keys."""
    fixed = [("row", pa.int64()), ("ts", pa.timestamp("us")), ("actual", pa.float64())]
    return pa.schema([*fixed, *((name, pa.string()) for name in keys)])


def _feature(name: str, batch: pa.RecordBatch, clock: pa.Array | None, faults: RowFaults) -> pa.Array:
    """One feature of every row, int64 or float64; notes the rows that have none."""
    if clock is not None and name in DERIVED_FEATURES:
        return _DERIVE[name](clock).cast(pa.int64())
    values = _number(batch.column(name))
    faults.add(name, "is null", pc.is_null(values))
    if pt.is_floating(values.type):
        faults.add(name, "is not finite", pc.invert(pc.is_finite(values)))
    return values


def _key(name: str, batch: pa.RecordBatch, faults: RowFaults) -> pa.Array:
    """A key of every row, as text; notes the rows whose value has none."""
    found = key_text(_plain(batch.column(name)))
    if found.unfit is not None:
        faults.add(name, found.reason, found.unfit)
    return found.texts


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


def _require(
    schema: pa.Schema,
    name: str,
    fits: Callable[[pa.DataType], bool],
    expected: str,
    folders: Collection[str] = (),
) -> pa.DataType:
    """The type of the column `name`, which must be there once and fit."""
    places = schema.get_all_field_indices(name)
    if len(places) != 1:
        problem = "is missing" if not places else f"is there {len(places)} times"
        beside = f"; its folders name: {quoted(folders)}" if folders else ""
        raise ContentError(f"column {name!r} {problem}; the file has: {quoted(schema.names)}{beside}")
    kind = schema.field(places[0]).type
    kind = kind.value_type if pt.is_dictionary(kind) else kind
    if not (fits(kind) or pt.is_null(kind)):  # a column of nulls only has no type of its own
        raise ContentError(f"column {name!r} has type {kind}, expected {expected}")
    return kind


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_boolean(kind) or pt.is_decimal(kind))


def _is_timestamp(kind: pa.DataType) -> bool:
    return bool(pt.is_timestamp(kind) or pt.is_date(kind))


def _check_zone(name: str, kind: pa.DataType) -> None:
    try:
        if own := own_zone(kind):
            zone(own)
    except UnknownZone as error:
        raise ContentError(f"column {name!r}: {error}") from error
