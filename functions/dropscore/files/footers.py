"""The footers of Parquet objects: what they say about row groups and where their bytes lie."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import pyarrow.parquet as pq

from dropscore.domain.window import TIMESTAMP, Window

MAX_FOOTERS_BYTES = 4 * 1024 * 1024
"""Footers that are kept, by their size in the file; unpacked they take about four times as much."""

WORTH_A_REQUEST = 2 * 1024 * 1024
"""Bytes that are not wanted: fetching more of them takes longer than a request that leaves them out."""

MOST_STRETCHES = 4
"""Requests for the rows of a page."""


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

    def stretches(self, groups: Sequence[int], columns: Sequence[str]) -> list[range]:
        """Where the columns' bytes in the row groups lie, `MOST_STRETCHES` at most, in order.

        What lies between them is left out where it is more than `WORTH_A_REQUEST`, the widest gaps first.
        """
        chunks = [self._chunk(group, name) for group in groups for name in columns]
        firsts = [min(c.data_page_offset, c.dictionary_page_offset or c.data_page_offset) for c in chunks]
        ends = [first + chunk.total_compressed_size for first, chunk in zip(firsts, chunks, strict=True)]
        pieces = [range(*ends_of) for ends_of in sorted(zip(firsts, ends, strict=True))]
        gaps = [(after.start - before.stop, after.start) for before, after in pairwise(pieces)]
        widest = sorted((gap for gap in gaps if gap[0] > WORTH_A_REQUEST), reverse=True)
        cuts = {start for _, start in widest[: MOST_STRETCHES - 1]}
        found = [pieces[0]]
        for piece in pieces[1:]:
            if piece.start in cuts:
                found.append(piece)
            else:
                found[-1] = range(found[-1].start, max(found[-1].stop, piece.stop))
        return found

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
