"""A plain reader to compare with, in a child of its own: what pyarrow and numpy make of a file.

It reads the whole columns at once and knows nothing of what `dropscore.domain.features` does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

NEEDED = ("t", "x", "n", "y", "k")
_MINUTE_MS, _HOUR_MS, _DAY_MS = 60_000, 3_600_000, 86_400_000
_PER_MS = {"s": (1000, 1), "ms": (1, 1), "us": (1, 1000), "ns": (1, 1_000_000)}


@dataclass(frozen=True)
class Plain:
    """A file as a plain reader sees it.

    Attributes
    ----------
    problem
        Why it cannot be read; empty when it can.
    lines
        Per row that can be scored its number and features, where the types are those of the corpus.
    """

    rows: int = 0
    problem: str = ""
    lines: tuple[tuple[float, ...], ...] | None = None


class PlainWork:
    """Reads a file, whose path stands in for a drop."""

    def convert(self, path: str, _: object) -> Any:
        try:
            file = pq.ParquetFile(path, page_checksum_verification=True, coerce_int96_timestamp_unit="us")
            columns = [name for name in NEEDED if name in file.schema_arrow.names]
            table = file.read(columns, use_threads=False)
        except (pa.ArrowException, OSError, UnicodeDecodeError, MemoryError) as error:
            return Plain(problem=f"{type(error).__name__}: {error}"[:300])
        if file.metadata.num_rows != table.num_rows:
            return Plain(problem=f"{table.num_rows} rows, the footer says {file.metadata.num_rows}")
        return Plain(table.num_rows, lines=_lines(table))


def _lines(table: pa.Table) -> tuple[tuple[float, ...], ...] | None:
    kinds = {field.name: str(field.type) for field in table.schema}
    moments = re.fullmatch(r"timestamp\[(\w+)(, tz=UTC)?\]", kinds.get("t", ""))
    per = _PER_MS[moments[1]] if moments else None
    numbers = {"double", "float", "int64", "int8", "bool"}
    if (
        per is None
        or not {kinds.get("x"), kinds.get("n")} <= numbers
        or sorted(table.schema.names) != sorted(NEEDED)
    ):
        return None
    ticks = table["t"].cast(pa.int64()).to_pylist()
    lines = []
    texts = table["k"].cast(pa.binary()) if kinds["k"] == "string" else table["k"]
    named = [not isinstance(text, bytes) or _is_utf8(text) for text in texts.to_pylist()]
    for row, (tick, x, n) in enumerate(zip(ticks, *(table[name].to_pylist() for name in "xn"), strict=True)):
        if None in (tick, x, n) or not named[row] or not (np.isfinite(x) and np.isfinite(n)):
            continue
        instant = tick * per[0] // per[1]
        if not -62_135_596_800_000 <= instant <= 253_402_300_799_999:
            continue
        lines.append((row, float(x), float(n), instant // _MINUTE_MS % 60, instant // _HOUR_MS % 24))
    return tuple(lines)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
