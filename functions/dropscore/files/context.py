"""What prepare has kept of a drop's rows, read a shard at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import pyarrow as pa
import pyarrow.parquet as pq

from dropscore.aws.ranged import RangedObject
from dropscore.domain.features import context_schema
from dropscore.domain.shards import ROW_GROUP

SHARD_ROWS_METADATA = "shard_rows"
TS_TYPE_METADATA = "ts_source_type"
TS_READ_AS_METADATA = "ts_read_as"
"""What the context's key-value metadata say: rows per shard, the timestamps' type, and how they were read."""

_FIXED = len(context_schema(()))

_NARROW_BYTES = 1024 * 1024
"""Of texts in a row group, unpacked: so few bytes are a dictionary, whose limit this is, and its indices."""


@dataclass(frozen=True)
class ShardRows:
    """Where the rows of one shard lie.

    Attributes
    ----------
    groups
        Row groups of the context, which never lie across shards.
    rows
        How many rows there are.
    """

    groups: Sequence[int]
    rows: int


class Context:
    """The rows of a drop that went into shards; threads may share it, and wait for each other then.

    Raises
    ------
    SourceGone, ServiceBusy
        As `RangedObject` does.
    """

    def __init__(self, file: RangedObject) -> None:
        footer = pq.ParquetFile(file).metadata
        said = {key.decode(): value.decode() for key, value in footer.metadata.items()}
        self._footer = footer
        self._shard_rows = int(said[SHARD_ROWS_METADATA])
        self._reading = Lock()
        self.timestamp_type = said[TS_TYPE_METADATA]
        self.timestamps_read_as = said.get(TS_READ_AS_METADATA, "")
        self.spec_keys: list[str] = footer.schema.names[_FIXED:]
        narrow = [name for place, name in enumerate(self.spec_keys, _FIXED) if self._is_narrow(place)]
        self._file = pq.ParquetFile(file, metadata=footer, pre_buffer=True, read_dictionary=narrow)

    @property
    def shards(self) -> list[ShardRows]:
        """The shards' rows, in order."""
        every = range(self._footer.num_row_groups)
        at_once = max(1, self._shard_rows // ROW_GROUP)
        shards = [every[first : first + at_once] for first in every[::at_once]]
        return [ShardRows(shard, sum(map(self._rows, shard))) for shard in shards]

    def read(self, shard: ShardRows) -> pa.Table:
        """The rows of a shard (`context_schema`); keys that repeat come dictionary-encoded, in all shards."""
        with self._reading:  # a file has one position
            return self._file.read_row_groups([*shard.groups], use_threads=False)

    def _rows(self, group: int) -> int:
        return int(self._footer.row_group(group).num_rows)

    def _is_narrow(self, place: int) -> bool:
        """Whether the texts of a column are written once each, in every row group."""
        groups = range(self._footer.num_row_groups)
        return all(
            self._footer.row_group(group).column(place).total_uncompressed_size <= _NARROW_BYTES
            for group in groups
        )
