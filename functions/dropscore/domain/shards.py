"""Shards: the CSV objects that a batch transform reads, and where a drop's rows lie in them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import csv

from dropscore.domain.features import REJECT_SCHEMA, Extract, Extraction

ROW_GROUP = 65_536
"""Rows of a batch, and of a row group of what we write (the design's page size)."""

SHARD_ROWS = 8 * ROW_GROUP
"""Rows of a shard: whole row groups, so that a shard and its context are read side by side."""


@dataclass(frozen=True)
class Shard:
    """One CSV object of feature rows of one drop, and what belongs to the same rows.

    Attributes
    ----------
    number
        0-based, in row order.
    csv
        No header; `row`, then the features, in shortest exact decimal form; one row a line.
    context
        What collect needs beside the predictions, one line per row (`features.context_schema`).
    """

    number: int
    csv: bytes
    context: pa.Table


def convert(
    extraction: Extraction, batches: Iterable[pa.RecordBatch], shard_rows: int = SHARD_ROWS
) -> Iterator[Shard | pa.Table]:
    """Cut the rows that can be scored into shards of `shard_rows` rows, holding little more than one.

    Yields
    ------
    Shard or pyarrow.Table
        Shards in row order, and between them, as they are found, rejected rows (`REJECT_SCHEMA`).
    """
    pending: list[Extract] = []
    first_row, number = 0, 0
    for batch in batches:
        extract = extraction.extract(batch, first_row)
        first_row += batch.num_rows
        if extract.rejects.num_rows:
            yield extract.rejects
        if extract.features.num_rows:  # after an empty batch write_csv goes wrong (apache/arrow issue 36889)
            pending.append(extract)
        while sum(e.features.num_rows for e in pending) >= shard_rows:
            features, context = _joined(pending)
            pending = _rest(features.slice(shard_rows), context.slice(shard_rows))
            yield _shard(number, features.slice(0, shard_rows), context.slice(0, shard_rows))
            number += 1
    if pending:
        yield _shard(number, *_joined(pending))


def _joined(pending: list[Extract]) -> tuple[pa.Table, pa.Table]:
    return pa.Table.from_batches([e.features for e in pending]), pa.Table.from_batches(
        [e.context for e in pending]
    )


def _rest(features: pa.Table, context: pa.Table) -> list[Extract]:
    """What did not fit into the shard, copied so that the shard's memory can go."""
    if not features.num_rows:
        return []
    parts = (features.combine_chunks().to_batches()[0], context.combine_chunks().to_batches()[0])
    return [Extract(*parts, rejects=REJECT_SCHEMA.empty_table())]


def _shard(number: int, features: pa.Table, context: pa.Table) -> Shard:
    sink = io.BytesIO()
    csv.write_csv(features, sink, csv.WriteOptions(include_header=False, quoting_style="none"))
    return Shard(number, sink.getvalue(), context)
