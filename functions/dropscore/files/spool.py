"""A Parquet object in the making: in memory while it is small, else in a temporary file."""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import IO, Self

import pyarrow as pa
import pyarrow.parquet as pq

from dropscore.domain.shards import ROW_GROUP

_IN_MEMORY = 8 * 1024 * 1024
PARQUET = "application/vnd.apache.parquet"
"""The media type of Parquet (IANA)."""


class ParquetSpool:
    """Collects tables of one schema, in row groups of `ROW_GROUP` rows."""

    def __init__(self, schema: pa.Schema) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by close()
        self._writer = pq.ParquetWriter(self._file, schema, compression="snappy")
        self.rows = 0
        self.metadata: dict[str, str] = {}
        """What `finish` writes into the file's key-value metadata."""

    def write(self, table: pa.Table) -> None:
        """Append rows."""
        if table.num_rows:
            self._writer.write_table(table, row_group_size=ROW_GROUP)
            self.rows += table.num_rows

    def finish(self) -> IO[bytes]:
        """The finished file, at its start; nothing can be written any more."""
        self._writer.add_key_value_metadata(self.metadata)
        self._writer.close()
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Free the memory or the temporary file."""
        self._writer.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
