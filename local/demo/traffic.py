"""`TASK=traffic`: CPU load from the same device's traffic, measured by a CPU sensor that was held back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dropscore.domain.row_faults import REJECT_SCHEMA
from dropscore.domain.spec import FeatureSpec
from local.demo.model import KEY, MAX_TRAINING_ROWS, SEED, TIMESTAMP, TrainingChoice
from local.demo.results import ErrorStatistics, Result, batches, error_statistics
from local.demo.traffic_pair import COEFFICIENTS, TARGET, TrafficPair, write_pair
from training.data.reading import Request, read_training_data
from training.sensors.clocks import Moments, microseconds
from training.sensors.devices import DEVICE, SITE, DeviceOfFile, Devices
from training.sensors.files import Opened, Reader, find_sensor
from training.sensors.partner import Partner, load
from training.sensors.roles import Giving

MODEL_GROUP = "cpu-from-traffic"
TOLERANCE = 60_000_000
HELD_BACK_DAYS = 7
DEVICE_NAMES = (SITE, DEVICE)


class Task(StrEnum):
    """What the demo shows: files that have the target themselves, or a target from another sensor."""

    SENSOR = "sensor"
    TRAFFIC = "traffic"

    @property
    def parameters(self) -> dict[str, str]:
        """What the stack is deployed with: the model group of the task."""
        return {"ModelPackageGroupName": MODEL_GROUP} if self is Task.TRAFFIC else {}


@dataclass(frozen=True)
class HeldBack:
    """The CPU sensors' files of the days that are scored; they are not dropped.

    Attributes
    ----------
    folder
        Where they lie.
    """

    folder: Path

    def measure_errors(self, results: Sequence[Result]) -> ErrorStatistics | None:
        """Compare predictions with the nearest CPU reading of the same device, within a minute."""
        devices = Devices()
        cpu = self._cpu(devices)
        parts = [
            _errors(batch, cpu, devices)
            for result in results
            for batch in batches(result.path, ["ts", *DEVICE_NAMES, "prediction"])
        ]
        errors = error_statistics(np.concatenate([*parts, np.empty(0)]))
        against = "readings of the CPU sensors, which were held back (the drops have none)"
        return replace(errors, against=against) if errors else None

    def _cpu(self, devices: Devices) -> Partner:
        reader, sensor = Reader([]), find_sensor([self.folder])
        opened = Opened(sensor, tuple(reader.footers(sensor)))
        spec = FeatureSpec(("hour",), timestamp=TIMESTAMP)
        return load(Giving(opened, (TARGET,)), DEVICE_NAMES, spec, devices, reader)


@dataclass(frozen=True)
class TrafficTask:
    """What the demo scores and trains on, and what it measures by."""

    drops: Path
    choice: TrainingChoice
    held_back: HeldBack


def traffic_task(folder: Path) -> TrafficTask:
    """Generate four weeks of both sensors to train on, and a fifth, of which only the traffic is dropped.

    Parameters
    ----------
    folder
        Where to write.

    Returns
    -------
    TrafficTask
        With the joined rows of the four weeks.
    """
    past = TrafficPair()
    week = TrafficPair(past.start + timedelta(days=past.days), HELD_BACK_DAYS, past.seed + 1)
    known, coming = write_pair(folder / "past", past), write_pair(folder / "coming", week)
    held_back = coming.cpu.rename(folder / "held-back")
    spec = FeatureSpec(tuple(COEFFICIENTS), TARGET, TIMESTAMP, (KEY,))
    sensors = (find_sensor([known.traffic]), find_sensor([known.cpu]))
    request = Request(sensors, spec, tolerance=TOLERANCE, max_rows=MAX_TRAINING_ROWS, seed=SEED)
    data = read_training_data(request)
    source = (
        f"four generated weeks of traffic and CPU sensors, joined: {len(data.rows):,} rows,"
        f" {data.rejects.rows:,} unmatched"
    )
    return TrafficTask(folder / "coming", TrainingChoice(data, source), HeldBack(held_back))


def _errors(batch: pa.RecordBatch, cpu: Partner, devices: Devices) -> NDArray[np.float64]:
    """The absolute errors of the rows of a result that have a CPU reading near enough."""
    device = devices.numbered(DeviceOfFile(DEVICE_NAMES, {}), batch)
    moments = Moments(microseconds(batch.column("ts")), device, REJECT_SCHEMA.empty_table())
    given, matched = cpu.give(moments, TOLERANCE)
    actual = given.column(TARGET).to_numpy()
    error: NDArray[np.float64] = np.abs(batch.column("prediction").to_numpy() - actual)[matched]
    return error[np.isfinite(error)]
