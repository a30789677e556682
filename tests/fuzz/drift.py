"""Files of another schema than the feature spec's: what has changed at the sender's."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pyarrow as pa

from tests.fuzz.case import REFUSED, SCORED, Case, sensor, written

ROWS = 20
_NAMES = ("t", "x", "n", "y", "k")


def drift() -> Iterator[Case]:
    for name in _NAMES:
        needed = name != "y"
        yield _case(
            f"no-{name}", sensor(ROWS, **{name: None}), f"column '{name}' is missing" if needed else ""
        )
        upper = sensor(ROWS).rename_columns([n.upper() if n == name else n for n in _NAMES])
        yield _case(f"{name}-in-upper-case", upper, f"column '{name}' is missing" if needed else "")
        twice = sensor(ROWS).append_column(name, sensor(ROWS)[name])
        yield _case(f"{name}-twice", twice, f"column '{name}' is there 2 times")
        for kind, column in _columns().items():
            good = kind in _FITS[name]
            refused = f"column '{name}' has type|none of the 20 rows|rows rejected"
            yield _case(f"{name}-as-{kind}", sensor(ROWS, **{name: column}), "" if good else refused)
    yield _case(
        "columns-more", sensor(ROWS, **{f"more-{kind}": column for kind, column in _columns().items()})
    )
    yield _case("columns-in-another-order", sensor(ROWS).select(_NAMES[::-1]))
    yield _case("no-columns", pa.table({}), "column 'x' is missing")
    yield _case("no-rows", sensor(0))
    long, many = "x" * 2**20, [(f"field-{number}", pa.int64()) for number in range(20_000)]
    yield _case("a-long-name", sensor(ROWS, **{long: range(ROWS), "x": None}), "column 'x' is missing")
    yield _case(
        "a-type-of-many-fields", sensor(ROWS, x=pa.nulls(ROWS, pa.struct(many))), "column 'x' has type"
    )
    zoned = sensor(ROWS)["t"].cast(pa.timestamp("ms", long))
    yield _case("a-zone-with-a-long-name", sensor(ROWS, t=zoned), "column 't'")


def _case(name: str, table: pa.Table, refused: str = "") -> Case:
    return Case(f"drift-{name}", lambda: written(table), REFUSED if refused else SCORED, refused)


_WHOLE = {"booleans", "bytes", "decimals", "halves", "integers"}
_FITS = {
    "t": {"dates", "microseconds"},
    "x": _WHOLE,
    "n": _WHOLE,
    "y": _WHOLE | {"not-a-number", "nulls"},
    "k": _WHOLE
    | {"binary", "dates", "dictionary", "large-strings", "microseconds", "not-a-number", "nulls"}
    | {"strings", "views"},
}


def _columns() -> dict[str, pa.Array]:
    rows = range(ROWS)
    days = pa.array(np.arange(ROWS, dtype=np.int32))
    return {
        "strings": pa.array([f"2021-01-01 00:{row:02}:00" for row in rows]),
        "large-strings": pa.array([str(row) for row in rows], pa.large_string()),
        "views": pa.array([str(row) for row in rows], pa.string_view()),
        "dictionary": pa.array([str(row % 3) for row in rows]).dictionary_encode(),
        "binary": pa.array([bytes([row]) for row in rows]),
        "fixed-binary": pa.array([bytes([row, 255]) for row in rows], pa.binary(2)),
        "booleans": pa.array([row % 2 == 0 for row in rows]),
        "bytes": pa.array(list(rows), pa.uint8()),
        "integers": pa.array(list(rows), pa.int64()),
        "halves": pa.array([np.float16(row) for row in rows], pa.float16()),
        "decimals": pa.array([Decimal(row) for row in rows], pa.decimal256(50, 4)),
        "dates": days.cast(pa.date32()),
        "times": days.cast(pa.time32("s")),
        "durations": pa.array(list(rows), pa.int64()).cast(pa.duration("us")),
        "microseconds": pa.array(list(rows), pa.int64()).cast(pa.timestamp("us", "Europe/Berlin")),
        "nulls": pa.nulls(ROWS),
        "not-a-number": pa.array([float("nan")] * ROWS),
        "lists": pa.array([[row] for row in rows]),
        "latin-1": pa.array([b"caf\xe9"] * ROWS).view(pa.string()),
        "structs": pa.array([{"x": row} for row in rows]),
        "maps": pa.array([[("x", row)] for row in rows], pa.map_(pa.string(), pa.int64())),
    }
