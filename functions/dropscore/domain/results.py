"""Joining a job's outputs to the rows they belong to, and the form of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from dropscore.domain.errors import OutputsIncomplete
from dropscore.domain.features import context_schema
from dropscore.domain.key_text import NOT_UTF8, not_utf8
from dropscore.domain.row_faults import REJECT_SCHEMA, RowFaults
from dropscore.domain.spec import RESULT_COLUMNS

REJECTS_SCHEMA = REJECT_SCHEMA.insert(0, pa.field("drop_id", pa.string()))
"""The columns of `rejects/<drop_id>.parquet`: which row, because of which column, and why."""

MAX_LINE_BYTES = 256
"""What a line of an output may have, on average: a row number and a prediction have 50 at most."""

_FIXED = len(context_schema(()))
_OUTPUT_COLUMNS = pa.schema([("row", pa.int64()), ("prediction", pa.float64())])


@dataclass(frozen=True)
class Joined:
    """One shard's rows with their predictions, in row order.

    Attributes
    ----------
    scored
        `row` int64, `ts` timestamp[us], `prediction` and `actual` float64, then the spec's keys.
    rejects
        `REJECT_SCHEMA`: the rows whose prediction is not finite, or, of a context that an earlier version
        wrote, whose keys are not UTF-8.
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


def read_output(output: bytes) -> pa.Table:
    """The lines of one output.

    Parameters
    ----------
    output
        The `.out` object: one `row,prediction` a line, in any order, as RFC 4180 has it: cells may be in
        quotes, lines may end in CRLF, the last one need not end. Blank lines are tolerated.

    Returns
    -------
    pyarrow.Table
        `row` int64, `prediction` float64, as they come, without nulls.

    Raises
    ------
    OutputsIncomplete
        A line cannot be read.
    """
    if not output or output.isspace():
        return _OUTPUT_COLUMNS.empty_table()
    is_quoted = b'"' in output
    if is_quoted and output.count(b'"') % 2:  # Arrow takes the output's end for that of a quoted cell, too
        raise OutputsIncomplete("the output is not `row,prediction` lines: a quoted cell does not end")
    try:
        lines = csv.read_csv(
            pa.BufferReader(output),
            csv.ReadOptions(column_names=_OUTPUT_COLUMNS.names, use_threads=False),
            csv.ParseOptions(quote_char='"' if is_quoted else False),
            csv.ConvertOptions(column_types=_OUTPUT_COLUMNS, null_values=[]),
        )
    except MemoryError:  # Arrow's says nothing about the lines
        raise
    except pa.ArrowException as error:
        raise OutputsIncomplete(f"the output is not `row,prediction` lines: {error}") from error
    return lines.combine_chunks()


def join(context: pa.Table, lines: pa.Table) -> Joined:
    """Join the lines of one output to the rows of its shard, by row number.

    Parameters
    ----------
    context
        The shard's rows (`features.context_schema`), ascending.
    lines
        What `read_output` made of the output.

    Raises
    ------
    OutputsIncomplete
        A row is missing, there twice, or not of this shard.
    """
    predictions = _predictions(context["row"], lines)
    table = context.add_column(2, "prediction", predictions)
    faults = RowFaults(context["row"].combine_chunks())
    faults.add("prediction", "is not finite", pc.invert(pc.is_finite(predictions)))
    for name in context.column_names[_FIXED:]:
        if (unfit := not_utf8(context[name])) is not None:
            faults.add(name, NOT_UTF8, unfit)
    return Joined(faults.without(table), faults.found())


def result_schema(key_columns: Sequence[str]) -> pa.Schema:
    """The columns of a result: the design's fixed ones, then the keys as strings."""
    kinds = (pa.string(), pa.int64(), pa.timestamp("us"), pa.float64(), pa.float64())
    return pa.schema(
        [*zip(RESULT_COLUMNS, kinds, strict=True), *((name, pa.string()) for name in key_columns)]
    )


def result_keys(hive_keys: Mapping[str, str | None], spec_keys: Sequence[str]) -> list[str]:
    """The key columns of a result: the folders, then the file's, which win where both have a name."""
    return [*(name for name in hive_keys if name not in spec_keys), *spec_keys]


def result_table(drop_id: str, hive_keys: Mapping[str, str | None], scored: pa.Table) -> pa.Table:
    """The rows of `Joined.scored` as a result has them (`result_schema`), some texts dictionary-encoded."""
    spec_keys = scored.column_names[4:]
    schema = result_schema(result_keys(hive_keys, spec_keys))
    columns = {name: scored[name] for name in scored.column_names}
    for name, value in {"drop_id": drop_id, **hive_keys}.items():
        columns.setdefault(name, _repeated(value, scored.num_rows))
    return pa.table({name: columns[name] for name in schema.names})


def rejects_table(drop_id: str, rejects: pa.Table) -> pa.Table:
    """Rejected rows (`REJECT_SCHEMA`) as the results bucket holds them (`REJECTS_SCHEMA`)."""
    return rejects.add_column(0, "drop_id", pa.repeat(drop_id, rejects.num_rows))


def _repeated(value: str | None, rows: int) -> pa.DictionaryArray:
    """A text so many times over, of which each takes a byte: the place 0 in a dictionary of one, or null."""
    if value is None:
        return pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int8()), pa.array([], pa.string()))
    places = pa.Array.from_buffers(pa.int8(), rows, [None, pa.py_buffer(bytes(rows))])
    return pa.DictionaryArray.from_arrays(places, pa.array([value]))


def _predictions(rows: pa.ChunkedArray, lines: pa.Table) -> pa.Array:
    """The predictions of the lines (`_OUTPUT_COLUMNS`) in the order of the rows, each of which has one.

    Raises
    ------
    OutputsIncomplete
        The lines' rows are not these rows, each once.
    """
    if lines["row"].equals(rows):
        return lines["prediction"].combine_chunks()
    expected, got = rows.combine_chunks(), lines["row"].combine_chunks()
    ordered = _in_order(expected, got, lines["prediction"].combine_chunks())
    if ordered is None:
        raise OutputsIncomplete(_difference(expected, got))
    return ordered


def _in_order(rows: pa.Array, got: pa.Array, predictions: pa.Array) -> pa.Array | None:
    """Each prediction put into the place of its row, without sorting; None where they do not match.

    There are as many places as predictions: once none is empty, each has been filled exactly once.
    """
    if len(got) != len(rows):
        return None
    first = rows[0]
    if rows[-1].as_py() - first.as_py() == len(rows) - 1:
        places = pc.subtract(got, first)  # which wraps around, if at all, to where no row is
    else:
        places = pc.index_in(got, value_set=rows)
    ends = pc.min_max(places)
    if places.null_count or ends["min"].as_py() < 0 or ends["max"].as_py() >= len(rows):
        return None
    filled = pc.scatter(predictions, places)
    return None if filled.null_count else filled


def _difference(expected: pa.Array, got: pa.Array) -> str:
    """What is wrong with the rows that came back, with the first row of each kind."""
    missing = expected.filter(pc.invert(pc.is_in(expected, value_set=got)))
    strange = got.filter(pc.invert(pc.is_in(got, value_set=expected)))
    counts = pc.value_counts(got)
    double = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    found = (("missing", missing), ("there more than once", double), ("not of this shard", strange))
    problems = [f"{len(rows)} rows {what} (first: row {rows[0]})" for what, rows in found if len(rows)]
    return f"of {len(expected)} rows: {', '.join(problems)}"
