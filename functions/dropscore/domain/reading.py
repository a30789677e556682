"""Reading parquet from a file-like object: only the columns that are needed, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from dropscore.domain.errors import ContentError
from dropscore.domain.shards import ROW_GROUP

MAX_METADATA_BYTES = 64 * 1024 * 1024
"""Strings and containers of a footer beyond this are refused by the reader instead of being believed."""


def open_parquet(file: IO[bytes] | Any) -> pq.ParquetFile:
    """Open a file for reading; only its footer is read.

    Raises
    ------
    ContentError
        It is not a readable Parquet file.
    """
    with _content():
        return pq.ParquetFile(
            file,
            pre_buffer=True,
            thrift_string_size_limit=MAX_METADATA_BYTES,
            thrift_container_size_limit=MAX_METADATA_BYTES,
            coerce_int96_timestamp_unit="us",
            page_checksum_verification=True,
        )


def read_batches(parquet: pq.ParquetFile, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """The rows in order, at most `ROW_GROUP` at a time; one row group's columns are fetched at once.

    Raises
    ------
    ContentError
        A part of the file cannot be decoded, or there are fewer or more rows than its footer says.
    """
    rows = 0
    with _content():
        for group in range(parquet.num_row_groups):
            for batch in parquet.iter_batches(ROW_GROUP, row_groups=[group], columns=columns):
                rows += batch.num_rows
                yield batch
    if rows != parquet.metadata.num_rows:
        raise ContentError(f"the file has {rows} rows, but its footer says {parquet.metadata.num_rows}")


@contextmanager
def _content() -> Iterator[None]:
    """Arrow's complaints about what it reads, as the sender's fault; the adapters' own errors pass."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ContentError(f"not a readable Parquet file: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
