"""When, and on which device, rows were measured: instants in microseconds, which can be compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dropscore.domain.features import Extraction
from dropscore.domain.spec import FeatureSpec
from training.errors import TrainingError
from training.sensors.devices import NO_DEVICE, DeviceOfFile, Devices

NO_INSTANT = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Clock:
    """When, and on which device, the rows of one file were measured."""

    extraction: Extraction
    device: DeviceOfFile

    @classmethod
    def bind(cls, spec: FeatureSpec, device: DeviceOfFile, schema: pa.Schema) -> "Clock":
        """Check that a file has the timestamp column and the device's.

        Raises
        ------
        ContentError
            It has not.
        """
        bare = FeatureSpec(("hour",), timestamp=spec.timestamp, keys=device.columns, timezone=spec.timezone)
        return cls(Extraction.bind(bare, schema), device)

    @property
    def columns(self) -> list[str]:
        """What it reads of the file."""
        return self.extraction.columns

    def read(self, batch: pa.RecordBatch, devices: Devices) -> "Moments":
        """Read instants and devices of all rows of a batch."""
        extract = self.extraction.extract(batch, 0)
        timed = extract.context.column("row").to_numpy()
        instant = np.full(batch.num_rows, NO_INSTANT, dtype=np.int64)
        instant[timed] = microseconds(extract.context.column("ts"))
        device = np.full(batch.num_rows, NO_DEVICE, dtype=np.int64)
        device[timed] = devices.numbered(self.device, extract.context)
        return Moments(instant, device, extract.rejects)


@dataclass(frozen=True)
class Moments:
    """When and where the rows of a batch were measured.

    Attributes
    ----------
    instant
        Shape (rows,), int64: microseconds since 1970, in UTC where the column has a zone; `NO_INSTANT`.
    device
        Shape (rows,), int64: the device's number; negative where there is none.
    untimed
        Of the rows without an instant: row (in the batch), column, reason.
    """

    instant: NDArray[np.int64]
    device: NDArray[np.int64]
    untimed: pa.Table


def microseconds(timestamps: pa.Array) -> NDArray[np.int64]:
    """Timestamps in microseconds as numbers; `NO_INSTANT` where one is null."""
    numbers = timestamps.cast(pa.int64()).fill_null(NO_INSTANT)
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.int64)


def check_clocks(spec: FeatureSpec, files: Mapping[Path, pa.Schema]) -> None:
    """Refuse files whose timestamps cannot be compared: some with a zone, some without.

    Raises
    ------
    TrainingError
        That is so, and the spec has no zone to read the latter in.
    """
    if spec.timezone is not None or spec.timestamp is None:
        return
    zones = {path: _zone(schema.field(spec.timestamp).type) for path, schema in files.items()}
    zoned, naive = (
        next((p for p, zone in zones.items() if bool(zone) is has), None) for has in (True, False)
    )
    if zoned and naive:
        raise TrainingError(
            f"{spec.timestamp} has zone {zones[zoned]} in {zoned} and none in {naive}, they cannot be"
            " compared: give --timezone, then those without a zone are read as UTC"
        )


def _zone(kind: pa.DataType) -> str:
    return str(getattr(kind, "tz", None) or "")
