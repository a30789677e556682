"""The files that are measured: the sensor layout of the PRTG Open Dataset, as many rows as wanted."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from local.demo.sensor_month import sensor_month

TIMESTAMP = "ts"
TARGET = "snmpcpu_processor_1"
ONE, HUNDRED, THOUSAND = 1, 100, 1000
"""Months of one sensor: 43 thousand, 4.3 million and 43 million rows."""


def month() -> pa.Table:
    """One month of one sensor: the real file where `PRTG_PARQUET` names it, else a generated one.

    Returns
    -------
    pyarrow.Table
        35 columns: `ts` timestamp[ms], 33 float64, `device_id` int64; 43,198 rows of the real file, 43,200
        of the generated one.
    """
    real = os.environ.get("PRTG_PARQUET")
    table = pq.read_table(real, partitioning=None) if real else sensor_month()
    return table.replace_schema_metadata(None).combine_chunks()


def write_months(path: Path, months: int, table: pa.Table | None = None) -> int:
    """Write the month so many times over, in row groups of 16 months at most; how many rows that is.

    Parameters
    ----------
    table
        Another month than `month()`.
    """
    table = month() if table is None else table
    with pq.ParquetWriter(path, table.schema, compression="snappy") as writer:
        for first in range(0, months, 16):
            copies = min(16, months - first)
            writer.write_table(pa.concat_tables([table] * copies), row_group_size=copies * table.num_rows)
    return months * int(table.num_rows)


def with_floats(table: pa.Table, columns: int = 8) -> pa.Table:
    """The month with float columns `feature_1` … that have no nulls and use all their digits."""
    rows = table.num_rows
    for place in range(1, columns + 1):
        values = pa.array(
            [((row * 2654435761 * place) % 1_000_003) / 1009 for row in range(rows)], pa.float64()
        )
        table = table.append_column(f"feature_{place}", values)
    return table
