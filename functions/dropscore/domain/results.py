"""Joining a job's outputs to the rows they belong to, and the form of a result."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from dropscore.domain.errors import OutputsIncomplete
from dropscore.domain.features import REJECT_SCHEMA, reject_rows
from dropscore.domain.spec import RESULT_COLUMNS

REJECTS_SCHEMA = REJECT_SCHEMA.insert(0, pa.field("drop_id", pa.string()))
"""The columns of `rejects/<drop_id>.parquet`: which row, because of which column, and why."""

MAX_LINE_BYTES = 256
"""What a line of an output may have, on average: a row number and a prediction have 50 at most."""

_OUTPUT_COLUMNS = pa.schema([("row", pa.int64()), ("prediction", pa.float64())])


@dataclass(frozen=True)
class Joined:
    """One shard's rows with their predictions, in row order.

    Attributes
    ----------
    scored
        `row` int64, `ts` timestamp[us], `prediction` and `actual` float64, then the spec's keys.
    rejects
        `REJECT_SCHEMA`: the rows whose prediction is not finite.
    """

    scored: pa.Table
    rejects: pa.Table


def check_output_size(size: int, rows: int) -> None:
    """Refuse an output, before it is read, that is too large for its shard.

    Raises
    ------
    OutputsIncomplete
        It has more bytes than the lines of so many rows can have.
    """
    if size > (most := MAX_LINE_BYTES * (rows + 1)):
        raise OutputsIncomplete(
            f"the output has {size} bytes, more than the {most} that {rows} `row,prediction` lines may have"
        )


def join(context: pa.Table, output: bytes) -> Joined:
    """Join the `row,prediction` lines of one output to the rows of its shard, by row number.

    Parameters
    ----------
    context
        The shard's rows (`features.context_schema`), ascending.
    output
        The `.out` object: one `row,prediction` a line, in any order; blank lines are tolerated.

    Raises
    ------
    OutputsIncomplete
        A row is missing, there twice, or not of this shard, or a line cannot be read.
    """
    predictions = _read_output(output)
    if not pc.all(pc.greater(predictions["row"][1:], predictions["row"][:-1])).as_py():
        predictions = predictions.sort_by("row")
    rows = context["row"].combine_chunks()
    got = predictions["row"].combine_chunks()
    if not got.equals(rows):
        raise OutputsIncomplete(_difference(rows, got))
    prediction = predictions["prediction"].combine_chunks()
    finite = pc.is_finite(prediction)
    table = context.add_column(2, "prediction", prediction)
    rejected = pa.Table.from_batches(
        [reject_rows(rows.filter(pc.invert(finite)), "prediction", "is not finite")]
    )
    return Joined(table.filter(finite), rejected)


def result_schema(key_columns: Sequence[str]) -> pa.Schema:
    """The columns of a result: the design's fixed ones, then the keys as strings."""
    kinds = (pa.string(), pa.int64(), pa.timestamp("us"), pa.float64(), pa.float64())
    return pa.schema(
        [*zip(RESULT_COLUMNS, kinds, strict=True), *((name, pa.string()) for name in key_columns)]
    )


def result_keys(hive_keys: Mapping[str, str], spec_keys: Sequence[str]) -> list[str]:
    """The key columns of a result: those of the key, then the spec's, which win where both have a name."""
    return [*(name for name in hive_keys if name not in spec_keys), *spec_keys]


def result_table(drop_id: str, hive_keys: Mapping[str, str], scored: pa.Table) -> pa.Table:
    """The rows of `Joined.scored` as a result has them (`result_schema`)."""
    spec_keys = scored.column_names[4:]
    schema = result_schema(result_keys(hive_keys, spec_keys))
    columns = {name: scored[name] for name in scored.column_names}
    for name, value in {"drop_id": drop_id, **hive_keys}.items():
        columns.setdefault(name, pa.repeat(value, scored.num_rows))
    return pa.table([columns[name] for name in schema.names], schema=schema)


def rejects_table(drop_id: str, rejects: pa.Table) -> pa.Table:
    """Rejected rows (`REJECT_SCHEMA`) as the results bucket holds them (`REJECTS_SCHEMA`)."""
    return rejects.add_column(0, "drop_id", pa.repeat(drop_id, rejects.num_rows))


def _read_output(output: bytes) -> pa.Table:
    if not output.strip():
        return _OUTPUT_COLUMNS.empty_table()
    try:
        return csv.read_csv(
            io.BytesIO(output),
            csv.ReadOptions(column_names=_OUTPUT_COLUMNS.names),
            csv.ParseOptions(quote_char=False),
            csv.ConvertOptions(column_types=_OUTPUT_COLUMNS, null_values=[]),
        )
    except MemoryError:  # Arrow's says nothing about the lines
        raise
    except pa.ArrowException as error:
        raise OutputsIncomplete(f"the output is not `row,prediction` lines: {error}") from error


def _difference(expected: pa.Array, got: pa.Array) -> str:
    """What is wrong with the rows that came back, with the first row of each kind."""
    missing = expected.filter(pc.invert(pc.is_in(expected, value_set=got)))
    strange = got.filter(pc.invert(pc.is_in(got, value_set=expected)))
    counts = pc.value_counts(got)
    double = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    found = (("missing", missing), ("there more than once", double), ("not of this shard", strange))
    problems = [f"{len(rows)} rows {what} (first: row {rows[0]})" for what, rows in found if len(rows)]
    return f"of {len(expected)} rows: {', '.join(problems)}"
