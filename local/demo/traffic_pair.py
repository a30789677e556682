"""Generated traffic and CPU sensors of the same devices, with a known dependence of the one on the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TARGET = "snmpcpu_total"
COEFFICIENTS: Mapping[str, float] = {
    "snmptraffic_traffic_in_speed": 5e-6,
    "minutes": 0.1,
    "hour": 0.4,
    "day_of_week": -1.2,
}
"""What CPU load, in percent, is made of: so much per unit of each feature.

The dataset does not say the units of its traffic; these are bytes a second.
"""
INTERCEPT = 12.0
NOISE = 1.0
"""Standard deviation of what is added at random, before load is rounded to whole percents as sensors do."""

TRAFFIC_SECOND, CPU_SECOND = 41, 26
"""When in each minute the two sensors are polled, give or take 0.4 s: never at the same time."""

DEVICES = (1, 2)
OUTAGE = (2, slice(5_000, 5_360))
"""A device whose CPU sensor did not answer, and the minutes in which it did not."""

_MINUTES_PER_DAY = 1_440
_PROCESSORS = 32
_PACKET = 800.0


@dataclass(frozen=True)
class TrafficPair:
    """What to generate: the same values make the same rows.

    Attributes
    ----------
    start
        First day, without a time zone.
    days
        Length; a row a minute, device and sensor.
    seed
        Of traffic and noise.
    """

    start: date = date(2024, 6, 3)
    days: int = 28
    seed: int = 20240603


@dataclass(frozen=True)
class PairFiles:
    """Where the files of a pair lie.

    Attributes
    ----------
    traffic, cpu
        Folders, laid out as in the PRTG Open Dataset.
    """

    traffic: Path
    cpu: Path


def traffic_and_cpu(pair: TrafficPair, device: int) -> tuple[pa.Table, pa.Table]:
    """Generate both sensors of a device.

    Parameters
    ----------
    pair
        What to generate.
    device
        Its number; each has traffic of its own.

    Returns
    -------
    tuple of pyarrow.Table
        The traffic sensor's and the CPU sensor's rows, ascending in time, with the columns that the PRTG Open
        Dataset documents (metadata/sensor_types_and_channels.csv), ``ts`` and ``device_id``.
    """
    rng = np.random.default_rng([pair.seed, device])
    minute = np.arange(pair.days * _MINUTES_PER_DAY)
    day = (pair.start.weekday() + minute // _MINUTES_PER_DAY) % 7
    hour, of_hour = minute // 60 % 24, minute % 60
    busy = 1.2 + np.sin(2 * np.pi * (hour - 9) / 24) - 0.5 * (day >= 5)  # noqa: PLR2004 - Saturday and Sunday
    speed = np.rint(1e6 * (0.5 + device + busy) * rng.lognormal(-0.08, 0.4, len(minute)))
    load = INTERCEPT + sum(
        value * of for value, of in zip(COEFFICIENTS.values(), (speed, of_hour, hour, day), strict=True)
    )
    load = np.rint(np.clip(load + rng.normal(0.0, NOISE, len(minute)), 0.0, 100.0))
    cpu = _cpu(_polled(pair, minute, CPU_SECOND, rng), load, device)
    return _traffic(_polled(pair, minute, TRAFFIC_SECOND, rng), speed, device, rng), cpu


def write_pair(folder: Path, pair: TrafficPair) -> PairFiles:
    """Write both sensors of every device below a folder, under keys as the PRTG Open Dataset has them."""
    files = PairFiles(folder / "data" / "snmptraffic", folder / "data" / "snmpcpu")
    for device in DEVICES:
        traffic, cpu = traffic_and_cpu(pair, device)
        if device == OUTAGE[0]:
            answered = np.ones(len(cpu), dtype=bool)
            answered[OUTAGE[1]] = False
            cpu = cpu.filter(pa.array(answered))
        for table, root, sensor in ((traffic, files.traffic, 10 + device), (cpu, files.cpu, 20 + device)):
            name = f"{pair.seed:016x}{sensor:016x}.parquet"
            path = root / "company_id=1" / f"sensor_id={sensor}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, path, compression="snappy")
    return files


def _polled(
    pair: TrafficPair, minute: NDArray[np.int64], second: int, rng: np.random.Generator
) -> NDArray[np.datetime64]:
    offsets = minute * 60_000 + second * 1_000 + rng.integers(-400, 401, len(minute))
    return np.datetime64(pair.start, "ms") + offsets.astype("timedelta64[ms]")


def _traffic(ts: NDArray[np.datetime64], speed: Floats, device: int, rng: np.random.Generator) -> pa.Table:
    out = np.rint(speed * rng.uniform(0.2, 0.4, len(speed)))
    multicast, broadcast, nothing = np.rint(speed / 4e4), np.rint(speed / 9e4), np.zeros(len(speed))
    columns = {
        "traffic_total": speed + out,
        "traffic_in": speed,
        "traffic_out": out,
        **dict.fromkeys(("errors_in", "errors_out", "discards_in", "discards_out"), nothing),
        "unicast_in": np.rint(speed / _PACKET),
        "unicast_out": np.rint(out / _PACKET),
        "multicast_in": multicast,
        "multicast_out": nothing,
        "broadcast_in": broadcast,
        "broadcast_out": nothing,
        "nonunicast_in": multicast + broadcast,
        "nonunicast_out": nothing,
    }
    named = {f"snmptraffic_{name}_speed": pa.array(values) for name, values in columns.items()}
    return _table(ts, named, device)


def _cpu(ts: NDArray[np.datetime64], load: Floats, device: int) -> pa.Table:
    absent: pa.Array[Any] = pa.nulls(len(load), pa.float64())
    processors = [pa.array(load)] * 2 + [absent] * (_PROCESSORS - 2)
    named = {f"snmpcpu_processor_{place}": one for place, one in enumerate(processors, 1)}
    return _table(ts, {TARGET: pa.array(load), **named}, device)


def _table(ts: NDArray[np.datetime64], columns: Mapping[str, Any], device: int) -> pa.Table:
    devices = pa.array(np.full(len(ts), device, dtype=np.int64))
    return pa.table({"ts": pa.array(ts, pa.timestamp("ms")), **columns, "device_id": devices})
