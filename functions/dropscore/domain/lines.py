"""The lines of a shard: feature rows as CSV, made as Arrow strings that lie in memory as the CSV does.

Arrow makes them off Python's lock; its own CSV writer writes the same digits and takes twice as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

_FEW = 64
"""Integers from 0 up to this are not formatted but looked up: hours, days, flags."""

_TABLE = 2**16
"""The most combinations of neighbouring columns' values that are kept ready, as text of a megabyte or so."""

_SAMPLE = 1024
"""Rows at the start of a column that are looked at; with a quarter as many values it repeats itself."""


@dataclass(frozen=True)
class Lines:
    """Some lines, each of `parts` strings that follow each other.

    Attributes
    ----------
    texts
        string, shape (n · parts,); under 2 GiB in all, as Arrow's strings are.
    """

    texts: pa.StringArray
    parts: int = 1

    def __len__(self) -> int:
        return len(self.texts) // self.parts

    def slice(self, first: int, rows: int | None = None) -> Lines:
        """The lines from `first` on, or so many of them; nothing is copied."""
        length = None if rows is None else rows * self.parts
        return Lines(self.texts.slice(first * self.parts, length), self.parts)

    @property
    def csv(self) -> memoryview:
        """Their bytes (Arrow's columnar format, "Variable-size Binary Layout")."""
        _, offsets, data = self.texts.buffers()
        if not len(self.texts) or data is None:
            return memoryview(b"")
        places = memoryview(offsets).cast("i")
        first = self.texts.offset
        return memoryview(data)[places[first] : places[first + len(self.texts)]]


def csv_lines(features: pa.RecordBatch) -> Lines:
    r"""The rows as lines, each ending in "\n": the columns in order, in their shortest exact decimal form.

    Parameters
    ----------
    features
        Columns of int64, uint64 or float64 without nulls, shape (n,) each (`features.Extract`).
    """
    row, *others = features.columns
    groups = [*_groups(others)]
    if len(groups) == 1 and groups[0].looked_up:
        return _looked_up(row.cast(pa.string()), groups[0])
    texts = [row.cast(pa.string()), *(_text(group) for group in groups[:-1])]
    last = pc.binary_join_element_wise(_text(groups[-1]), "\n", "")
    return Lines(pc.binary_join_element_wise(*texts, last, ","))


def csv_bytes(lines: Iterable[Lines]) -> bytes:
    """The lines of one after the other."""
    return b"".join(some.csv for some in lines)


@dataclass(frozen=True)
class _Group:
    """Neighbouring columns that are looked up together, or one that is formatted (its size is 0).

    Attributes
    ----------
    sizes
        Of each column a power of two that all its values are under.
    """

    columns: tuple[pa.Array, ...]
    sizes: tuple[int, ...]

    @property
    def looked_up(self) -> bool:
        """Whether there is a table with the text of all combinations of values."""
        return all(self.sizes)

    @property
    def places(self) -> pa.Array:
        """Where in the table each row's values are."""
        places, *others = self.columns
        for column, size in zip(others, self.sizes[1:], strict=True):
            places = pc.add(pc.multiply(places, size), column)
        return places

    def takes(self, size: int) -> bool:
        """Whether one more column can be looked up with them."""
        return 0 < prod(self.sizes) * size <= _TABLE


def _groups(columns: Sequence[pa.Array]) -> Iterator[_Group]:
    group = _Group((), ())
    for column in columns:
        size = _size(column)
        if group.columns and not group.takes(size):
            yield group
            group = _Group((), ())
        group = _Group((*group.columns, column), (*group.sizes, size))
    yield group


def _size(column: pa.Array) -> int:
    """The power of two that all values of an integer column are under; 0 where they are not within `_FEW`."""
    if not pt.is_integer(column.type) or not len(column):
        return 0
    ends = pc.min_max(column)
    low, high = ends["min"].as_py(), ends["max"].as_py()
    return 1 << high.bit_length() if low >= 0 and high < _FEW else 0


def _looked_up(rows: pa.StringArray, group: _Group) -> Lines:
    """Lines of two parts: what is in `rows`, and what a table has for the rest.

    Both are taken from one array, by places in turn, which is quicker than joining strings. To have them in
    turn, each pair is put into 64 bits, of which the lower half comes first (Arrow's arrays are little-endian
    where Lambda runs).
    """
    texts = pa.concat_arrays([rows, _table(group.sizes, ",", "\n")])
    pairs = pc.add(pc.shift_left(group.places, 32), _pairs(len(rows)))
    places = pa.Array.from_buffers(pa.int32(), 2 * len(rows), [None, pairs.buffers()[1]])
    return Lines(pc.take(texts, places, boundscheck=False), parts=2)


def _text(group: _Group) -> pa.StringArray:
    """The columns as text, with commas between them."""
    return _table(group.sizes).take(group.places) if group.looked_up else _formatted(*group.columns)


@lru_cache(maxsize=32)
def _table(sizes: tuple[int, ...], start: str = "", end: str = "") -> pa.StringArray:
    """The text of every combination of numbers under `sizes`, the last one counting fastest."""
    combinations = product(*([*map(str, range(size))] for size in sizes))
    return pa.array([f"{start}{','.join(numbers)}{end}" for numbers in combinations], pa.string())


@lru_cache(maxsize=4)
def _pairs(rows: int) -> pa.Array:
    """Each row's own place, in the lower half of 64 bits, and in the upper half where the table begins."""
    return pc.add(pa.arange(0, rows), rows << 32)


def _formatted(column: pa.Array) -> pa.StringArray:
    """The numbers as text; those that are there over and over are formatted once."""
    if pc.count_distinct(column.slice(0, _SAMPLE)).as_py() > _SAMPLE // 4:
        return column.cast(pa.string())
    values = column.dictionary_encode()
    return values.dictionary.cast(pa.string()).take(values.indices)
