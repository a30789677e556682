"""The footers of Parquet objects: what they say about row groups and where their bytes lie."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import pyarrow.parquet as pq

from dropscore.domain.window import TIMESTAMP, Window

MAX_FOOTERS_BYTES = 4 * 1024 * 1024
"""Footers that are kept, by their size in the file; unpacked they take about four times as much."""


@dataclass(frozen=True)
class Footer:
    """What the end of an object says about it."""

    metadata: pq.FileMetaData
    size: int
    etag: str

    @cached_property
    def starts(self) -> list[int]:
        """The place of each row group's first row, and of what would come after the last one."""
        groups = (self.metadata.row_group(g).num_rows for g in range(self.metadata.num_row_groups))
        return [0, *accumulate(groups)]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(self.metadata.schema.names)

    @property
    def zoned(self) -> bool:
        """Whether the timestamps came with a zone, and are UTC therefore (the design, "Result columns")."""
        said = (self.metadata.metadata or {}).get(b"ts_source_type", b"").decode()
        return "tz=" in said

    def group_at(self, place: int) -> int:
        """The row group that a place lies in."""
        return bisect_right(self.starts, place) - 1

    def may_hold(self, group: int, window: Window) -> bool:
        """Whether a row group can have rows within the window's bounds, as its statistics say."""
        if self.metadata.row_group(group).num_rows == 0:
            return False
        if not window.filtered:
            return True
        statistics = self.metadata.row_group(group).column(self.names.index(TIMESTAMP)).statistics
        if statistics is None or not statistics.has_min_max:
            return statistics is None or statistics.num_values > 0  # none where every timestamp is null
        before = window.since is not None and statistics.max < window.since
        after = window.until is not None and statistics.min >= window.until
        return not (before or after)

    def next_group(self, group: int, window: Window) -> int | None:
        """The first row group from `group` on that can have rows within the window's bounds."""
        groups = range(group, self.metadata.num_row_groups)
        return next((g for g in groups if self.may_hold(g, window)), None)

    def span(self, groups: Sequence[int], columns: Sequence[str]) -> tuple[int, int]:
        """Where the columns' bytes in the row groups begin and end."""
        chunks = [self._chunk(group, name) for group in groups for name in columns]
        firsts = [min(c.data_page_offset, c.dictionary_page_offset or c.data_page_offset) for c in chunks]
        ends = [first + chunk.total_compressed_size for first, chunk in zip(firsts, chunks, strict=True)]
        return min(firsts), max(ends)

    def unpacked(self, group: int, columns: Sequence[str]) -> int:
        """How many bytes the columns take up in a row group, unpacked."""
        return sum(self._chunk(group, name).total_uncompressed_size for name in columns)

    def _chunk(self, group: int, name: str) -> Any:
        return self.metadata.row_group(group).column(self.names.index(name))


class Footers:
    """The footers of the objects read last: what has been written is never changed, so they stay true."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Footer] = OrderedDict()

    def get(self, key: str) -> Footer | None:
        """The object's footer, if it is kept."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, key: str, footer: Footer) -> None:
        """Keep a footer, and no longer those that were asked for longest ago."""
        self._kept[key] = footer
        while sum(kept.metadata.serialized_size for kept in self._kept.values()) > MAX_FOOTERS_BYTES:
            self._kept.popitem(last=False)

    def drop(self, key: str) -> None:
        """Forget a footer."""
        self._kept.pop(key, None)
