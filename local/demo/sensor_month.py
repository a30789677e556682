"""One generated month of a PRTG-like SNMP CPU sensor: what the demo scores where no file is given."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

SENSOR_MONTH_KEY = "data/snmpcpu/company_id=1/sensor_id=1/4c0de5a9d17f4b0c8a1e6b3f2d905e77.parquet"
PROCESSORS = 32
MINUTES_PER_DAY = 1440
SATURDAY = 5
BURST_SHARE = 0.002


@dataclass(frozen=True)
class SensorMonth:
    """What to generate: the same values make the same rows.

    Attributes
    ----------
    start
        First day, without a time zone.
    days
        Length; a row a minute.
    seed
        Of the noise.
    """

    start: date = date(2024, 6, 1)
    days: int = 30
    seed: int = 20240601


def _timestamps(month: SensorMonth, rng: np.random.Generator) -> NDArray[np.datetime64]:
    """A poll a minute, 26 s past it, early or late by a fraction of a second: ascending, no duplicates."""
    count = month.days * MINUTES_PER_DAY
    jitter = rng.integers(-400, 401, count)
    offsets = np.arange(count, dtype=np.int64) * 60_000 + 26_000 + jitter
    return np.datetime64(month.start, "ms") + offsets.astype("timedelta64[ms]")


def _load(ts: NDArray[np.datetime64], month: SensorMonth, rng: np.random.Generator) -> NDArray[np.float64]:
    """Percent of one processor: quiet nights and weekends, busy afternoons, noise, now and then a burst."""
    minute = (ts - np.datetime64(month.start, "ms")) / np.timedelta64(1, "m")
    hour = minute / 60 % 24
    weekday = (month.start.weekday() + minute // MINUTES_PER_DAY) % 7
    daily = 1.1 * np.sin(2 * np.pi * (hour - 10.5) / 24)
    weekly = np.where(weekday >= SATURDAY, -0.9, 0.25 - 0.1 * weekday)
    drift = 0.3 * np.sin(2 * np.pi * minute / (MINUTES_PER_DAY * month.days))
    burst = np.where(rng.random(len(ts)) < BURST_SHARE, rng.gamma(2.0, 6.0, len(ts)), 0.0)
    noise = rng.normal(0.0, 0.55, len(ts))
    return np.rint(np.clip(3.7 + daily + weekly + drift + noise + burst, 0.0, 100.0))


def sensor_month(month: SensorMonth | None = None) -> pa.Table:
    """Generate the month.

    Parameters
    ----------
    month
        What to generate; by default June 2024, 43,200 rows.

    Returns
    -------
    pyarrow.Table
        ``ts`` timestamp[ms] without zone, ``snmpcpu_total`` and ``snmpcpu_processor_1`` to ``_32`` double,
        in percent (3 to 32 all null), ``device_id`` int64: the schema of the PRTG Open Dataset's SNMP CPU
        sensors.
    """
    month = month or SensorMonth()
    rng = np.random.default_rng(month.seed)
    ts = _timestamps(month, rng)
    first, second = _load(ts, month, rng), np.rint(np.clip(rng.normal(1.0, 0.5, len(ts)), 0.0, 100.0))
    load = [first, second, *[np.full(len(ts), np.nan)] * (PROCESSORS - 2)]
    columns: dict[str, pa.Array[Any]] = {
        "ts": pa.array(ts, pa.timestamp("ms")),
        "snmpcpu_total": pa.array(np.rint((first + second) / 2)),
        **{
            f"snmpcpu_processor_{place}": pa.array(one, from_pandas=True) for place, one in enumerate(load, 1)
        },
        "device_id": pa.array(np.ones(len(ts), dtype=np.int64)),
    }
    return pa.table(columns)


def write_sensor_month(folder: Path) -> Path:
    """Write the default month below a folder, under the key a user of the dataset would give it.

    Parameters
    ----------
    folder
        Where the key's folders are made.

    Returns
    -------
    pathlib.Path
        The file: ``folder`` / ``SENSOR_MONTH_KEY``.
    """
    path = folder / SENSOR_MONTH_KEY
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(sensor_month(), path, compression="snappy")
    return path
