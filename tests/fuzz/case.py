"""What a case is, and the reading that most of them are made of."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

EITHER, REFUSED, SCORED = "either", "refused", "scored"


@dataclass(frozen=True)
class Case:
    """A file for the reader.

    Attributes
    ----------
    make
        Its bytes, made when they are needed.
    expected
        `REFUSED`, `SCORED`, or `EITHER` where only a plain reader's opinion can tell.
    reason
        What the reason of a refusal says.
    plain
        Whether a plain reader shall be asked, too; not about a bomb.
    """

    name: str
    make: Callable[[], bytes]
    expected: str = EITHER
    reason: str = ""
    plain: bool = True


def sensor(rows: int = 100, **columns: Any) -> pa.Table:
    """Readings with what the spec of the arena needs; `columns` replace, add, or, if None, take away."""
    table = {
        "t": pa.array(np.arange(rows) * 420_000 + 1_700_000_000_000, pa.timestamp("ms")),
        "x": np.arange(rows) / 7,
        "n": np.arange(rows),
        "y": np.arange(rows) * 1.0,
        "k": pa.array([f"device-{row % 3}" for row in range(rows)], pa.string()),
        **columns,
    }
    return pa.table({name: column for name, column in table.items() if column is not None})


def written(table: pa.Table, **options: Any) -> bytes:
    """The table as a file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()
