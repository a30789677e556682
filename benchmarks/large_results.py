"""Results of any size, written as collect writes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.disk import DiskS3
from dropscore.aws.objects import Bucket
from dropscore.domain.drop import Counts, Drop, DropState, ModelVersion
from dropscore.domain.lineage import Lineage
from dropscore.domain.shards import ROW_GROUP
from dropscore.domain.source import Source
from dropscore.files.results import NewResult, Results

RESULTS = "results"
SPEC_KEYS = ("device_id",)
NOW = datetime(2026, 3, 4, tzinfo=UTC)

MODEL = ModelVersion(
    "dropscore",
    1,
    "arn:aws:sagemaker:us-east-1:123456789012:model-package/dropscore/1",
    "s3://models/dropscore/1/feature_spec.json",
    "0" * 64,
)

_MINUTE = 60_000_000
_START = 1_772_323_200_000_000
"""2026-03-01T00:00:00 in microseconds since 1970."""

_AT_ONCE = 8 * ROW_GROUP


def lineage(rows: int) -> Lineage:
    """Where the result of so many rows comes from; its drop is SCORED, and called by the number of rows."""
    source = Source("inbox", "data/company_id=1/sensor_id=422/month.parquet", "v1")
    drop = Drop(
        f"{rows:020d}", DropState.SCORED, source, NOW, finished_at=NOW, rows_in=rows, rows_scored=rows
    )
    return Lineage(
        drop, MODEL, "dropscore-benchmark", NOW.date().isoformat(), "timestamp[ms]", "wall clock", "benchmark"
    )


def write(folder: Path, rows: int, device: Callable[[NDArray[np.int64]], pa.Array]) -> None:
    """Write a result below `folder`, which stands for S3.

    Parameters
    ----------
    device
        The keys that rows have, by their numbers. Predictions and actuals are noise, which does not pack.
    """
    random = np.random.default_rng(rows)
    with NewResult(lineage(rows), SPEC_KEYS) as result:
        for first in range(0, rows, _AT_ONCE):
            numbers = np.arange(first, min(first + _AT_ONCE, rows))
            scored = {
                "row": pa.array(numbers),
                "ts": pa.array(_START + numbers * _MINUTE, pa.timestamp("us")),
                "prediction": random.random(len(numbers)),
                "actual": random.random(len(numbers)),
                "device_id": device(numbers),
            }
            result.add(pa.table(scored))
        Results(Bucket(DiskS3(folder), RESULTS)).put(result, Counts(rows, rows, 0))  # type: ignore[arg-type]
