"""Filters and the join: what the container is sent of a mini-batch, and what is kept of its answer."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from local.sagemaker.instance.column_path import ColumnPath, ColumnPathError
from local.sagemaker.instance.errors import ClientFault

Cells = list[bytes]

QUOTE = b'"'
PLAIN, QUOTED, CRLF, NO_FINAL_NEWLINE = "plain", "quoted", "crlf", "no_final_newline"
# The filter Dropscore uses: worth a way of its own, which makes no object for a row.
ALL_BUT_FIRST = ColumnPath.parse("$[1:]")
_FIRST_CELL = re.compile(rb"^[^,\n]*,?", re.MULTILINE)


@dataclass(frozen=True)
class Assembly:
    """How requests and outputs of one job are put together, a line at a time."""

    input_filter: ColumnPath
    output_filter: ColumnPath
    is_joined: bool
    by_line: bool

    def request(self, batch: bytes) -> bytes:
        """What the container is sent of a mini-batch: the columns InputFilter keeps."""
        if self.input_filter.keeps_all:
            return batch
        if self.input_filter == ALL_BUT_FIRST and QUOTE not in batch:
            return _FIRST_CELL.sub(b"", batch)
        return _written(_selected(_rows(batch), self.input_filter), b"\n", is_quoted=QUOTE in batch)

    def output(self, batch: bytes, answer: bytes) -> bytes:
        """What goes into the ``.out`` object for a mini-batch.

        Raises
        ------
        ClientFault
            When the answer does not hold one line for each record of the mini-batch.
        """
        end = b"\n" if self.by_line else b""
        if not self.is_joined and self.output_filter.keeps_all:
            return answer + end
        rows = _joined(batch, answer) if self.is_joined else _rows(answer)
        is_quoted = QUOTE in answer or (self.is_joined and QUOTE in batch)
        return _written(_selected(rows, self.output_filter), end, is_quoted=is_quoted)


def in_style(block: bytes, style: str) -> bytes:
    """A block of lines as a style writes them (``local.sagemaker.faults.CsvStyle``); they mean the same."""
    if style == QUOTED:
        quoted = (
            [QUOTE + cell.replace(QUOTE, QUOTE * 2) + QUOTE for cell in cells] for cells in _rows(block)
        )
        return b"\n".join(map(b",".join, quoted)) + (b"\n" if block.endswith(b"\n") else b"")
    if style == CRLF:
        return block.replace(b"\n", b"\r\n")
    return block.removesuffix(b"\n") if style == NO_FINAL_NEWLINE else block


def _written(rows: Iterator[Cells], end: bytes, *, is_quoted: bool) -> bytes:
    """Rows as text; where there were quotes, a cell that needs them gets them again."""
    line = _quoted_line if is_quoted else b",".join
    text = io.BytesIO()
    text.writelines(line(cells) + end for cells in rows)
    return text.getvalue()


def _rows(block: bytes) -> Iterator[Cells]:
    """The cells of each line of a block; the end of the last line makes no further line."""
    if QUOTE in block:
        return (_split_quoted(line) for line in io.BytesIO(block))
    return (line.removesuffix(b"\n").split(b",") for line in io.BytesIO(block))


def _joined(batch: bytes, answer: bytes) -> Iterator[Cells]:
    """Each record's cells with those of its prediction after them."""
    try:
        for record, predicted in zip(_rows(batch), _rows(answer), strict=True):
            yield record + predicted
    except ValueError as problem:
        counts = [block.removesuffix(b"\n").count(b"\n") + 1 for block in (answer, batch)]
        raise ClientFault(
            f"Failed to join: {counts[0]} records answered to a mini-batch of {counts[1]}"
        ) from problem


def _selected(rows: Iterator[Cells], path: ColumnPath) -> Iterator[Cells]:
    select: Callable[[Cells], Cells] = path.select
    try:
        for cells in rows:
            yield select(cells)
    except (ColumnPathError, csv.Error, UnicodeDecodeError) as problem:
        raise ClientFault(f"Failed to filter the record: {problem}") from problem


def _split_quoted(line: bytes) -> Cells:
    return [cell.encode() for cell in next(csv.reader([line.decode()]), [])]


def _quoted_line(cells: Cells) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow([cell.decode() for cell in cells])
    return written.getvalue().encode()
