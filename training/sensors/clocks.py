"""When, and on which device, rows were measured: instants in microseconds, which can be compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.types as pt
from numpy.typing import NDArray

from dropscore.domain.features import Extraction
from dropscore.domain.spec import FeatureSpec
from dropscore.domain.wall_clock import own_zone
from dropscore.domain.zones import UnknownZone, one_name
from training.errors import SeveralZones
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
        # A feature asks for the column and leaves out nulls; its zone does not matter to instants.
        bare = FeatureSpec(("hour",), timestamp=spec.timestamp, keys=device.columns, timezone="UTC")
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
    SeveralZones
        That is so, and the spec has no zone to read the latter in.
    """
    if spec.timezone is None:
        zones = _zones(spec, files)
        if "" in zones and len(zones) > 1:
            path = zones.pop("")
            zone, other = next(iter(zones.items()))
            raise SeveralZones(
                f"{spec.timestamp} has zone {zone} in {other} and none in {path}, they cannot be compared:"
                " give --timezone, then those without a zone are read as UTC"
            )


def feature_zone(spec: FeatureSpec, files: Mapping[Path, pa.Schema]) -> str | None:
    """The zone whose clock shows the derived features: the spec's, else the one that all files have.

    Returns
    -------
    str or None
        As `one_name` writes it; None where no file has a zone, or nothing is derived.

    Raises
    ------
    SeveralZones
        The spec has none, and the files have several; one spelled in several ways is one.
    """
    if spec.timezone is not None or not spec.derived:
        return spec.timezone
    check_clocks(spec, files)
    first, *others = _zones(spec, files).items() or [("", None)]
    if others:
        raise SeveralZones(
            f"{spec.timestamp} has zone {first[0]} in {first[1]} and {others[0][0]} in {others[0][1]}: give"
            " --timezone, the zone whose clock shows the features"
        )
    return first[0] or None


def files_without_zone(spec: FeatureSpec, files: Mapping[Path, pa.Schema]) -> int:
    """How many files have timestamps without a zone."""
    return sum(bool(_zones(spec, {path: schema}).keys() & {""}) for path, schema in files.items())


def _zones(spec: FeatureSpec, files: Mapping[Path, pa.Schema]) -> dict[str, Path]:
    """The zones of the timestamp columns, each with the first file that has it; "" where one has none."""
    zones: dict[str, Path] = {}
    for path, schema in files.items():
        kind = Extraction(spec, schema).timestamp_type
        if kind is not None and not pt.is_null(kind):  # nothing but nulls has any zone
            zones.setdefault(_zone(kind), path)
    return zones


def _zone(kind: pa.DataType) -> str:
    """The one name of a column's zone, "" for none; an unknown one is a label, and needs no other name."""
    own = ""
    try:
        own = own_zone(kind) or ""
        return one_name(own) if own else ""
    except UnknownZone:
        return own or "unknown"
