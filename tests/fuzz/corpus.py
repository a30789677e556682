"""Valid files of many kinds, which mutations start from; each is a case that must be scored, too."""

from __future__ import annotations

import io
from decimal import Decimal
from functools import cache

import numpy as np
import pyarrow as pa

from tests.fuzz.case import SCORED, Case, sensor, written

ROWS = 60

_OPTIONS = {
    "plain": {"compression": "none", "use_dictionary": False},
    "snappy": {"compression": "snappy"},
    "gzip": {"compression": "gzip"},
    "zstd": {"compression": "zstd", "use_dictionary": False},
    "brotli": {"compression": "brotli"},
    "lz4": {"compression": "lz4"},
    "page-v2": {"data_page_version": "2.0", "compression": "zstd"},
    "page-v2-plain": {"data_page_version": "2.0", "compression": "none", "use_dictionary": False},
    "groups": {"row_group_size": 13},
    "tiny-pages": {"data_page_size": 32, "use_dictionary": False},
    "no-statistics": {"write_statistics": False},
    "indexed": {"write_page_index": True},
    "checksums": {"write_page_checksum": True},
    "int96": {"use_deprecated_int96_timestamps": True},
    "no-schema": {"store_schema": False, "version": "1.0"},
    "delta": {
        "use_dictionary": False,
        "column_encoding": {"n": "DELTA_BINARY_PACKED", "k": "DELTA_BYTE_ARRAY"},
    },
    "split": {
        "use_dictionary": False,
        "column_encoding": {"x": "BYTE_STREAM_SPLIT", "k": "DELTA_LENGTH_BYTE_ARRAY"},
    },
}


@cache
def corpus() -> dict[str, bytes]:
    """The files by name."""
    files = {name: written(sensor(ROWS), **options) for name, options in _OPTIONS.items()}
    files |= {name: written(table, row_group_size=29) for name, table in _tables().items()}
    files["pandas"] = _from_pandas()
    return files


def corpus_cases() -> list[Case]:
    return [Case(f"corpus-{name}", lambda data=data: data, SCORED) for name, data in corpus().items()]


def _tables() -> dict[str, pa.Table]:
    numbers = range(ROWS)
    decimals = pa.array([Decimal(number) / 4 for number in numbers], pa.decimal128(20, 2))
    return {
        "decimals": sensor(ROWS, x=decimals, y=decimals),
        "dictionaries": sensor(ROWS, k=sensor(ROWS)["k"].dictionary_encode()),
        "nulls": sensor(ROWS, x=pa.array([None if number % 5 == 0 else number / 3 for number in numbers])),
        "null-keys": sensor(ROWS, k=pa.nulls(ROWS, pa.string()), y=pa.nulls(ROWS)),
        "narrow": sensor(
            ROWS, x=pa.array(np.arange(ROWS, dtype=np.float32)), n=pa.array(np.arange(ROWS, dtype=np.int8))
        ),
        "booleans": sensor(ROWS, n=[number % 2 == 0 for number in numbers]),
        "unsigned": sensor(ROWS, n=pa.array([number + 2**63 for number in numbers], pa.uint64())),
        "dates": sensor(ROWS, t=pa.array(np.arange(ROWS, dtype=np.int32), pa.date32())),
        "nanoseconds": sensor(ROWS, t=pa.array(np.arange(ROWS) * 10**9, pa.timestamp("ns", "UTC"))),
        "large-strings": sensor(ROWS, k=sensor(ROWS)["k"].cast(pa.large_string())),
        "nested": sensor(
            ROWS,
            lists=[[number] * (number % 3) for number in numbers],
            structs=[{"x": number, "deep": {"t": [str(number)]}} for number in numbers],
            maps=pa.array([[(str(number), number)] for number in numbers], pa.map_(pa.string(), pa.int64())),
        ),
    }


def _from_pandas() -> bytes:
    frame = sensor(ROWS).to_pandas()
    frame["k"] = frame["k"].astype("category")
    sink = io.BytesIO()
    frame.set_index("t").to_parquet(sink)
    return sink.getvalue()
