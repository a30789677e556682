"""What comes from outside: files, and what S3, EventBridge and the schedule say."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.parquet as pq

from tests.simulation.stack import BUCKETS

SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event"}
"""What the schedule sends to SweepFunction."""

NO_DROPS = ("sales/_temporary/0/a.parquet", "unload/20240701_v74wa")
"""Keys of objects that nobody scores: a temporary file, and one without the suffix."""

_START = datetime(2021, 6, 1, tzinfo=UTC).replace(tzinfo=None)


def parquet(rows: int = 3, **columns: Any) -> bytes:
    """A file of one reading a minute; `columns` replace or add to `ts`, `load` and `device_id`."""
    return readings(rows) if not columns else _written(rows, columns)


@cache
def readings(rows: int, bad: int = 0) -> bytes:
    """A file of one reading a minute. Each is made once.

    Of the first `bad` the times are missing, or, of every second one, the device's name is not UTF-8.
    """
    times = [None if row < bad and row % 2 == 0 else _START + timedelta(minutes=row) for row in range(rows)]
    columns = {"ts": pa.array(times, pa.timestamp("ms"))}
    if bad:
        names = [b"\xe9" if row < bad and row % 2 else b"1" for row in range(rows)]
        columns["device_id"] = pa.array(names, pa.binary()).view(pa.string())
    return _written(rows, columns)


def _written(rows: int, columns: dict[str, Any]) -> bytes:
    table = {
        "ts": pa.array([_START + timedelta(minutes=row) for row in range(rows)], pa.timestamp("ms")),
        "load": pa.array([float(row) for row in range(rows)]),
        "device_id": pa.array([1] * rows, pa.int64()),
        **columns,
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(table), sink)
    return sink.getvalue()


def notification(key: str, version: str | None, bucket: str = BUCKETS["inbox"]) -> dict[str, Any]:
    """What S3 sends."""
    item = {"key": quote_plus(key, safe="/"), "size": 1, "eTag": "e", "sequencer": "0A"}
    if version:
        item["versionId"] = version
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": item},
    }
    return {"Records": [record]}


def transform_event(job: str, status: str = "Completed") -> dict[str, Any]:
    """What EventBridge sends."""
    return {
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Transform Job State Change",
        "detail": {"TransformJobName": job, "TransformJobStatus": status},
    }
