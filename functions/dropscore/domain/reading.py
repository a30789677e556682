"""Reading parquet from a file-like object: only the columns that are needed, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from dropscore.domain.errors import ContentError, quoted
from dropscore.domain.shards import ROW_GROUP

MAX_FOOTER_BYTES = 64 * 1024 * 1024
"""A larger footer is not read: it describes 18,000 row groups of 35 columns."""

MAX_FOOTER_ITEMS = 1_000_000
"""Columns, row groups or other items of one list in a footer: more are not believed, and no room is made."""

MAX_ROW_BYTES = 4 * 1024
"""What the columns that are read may take of one row, on average of a row group; numbers take 8 each."""

FETCHED_AT_ONCE = 16 * 1024 * 1024
"""A row group with more bytes is fetched piece by piece."""

FETCHED_TOGETHER = 1024 * 1024
"""Row groups are fetched together up to so many bytes: one after the other, where parts may be at once."""

PIECE_BYTES = (64 * 1024, 4 * 1024 * 1024)
"""The least and the most that such a piece has of one column; all together have `FETCHED_AT_ONCE` at most."""

BATCH_ROWS = ROW_GROUP // 2
"""The most rows that are handled at a time: so few that several can be in work in little memory."""

_END = 8
"""A file ends with its footer's size, in four bytes, and `PAR1` (the format's specification)."""

_DECRYPT = "decrypt"
"""A word in what Arrow says of an encrypted column or footer, and of nothing else (pyarrow 26)."""

_OPTIONS = {
    "thrift_string_size_limit": MAX_FOOTER_BYTES,
    "thrift_container_size_limit": MAX_FOOTER_ITEMS,
    "coerce_int96_timestamp_unit": "us",
    "page_checksum_verification": True,
}


class OpenParquet(pq.ParquetFile):  # type: ignore[misc]  # pyarrow has no types
    """A file whose footer has been read and makes sense."""

    def __init__(self, file: IO[bytes] | Any) -> None:
        super().__init__(file, pre_buffer=True, **_OPTIONS)
        self.file = file

    def whole(self, file: IO[bytes] | Any) -> pq.ParquetFile:
        """The same file, opened anew, of which the columns of a row group are fetched as a whole."""
        return pq.ParquetFile(file, metadata=self.metadata, pre_buffer=True, **_OPTIONS)

    def by_pieces(self, file: IO[bytes] | Any, columns: int) -> pq.ParquetFile:
        """The same file, of so many of whose columns a piece is fetched at a time, not a whole row group."""
        least, most = PIECE_BYTES
        piece = max(least, min(most, FETCHED_AT_ONCE // columns))
        return pq.ParquetFile(file, metadata=self.metadata, pre_buffer=False, buffer_size=piece, **_OPTIONS)


@dataclass(frozen=True)
class Part:
    """Row groups that are fetched together, and the bytes they unpack to; of each no more is fetched."""

    groups: tuple[int, ...]
    nbytes: int


Started = tuple[Any, Iterator[pa.RecordBatch]]
"""The first batch of a part, or None, and those that follow it."""


def open_parquet(file: IO[bytes] | Any) -> OpenParquet:
    """Open a file for reading; only its footer is read.

    Raises
    ------
    ContentError
        It is not a readable Parquet file, or its footer is too large or contradicts itself.
    """
    file.seek(-min(_END, file.seek(0, 2)), 2)
    footer = int.from_bytes(file.read(4), "little")
    if MAX_FOOTER_BYTES < footer <= file.tell():
        raise ContentError(
            f"its footer has {footer} bytes, more than the {MAX_FOOTER_BYTES} that are read: write fewer row "
            "groups or columns"
        )
    with _content():
        parquet = OpenParquet(file)
    metadata = parquet.metadata
    rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    if sum(rows) != metadata.num_rows or min(rows, default=0) < 0:
        raise ContentError(
            f"its footer says {metadata.num_rows} rows, but its {len(rows)} row groups have {sum(rows)}: "
            "write it anew"
        )
    return parquet


def read_batches(
    parquet: OpenParquet,
    columns: list[str],
    *,
    in_order: Callable[[Callable[[Part], Started], Iterable[Part]], Iterable[Started]] = map,
    again: Callable[[], IO[bytes] | Any] | None = None,
) -> Iterator[pa.RecordBatch]:
    """The rows in order, at most `BATCH_ROWS` at a time; held is little more than `FETCHED_AT_ONCE`.

    Parameters
    ----------
    in_order
        Has parts of the file fetched: `map` as they are needed; what does the same by threads, in advance.
    again
        Gives the file anew, to be read beside itself; with threads there has to be one.

    Raises
    ------
    ContentError
        A part of the file cannot be decoded, or there are fewer or more rows than its footer says, or the
        columns take more than `MAX_ROW_BYTES` of a row.
    """

    def start(part: Part) -> Started:
        file = again() if again else parquet.file
        small = 0 < part.nbytes <= FETCHED_AT_ONCE
        reader = parquet.whole(file) if small else parquet.by_pieces(file, len(columns))
        batches = reader.iter_batches(BATCH_ROWS, row_groups=part.groups, columns=columns, use_threads=False)
        return next(batches, None), batches

    metadata = parquet.metadata
    sizes = [metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)]
    for number, size in enumerate(sizes):
        _check_unpacked(parquet, number, size, columns)
    rows = 0
    with _content(lambda: _encrypted(parquet, columns, again)):
        for first, others in in_order(start, _parts(sizes)):
            batch = first
            while batch is not None:
                rows += batch.num_rows
                yield batch
                batch = next(others, None)
    if rows != metadata.num_rows:
        raise ContentError(f"the file has {rows} rows, but its footer says {metadata.num_rows}")


def _check_unpacked(parquet: OpenParquet, number: int, size: int, columns: list[str]) -> None:
    """Refuse a row group, of so many bytes in all, whose columns unpack to more than rows can have.

    What the footer says of single columns is looked at only where it matters: pyarrow ends the process over
    some of the lies that may stand there ("terminate called": SizeStatistics, pyarrow 26).
    """
    metadata, group = parquet.metadata, parquet.metadata.row_group(number)
    most = MAX_ROW_BYTES * max(group.num_rows, ROW_GROUP // 4)  # a few rows have no meaningful average
    if size <= most:
        return
    names = [parquet.schema.column(place).path for place in range(metadata.num_columns)]
    places = [place for place in range(min(len(names), group.num_columns)) if names[place] in columns]
    unpacked = sum(group.column(place).total_uncompressed_size for place in places)
    if unpacked > most:
        raise ContentError(
            f"in row group {number} the columns {quoted(columns)} unpack to {unpacked} bytes, more than "
            f"the {most} that {group.num_rows} rows may take"
        )


def _parts(sizes: list[int]) -> Iterator[Part]:
    """What is fetched together of row groups that unpack to so many bytes, in order."""
    groups: list[int] = []
    total = 0
    for number, size in enumerate(sizes):
        if groups and total + size > FETCHED_TOGETHER:
            yield Part(tuple(groups), total)
            groups, total = [], 0
        groups.append(number)
        total += size
    if groups:
        yield Part(tuple(groups), total)


def _encrypted(parquet: OpenParquet, columns: list[str], again: Callable[[], IO[bytes] | Any] | None) -> str:
    """Which of the columns it is that cannot be read without a key (Parquet's Encryption.md)."""
    for name in columns:
        reader = parquet.whole(again() if again else parquet.file)
        try:
            next(reader.iter_batches(1, row_groups=[0], columns=[name]), None)
        except (pa.ArrowException, OSError) as error:
            if _DECRYPT in str(error):
                return f"column {name!r}"
    return "a column"


@contextmanager
def _content(encrypted: Callable[[], str] = lambda: "the file") -> Iterator[None]:
    """Arrow's complaints about what it reads, as the sender's fault; the adapters' own errors pass."""
    try:
        yield
    except MemoryError:  # Arrow's is a complaint, too, but not about the format
        raise
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if _DECRYPT in str(error):
            raise ContentError(f"{encrypted()} is encrypted: write it without encryption") from error
        raise ContentError(f"not a readable Parquet file: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
