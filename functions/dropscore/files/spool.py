"""A Parquet object in the making: in memory while it is small, else in a temporary file."""

from __future__ import annotations

import tempfile
from collections.abc import Collection
from types import TracebackType
from typing import IO, Self

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from dropscore.domain.shards import ROW_GROUP

_IN_MEMORY = 1024 * 1024
_WRITTEN_AT_ONCE = 1024 * 1024
PARQUET = "application/vnd.apache.parquet"
"""The media type of Parquet (IANA)."""

_DELTA = "DELTA_BINARY_PACKED"


class ParquetSpool:
    """Collects tables of one schema, in row groups of `ROW_GROUP` rows.

    Texts are written with a dictionary, numbers without: a row group has more of them than a dictionary is
    good for, and building one takes longer than all the rest.

    Parameters
    ----------
    schema
        What readers find; its metadata are written, too.
    ascending
        Integer and timestamp columns that mostly grow. Their differences are written (DELTA_BINARY_PACKED,
        Parquet's Encodings.md), which takes a fraction of the time and the bytes. Only for files that we
        read ourselves: Spark's vectorized reader knows the encoding since 3.3 (SPARK-36879), so Glue 3.0
        does not, Iceberg's since 2025 (apache/iceberg, pull request 13391), and DuckDB read timestamps wrong
        until early 2023 (duckdb/duckdb, pull request 6836).
    """

    def __init__(self, schema: pa.Schema, ascending: Collection[str] = ()) -> None:
        self._schema = schema
        self._ascending = ascending
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by close()
        self._sink = pa.output_stream(self._file, buffer_size=_WRITTEN_AT_ONCE)
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0
        self.metadata: dict[str, str] = {}
        """What `finish` writes into the file's key-value metadata."""

    def write(self, table: pa.Table) -> None:
        """Append rows; texts may come dictionary-encoded, if the same columns do each time."""
        if table.num_rows:
            self._open(table.schema).write_table(table, row_group_size=ROW_GROUP)
            self.rows += table.num_rows

    def finish(self) -> IO[bytes]:
        """The finished file, at its start; nothing can be written any more."""
        writer = self._open(self._schema)
        writer.add_key_value_metadata({**(self._schema.metadata or {}), **self.metadata})
        writer.close()
        self._sink.flush()
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Free the memory or the temporary file."""
        try:
            if self._writer:
                self._writer.close()
            self._sink.close()
        finally:
            self._file.close()

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        """The writer, made for a schema when there is none yet.

        The file does not repeat Arrow's schema: it would say which texts came dictionary-encoded, and make
        them categories to pandas. What columns there are and of what types, Parquet's own schema says.
        """
        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._sink,
                schema,
                compression="snappy",
                use_dictionary=[field.name for field in self._schema if pt.is_string(field.type)],
                column_encoding=dict.fromkeys(self._ascending, _DELTA) or None,
                store_schema=False,
            )
        return self._writer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
