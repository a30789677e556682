"""Shards: the CSV objects that a batch transform reads, and where a drop's rows lie in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from dropscore.domain.features import Extraction
from dropscore.domain.lines import Lines, csv_bytes, csv_lines

ROW_GROUP = 65_536
"""Rows of a batch, and of a row group of what we write (the design's page size)."""

SHARD_BYTES = 4 * 1024 * 1024
"""About the size of a shard, unless the stack says otherwise."""


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

    @property
    def whole_rows(self) -> int:
        """Its rows, as whole row groups; the last shard of a drop may have fewer."""
        return -(-len(self.context) // ROW_GROUP) * ROW_GROUP


@dataclass(frozen=True)
class Numbered:
    """A batch, and which row of the source is its first."""

    batch: pa.RecordBatch
    first_row: int

    @property
    def nbytes(self) -> int:
        """Bytes of the batch."""
        return int(self.batch.nbytes)


@dataclass(frozen=True)
class Made:
    """What a batch comes to: the CSV line and the context of each row that can be scored, and the others."""

    lines: Lines
    context: pa.RecordBatch
    rejects: pa.Table


InOrder = Callable[[Callable[[Numbered], Made], Iterable[Numbered]], Iterable[Made]]
"""`map`, or what does the same by threads."""


def convert(
    extraction: Extraction,
    batches: Iterable[pa.RecordBatch],
    *,
    rows: int = ROW_GROUP,
    shard_bytes: int = SHARD_BYTES,
    shard_rows: int | None = None,
    in_order: InOrder = map,
) -> Iterator[Shard | pa.Table]:
    """Cut the rows that can be scored into shards, holding little more than one.

    Parameters
    ----------
    rows
        How many the batches have in all: the later a row, the more digits its number has.
    shard_bytes
        About the size of a shard: it has as many whole row groups as fit, and at least one, were all lines as
        long as those of the first batch, but for the row number.
    shard_rows
        Rows of a shard, where they are given.
    in_order
        Has the work on the batches done; each is independent of the others.

    Yields
    ------
    Shard or pyarrow.Table
        Shards in row order, and between them, as they are found, rejected rows (`REJECT_SCHEMA`).
    """

    def make(numbered: Numbered) -> Made:
        extract = extraction.extract(numbered.batch, numbered.first_row)
        return Made(csv_lines(extract.features), extract.context, extract.rejects)

    cut: _Cut | None = _Cut(shard_rows) if shard_rows else None
    for made in in_order(make, _numbered(batches)):
        if made.rejects.num_rows:
            yield made.rejects
        if len(made.lines):
            cut = cut or _Cut(_rows_of_shards(made, rows, shard_bytes))
            yield from cut.full(made)
    if cut:
        yield from cut.rest()


def _numbered(batches: Iterable[pa.RecordBatch]) -> Iterator[Numbered]:
    first_row = 0
    for batch in batches:
        yield Numbered(batch, first_row)
        first_row += batch.num_rows


class _Cut:
    """Cuts what is made of batches into shards."""

    def __init__(self, shard_rows: int) -> None:
        self._rows = shard_rows
        self._number = 0
        self._lines: list[Lines] = []
        self._context: list[pa.RecordBatch] = []
        self._pending = 0

    def full(self, made: Made) -> Iterator[Shard]:
        """The shards that are full with the rows of one more batch."""
        lines, context = made.lines, made.context
        while len(lines):
            room = self._rows - self._pending
            self._add(lines.slice(0, room), context.slice(0, room))
            lines, context = lines.slice(room), context.slice(room)
            if self._pending == self._rows:
                yield from self.rest()

    def rest(self) -> Iterator[Shard]:
        """What there is, if anything, as a shard."""
        if not self._pending:
            return
        shard = Shard(self._number, csv_bytes(self._lines), pa.Table.from_batches(self._context))
        self._lines, self._context, self._pending = [], [], 0
        self._number += 1
        yield shard

    def _add(self, lines: Lines, context: pa.RecordBatch) -> None:
        self._lines.append(lines)
        self._context.append(context)
        self._pending += len(lines)


def _rows_of_shards(first: Made, rows: int, shard_bytes: int) -> int:
    """How many rows shards of about so many bytes have: whole row groups."""
    digits = int(pc.sum(pc.binary_length(first.context["row"].cast(pa.string()))).as_py())
    full_width = len(first.lines.csv) - digits + len(first.lines) * len(str(rows))
    return max(1, shard_bytes * len(first.lines) // full_width // ROW_GROUP) * ROW_GROUP
