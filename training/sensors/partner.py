"""A joined sensor: its columns, looked up by device and time for the rows of another."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.types as pt
from numpy.typing import NDArray

from dropscore.domain.spec import FeatureSpec
from training.errors import TrainingError
from training.sensors.clocks import Clock, Moments
from training.sensors.devices import DeviceOfFile, Devices
from training.sensors.files import Reader, batches
from training.sensors.nearest import NO_ROW, Timeline
from training.sensors.roles import Giving


@dataclass
class Partner:
    """A sensor that gives columns to the rows of another: those of its nearest row.

    Attributes
    ----------
    name
        As the user gave it.
    table
        The columns it gives, a line per row that has a timestamp and a device.
    timeline
        When and where these rows were measured.
    rows
        All that its files have.
    overlapping_devices
        Devices of which several of its files have rows in between each other's.
    used
        Which lines of `table` were given to a row so far.
    asked, missing
        How many rows with a timestamp and a device asked so far, and how many of them got nothing.
    """

    name: str
    table: pa.Table
    timeline: Timeline
    rows: int
    overlapping_devices: int
    used: NDArray[np.bool_] = field(init=False)
    asked: int = 0
    missing: int = 0

    def __post_init__(self) -> None:
        self.used = np.zeros(self.table.num_rows, dtype=bool)

    def give(self, moments: Moments, tolerance: int) -> tuple[pa.Table, NDArray[np.bool_]]:
        """Look up the columns for the rows of a batch.

        Parameters
        ----------
        moments
            Of these rows.
        tolerance
            Microseconds.

        Returns
        -------
        The columns, a line per row of the batch, null where there is no row near enough; and which rows have
        one, shape (rows,).
        """
        known = moments.device >= 0
        place = np.full(len(known), NO_ROW, dtype=np.int64)
        place[known] = self.timeline.nearest(moments.device[known], moments.instant[known], tolerance)
        matched = place != NO_ROW
        self.used[place[matched]] = True
        self.asked += int(known.sum())
        self.missing += int((known & ~matched).sum())
        return self.table.take(pa.array(place, mask=~matched)), matched

    def missed(self, tolerance: int) -> str:
        """What is wrong with a row that has no partner, for a person."""
        return f"has no row of {self.name} within {in_words(tolerance)} on its device"

    def report(self) -> dict[str, object]:
        """The join from this side, as JSON has it."""
        return {
            "sensor": self.name,
            "rows": self.rows,
            "without_timestamp_or_device": self.rows - self.table.num_rows,
            "duplicates": self.timeline.duplicates,
            "unmatched": len(self.timeline.row) - int(self.used.sum()),
            "unmatched_of_other": self.missing,
            "devices_with_overlapping_files": self.overlapping_devices,
        }


def load(
    giving: Giving, names: Sequence[str], spec: FeatureSpec, devices: Devices, reader: Reader
) -> Partner:
    """Read the columns of a joined sensor; they are held in memory.

    Parameters
    ----------
    giving
        Which columns to take from which sensor.
    names
        What tells devices apart.
    spec
        Says which column is the timestamp, and its zone.
    devices, reader
        Those of the whole run.

    Raises
    ------
    TrainingError
        None of its files can be joined.
    """
    tables, moments, places, rows = [], [], [], 0
    sensor = giving.opened.sensor
    for number, footer in enumerate(giving.opened.footers):
        with reader.skipping(footer.path):
            device = DeviceOfFile.find(names, footer.path, footer.schema)
            clock = Clock.bind(spec, device, footer.schema)
            columns = list(dict.fromkeys([*clock.columns, *giving.columns]))
            parts = [
                (_plain(batch.select(giving.columns)), clock.read(batch, devices))
                for batch in batches(footer.path, columns)
            ]
            rows += footer.rows
            tables += [table for table, _ in parts]
            moments += [moment for _, moment in parts]
            places += [np.full(table.num_rows, number) for table, _ in parts]
    if not tables:
        reasons = [entry.reason for entry in reader.skipped if entry.path in sensor.files]
        raise TrainingError(f"{sensor.name} cannot be joined ({(reasons or ['it has no rows'])[0]})")
    return _partner(sensor.name, rows, _stacked(sensor.name, tables), moments, places)


def _partner(
    name: str, rows: int, table: pa.Table, moments: list[Moments], places: list[NDArray[np.int64]]
) -> Partner:
    instant = np.concatenate([moment.instant for moment in moments])
    device = np.concatenate([moment.device for moment in moments])
    known = device >= 0
    timeline = Timeline.of(device[known], instant[known])
    overlapping = _overlapping(timeline, np.concatenate(places)[known])
    return Partner(name, table.filter(pa.array(known)).combine_chunks(), timeline, rows, overlapping)


def _overlapping(timeline: Timeline, places: NDArray[np.int64]) -> int:
    """The devices of whose rows those of one file do not lie together."""
    place = places[timeline.row]
    runs = np.ones(len(place), dtype=bool)
    runs[1:] = (place[1:] != place[:-1]) | (timeline.device[1:] != timeline.device[:-1])
    pairs = np.stack([timeline.device[runs], place[runs]])
    _, counts = np.unique(pairs, axis=1, return_counts=True)
    again = np.unique(pairs, axis=1)[0][counts > 1]
    return len(np.unique(again))


def _plain(batch: pa.RecordBatch) -> pa.Table:
    """Columns without dictionary encoding, whose dictionaries would differ from file to file."""
    columns = [
        column.dictionary_decode() if pt.is_dictionary(column.type) else column for column in batch.columns
    ]
    return pa.table(columns, names=batch.schema.names)


def _stacked(name: str, tables: list[pa.Table]) -> pa.Table:
    """All tables one below the other, in a type that holds each file's."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise TrainingError(f"the files of {name} differ in the types of a column: {error}") from error


def in_words(duration: int) -> str:
    """Say a duration in microseconds in seconds, e.g. ``60 s``."""
    return f"{duration / 1_000_000:g} s"
