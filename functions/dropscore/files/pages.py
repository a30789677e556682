"""Pages of results and rejects: some rows of a Parquet object of any size, for a few ranged reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dropscore.aws.objects import Bucket
from dropscore.aws.ranged import Excerpt, Tail
from dropscore.domain.errors import BadPosition, SourceGone
from dropscore.domain.shards import ROW_GROUP
from dropscore.domain.window import TIMESTAMP, TooWide, UnknownColumn, Window
from dropscore.files.footers import Footer, Footers

MAX_GROUPS = 2
"""Row groups that one page reads at most; they lie side by side, so that one request mostly fetches both."""

MAX_UNPACKED_BYTES = 24 * 1024 * 1024
"""What the columns of a page may take up, unpacked, within the row groups it lies in."""

MAX_FETCHED_BYTES = 32 * 1024 * 1024
"""What may be fetched for the rows of a page, what lies between its columns with it."""

_LEAST_TAIL = 65_536
_GROUP_FOOTER_BYTES = 2_048
"""A footer has 130 to 200 bytes per column and row group; results have 5 columns and their keys."""

_BATCH_ROWS = 8_192
_WIDE_BATCH_ROWS = 1_024

_NARROW_BYTES = 2 * 1024 * 1024
"""Of a column in a row group, unpacked: texts of so few bytes are written once each, and are read so. Those
of more have outgrown the writer's dictionary, and would all be gathered in one of ours.
"""


@dataclass(frozen=True)
class Page:
    """Some rows, in order.

    Attributes
    ----------
    batches
        The rows; texts that repeat come dictionary-encoded.
    places
        Where in the object each row is, one array for each batch.
    end
        The place that the next page begins at; None where nothing follows.
    zoned
        Whether `ts` is UTC; else it is what a clock on some wall showed.
    """

    batches: tuple[pa.RecordBatch, ...]
    places: tuple[Sequence[int], ...]
    columns: tuple[str, ...]
    end: int | None
    zoned: bool

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(batch.num_rows for batch in self.batches)

    def after(self, rows: int) -> int | None:
        """The place that the next page begins at when only so many of the rows are given."""
        for places in self.places:
            if rows < len(places):
                return int(places[rows])
            rows -= len(places)
        return self.end


class Pages:
    """Reads pages of the objects of a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._footers = Footers()

    def page(self, key: str, rows: int, window: Window) -> Page:
        """The rows of a window: of `MAX_GROUPS` row groups at most, so that there can be fewer, even none.

        Costs one request for the footer, unless it is kept, and one for the rows, unless the object is so
        small that it came with the footer. A footer larger than expected costs one more; so does each of the
        widest gaps between the columns that is worth it (`Footer.stretches`), at once with the others.

        Parameters
        ----------
        rows
            How many rows the object has, as the ledger says.

        Raises
        ------
        BadPosition
            The window begins outside of the object.
        UnknownColumn
            The window names one.
        TooWide
            Its columns take up more than `MAX_UNPACKED_BYTES` in a single row group, or lie so far apart
            there that more than `MAX_FETCHED_BYTES` would be fetched.
        SourceGone
            The object is no longer there.
        ServiceBusy
            S3 throttles or does not answer.
        """
        if kept := self._footers.get(key):
            try:
                return self._page(key, kept, None, window)
            except SourceGone:  # or it is another one by now
                self._footers.drop(key)
        footer, tail = self._footer(key, rows)
        return self._page(key, footer, tail, window)

    def _page(self, key: str, footer: Footer, tail: Tail | None, window: Window) -> Page:
        if not 0 <= window.start <= max(0, footer.starts[-1] - 1):
            raise BadPosition(f"{key} has {footer.starts[-1]} rows")
        columns = _columns(footer, window)
        read = _with_timestamp(footer, window, columns)
        groups = _groups(footer, window, read)
        batches = self._read(key, footer, tail, groups, read) if groups else iter(())
        return _page(footer, window, groups, columns, batches)

    def _footer(self, key: str, rows: int) -> tuple[Footer, Tail]:
        expected = _LEAST_TAIL + _GROUP_FOOTER_BYTES * (rows // ROW_GROUP)
        ranges = self._bucket.ranges(key)
        tail = ranges.tail(expected)
        missing = int.from_bytes(tail.data[-8:-4], "little") + 8 - len(tail.data)
        if missing > 0:
            more = self._bucket.ranges(key, tail.etag).part(tail.start - missing, missing)
            tail = Tail(more + tail.data, tail.size, tail.etag)
        metadata = pq.read_metadata(Excerpt(tail.size, [(tail.start, tail.data)]))
        footer = Footer(metadata, tail.size, tail.etag)
        self._footers.keep(key, footer)
        return footer, tail

    def _read(
        self, key: str, footer: Footer, tail: Tail | None, groups: Sequence[int], columns: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """The columns of the row groups, some thousand rows at a time."""
        pieces = self._pieces(key, footer, tail, footer.stretches(groups, columns))
        narrow = [name for name in columns if _is_narrow(footer, groups, name)]
        file = pq.ParquetFile(Excerpt(footer.size, pieces), metadata=footer.metadata, read_dictionary=narrow)
        at_once = _BATCH_ROWS if len(narrow) == len(columns) else _WIDE_BATCH_ROWS
        yield from file.iter_batches(
            at_once, row_groups=list(groups), columns=list(columns), use_threads=False
        )

    def _pieces(
        self, key: str, footer: Footer, tail: Tail | None, stretches: Sequence[range]
    ) -> list[tuple[int, bytes]]:
        """The bytes of the stretches, and where each begins; they are fetched at once."""
        if tail is not None and tail.start <= stretches[0].start:
            return [(tail.start, tail.data)]

        def fetched(stretch: range) -> tuple[int, bytes]:
            return stretch.start, self._bucket.ranges(key, footer.etag).part(stretch.start, len(stretch))

        if len(stretches) == 1:
            return [fetched(stretches[0])]
        with ThreadPoolExecutor(len(stretches)) as pool:
            return [*pool.map(fetched, stretches)]


def _columns(footer: Footer, window: Window) -> tuple[str, ...]:
    if window.columns is None:
        return tuple(name for name in footer.names if name != "drop_id")
    for name in window.columns:
        if name not in footer.names:
            raise UnknownColumn(name, footer.names)
    return window.columns


def _is_narrow(footer: Footer, groups: Sequence[int], name: str) -> bool:
    return all(footer.unpacked(group, [name]) <= _NARROW_BYTES for group in groups)


def _with_timestamp(footer: Footer, window: Window, columns: Sequence[str]) -> tuple[str, ...]:
    """What has to be read to give the columns of the window's rows."""
    return tuple(name for name in footer.names if name in columns or (window.filtered and name == TIMESTAMP))


def _groups(footer: Footer, window: Window, columns: Sequence[str]) -> list[int]:
    """The row groups to read: one, or two that lie side by side where the window reaches so far."""
    first = footer.next_group(footer.group_at(window.start), window)
    if first is None:
        return []
    size = footer.unpacked(first, columns)
    if size > MAX_UNPACKED_BYTES:
        raise TooWide(
            f"these columns take up {size} bytes in one row group, more than the {MAX_UNPACKED_BYTES} that "
            "are read at once: name fewer, or download the file"
        )
    if (fetched := _fetched(footer, [first], columns)) > MAX_FETCHED_BYTES:
        raise TooWide(
            f"these columns lie so far apart in the file that {fetched} bytes would be fetched for a row "
            f"group, more than {MAX_FETCHED_BYTES}: name fewer, or download the file"
        )
    groups = [first]
    for group in range(first + 1, min(first + MAX_GROUPS, footer.metadata.num_row_groups)):
        size += footer.unpacked(group, columns)
        wanted = window.filtered or footer.starts[group] < window.start + window.limit
        if not wanted or not footer.may_hold(group, window) or size > MAX_UNPACKED_BYTES:
            break
        if _fetched(footer, [*groups, group], columns) > MAX_FETCHED_BYTES:
            break
        groups.append(group)
    return groups


def _fetched(footer: Footer, groups: Sequence[int], columns: Sequence[str]) -> int:
    return sum(map(len, footer.stretches(groups, columns)))


def _page(
    footer: Footer,
    window: Window,
    groups: Sequence[int],
    columns: tuple[str, ...],
    read: Iterator[pa.RecordBatch],
) -> Page:
    """Cut the window's rows out of the row groups read."""
    batches, places, left = [], [], window.limit
    place = footer.starts[groups[0]] if groups else 0
    end = None
    for batch in read:
        skipped = max(0, window.start - place)
        if skipped < batch.num_rows and left:
            kept, where = _within(batch.slice(skipped), place + skipped, window)
            batches.append(kept.slice(0, left).select(columns))
            places.append(where[:left])
            left -= len(places[-1])
            end = int(places[-1][-1]) + 1 if not left else None
        place += batch.num_rows
        if not left:
            break
    follows = end if end is not None else place
    return Page(
        tuple(batches),
        tuple(places),
        columns,
        _next(footer, window, follows) if groups else None,
        footer.zoned,
    )


def _within(batch: pa.RecordBatch, place: int, window: Window) -> tuple[pa.RecordBatch, Sequence[int]]:
    """The batch's rows within the window's bounds, and their places; `place` is that of its first row."""
    places = range(place, place + batch.num_rows)
    if not window.filtered:
        return batch, places
    stamps = batch.column(TIMESTAMP)
    mask = pc.is_valid(stamps)
    if window.since is not None:
        mask = pc.and_(mask, pc.greater_equal(stamps, pa.scalar(window.since, stamps.type)))
    if window.until is not None:
        mask = pc.and_(mask, pc.less(stamps, pa.scalar(window.until, stamps.type)))
    mask = mask.fill_null(fill_value=False)
    return batch.filter(mask), pa.array(places, pa.int64()).filter(mask).to_pylist()


def _next(footer: Footer, window: Window, place: int) -> int | None:
    """The first place from `place` on that can have rows within the window's bounds."""
    if place >= footer.starts[-1]:
        return None
    here = footer.group_at(place)
    group = footer.next_group(here, window)
    if group is None:
        return None
    return place if group == here else footer.starts[group]
