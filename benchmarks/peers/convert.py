"""The peers' ways from a parquet file to feature rows in a CSV file.

`python -m benchmarks.peers.convert <way> <file> <output> <features> <cores>`
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.child import keep_to, measured

CLOCK = ("minutes", "hour", "day_of_week")
"""The features that come from the timestamp `ts`; others are columns of the file."""


def original(pd: Any, file: str, output: str, features: list[str]) -> None:
    """The whole file as CSV, read back; then the features of that, as CSV again."""
    whole = Path(output).with_suffix(".whole.csv")
    pd.read_parquet(file).to_csv(whole, index=False)
    frame = pd.read_csv(whole, parse_dates=["ts"])
    whole.unlink()
    _pandas_features(frame, features).to_csv(output, header=False)


def pandas(pd: Any, file: str, output: str, features: list[str]) -> None:
    """Only the columns that are needed."""
    columns = [name for name in features if name not in CLOCK]
    frame = pd.read_parquet(file, columns=columns or ["ts"])
    _pandas_features(frame, features).to_csv(output, header=False)


def polars(pl: Any, file: str, output: str, features: list[str]) -> None:
    """Streamed, on every core."""
    clock = {
        "minutes": pl.col("ts").dt.minute(),
        "hour": pl.col("ts").dt.hour(),
        "day_of_week": pl.col("ts").dt.weekday() - 1,
    }
    columns = [clock[name].alias(name) if name in clock else pl.col(name) for name in features]
    rows = pl.scan_parquet(file).with_row_index("row").select("row", *columns)
    rows.sink_csv(output, include_header=False)


def duckdb(db: Any, file: str, output: str, features: list[str]) -> None:
    """Streamed, on every core."""
    clock = {"minutes": "minute(ts)", "hour": "hour(ts)", "day_of_week": "isodow(ts) - 1"}
    columns = ", ".join(clock.get(name, name) for name in features)
    rows = f"SELECT file_row_number, {columns} FROM read_parquet('{file}', file_row_number = true)"  # noqa: S608
    db.sql(f"COPY ({rows}) TO '{output}' (FORMAT csv, HEADER false)")


def _pandas_features(frame: Any, features: list[str]) -> Any:
    clock = {"minutes": "minute", "hour": "hour", "day_of_week": "day_of_week"}
    return frame.assign(**{name: getattr(frame["ts"].dt, clock[name]) for name in features if name in clock})[
        features
    ]


WAYS: dict[str, tuple[str, Callable[[Any, str, str, list[str]], None]]] = {
    "original": ("pandas", original),
    "pandas": ("pandas", pandas),
    "polars": ("polars", polars),
    "duckdb": ("duckdb", duckdb),
}
"""The library of each, and what it is told to do."""


def main(way: str, file: str, output: str, features: str, cores: str) -> None:
    """Go one of the `WAYS`."""
    keep_to(int(cores))
    library, go = WAYS[way]
    imported = import_module(library)
    with measured():
        go(imported, file, output, features.split(","))


if __name__ == "__main__":
    main(*sys.argv[1:])
