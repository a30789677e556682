"""Rows to train on, read file by file: columns of other sensors joined, features made, bad rows set aside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dropscore.domain.features import Extract, Extraction
from dropscore.domain.spec import FeatureSpec
from training.data.baseline import NullCounter
from training.data.history import History
from training.data.rejects import BatchRejects, Rejects
from training.sensors.clocks import NO_INSTANT, Clock, Moments, microseconds
from training.sensors.devices import DeviceOfFile, Devices, check_folders, hive_parts
from training.sensors.files import Footer, batches
from training.sensors.partner import Partner

OnRows = Callable[[int], None]


@dataclass(frozen=True)
class FileRows:
    """A file whose rows can be trained on, bound to the feature spec.

    Attributes
    ----------
    extraction
        Of the file's columns together with the joined ones.
    columns
        What is read of the file itself.
    device
        How it names devices; None: it does not, and need not.
    clock
        Reads when and where a row was measured, before anything can be joined; None: nothing is joined.
    """

    footer: Footer
    extraction: Extraction
    columns: tuple[str, ...]
    device: DeviceOfFile | None
    clock: Clock | None

    @classmethod
    def bind(
        cls, spec: FeatureSpec, footer: Footer, device: DeviceOfFile | None, partners: Sequence[Partner]
    ) -> "FileRows":
        """Bind a file to the spec, together with the columns that others give to its rows.

        Raises
        ------
        ContentError
            The file lacks what the spec needs.
        """
        check_folders(footer.path, spec.keys)
        keys = () if device is None else device.columns
        wide = replace(spec, keys=tuple(dict.fromkeys([*spec.keys, *keys])))
        given = [column for partner in partners for column in partner.table.schema]
        schema = pa.schema([*footer.schema, *given])
        clock = Clock.bind(spec, device, footer.schema) if partners and device is not None else None
        extraction = Extraction.bind(wide, schema, hive_parts(footer.path))
        own = [*extraction.columns, *(clock.columns if clock else ())]
        joined = {column.name for column in given}
        columns = tuple(name for name in dict.fromkeys(own) if name not in joined)
        return cls(footer, extraction, columns, device, clock)


@dataclass(frozen=True)
class Usable:
    """Rows that can be trained on: values (n, features + 1), and when and where they were measured."""

    values: NDArray[np.float64]
    instant: NDArray[np.int64]
    device: NDArray[np.int64]


@dataclass
class RowReader:
    """Gathers the rows of file after file.

    Attributes
    ----------
    spec
        Which features and target.
    partners
        What is joined.
    tolerance
        Microseconds that joined rows may lie apart.
    timed
        Whether a row needs a timestamp.
    rejects, nulls, history
        What was gathered beside the rows.
    """

    spec: FeatureSpec
    devices: Devices
    partners: Sequence[Partner]
    tolerance: int
    timed: bool
    rejects: Rejects = field(default_factory=Rejects)
    nulls: NullCounter = field(default_factory=NullCounter)
    history: History = field(default_factory=History)

    def read(
        self, file: FileRows, choose: Callable[[int], NDArray[np.bool_]], on_rows: OnRows
    ) -> list[Usable]:
        """Read a file, and keep of its usable rows those that are chosen.

        Parameters
        ----------
        file
            Bound.
        choose
            Says which of so many rows to keep.
        on_rows
            Called with the number of rows of each batch.

        Returns
        -------
        list of Usable
            Batch by batch.

        Raises
        ------
        ContentError
            The file is damaged; none of its rows count.
        """
        first_row, kept, beside = 0, [], []
        for batch in batches(file.footer.path, list(file.columns)):
            usable, rejects, nulls = self._usable(file, batch, first_row)
            chosen = choose(len(usable.values))
            kept.append(Usable(usable.values[chosen], usable.instant[chosen], usable.device[chosen]))
            beside.append((rejects, nulls, usable.device, usable.instant, usable.values[:, -1].copy()))
            first_row += batch.num_rows
            on_rows(batch.num_rows)
        for rejects, nulls, device, instant, target in beside:
            self.rejects.add(file.footer.path, rejects)
            self.nulls.add(*nulls)
            self.history.add(device, instant, target)
        return kept

    def _usable(
        self, file: FileRows, batch: pa.RecordBatch, first_row: int
    ) -> tuple[Usable, BatchRejects, tuple[int, dict[str, int]]]:
        """The rows of a batch that can be trained on, what is wrong with the others, and nulls per column."""
        rejects = BatchRejects(first_row, np.ones(batch.num_rows, dtype=bool))
        if file.clock is not None:
            batch = self._joined(batch, file.clock.read(batch, self.devices), rejects)
        matched = batch.filter(pa.array(rejects.fine))
        nulls = {name: matched.column(name).null_count for name in matched.schema.names}
        extract = file.extraction.extract(batch, first_row)
        rejects.add_all(extract.rejects, first_row)
        place = extract.features.column("row").to_numpy() - first_row
        values, instant = _values(extract, self.spec), microseconds(extract.context.column("ts"))
        target, actual = str(self.spec.target), values[:, -1]
        empty = np.zeros(batch.num_rows, dtype=bool)
        rejects.add(_set(empty, place[_null(extract)]), target, f"{target} is null")
        rejects.add(_set(empty, place[~np.isfinite(actual)]), target, f"{target} is not finite")
        if self.timed:
            untimed = place[instant == NO_INSTANT]
            rejects.add(_set(empty, untimed), str(self.spec.timestamp), f"{self.spec.timestamp} is null")
        fine = rejects.fine[place]
        usable = Usable(values[fine], instant[fine], self._devices(file, extract)[fine])
        return usable, rejects, (matched.num_rows, nulls)

    def _joined(self, batch: pa.RecordBatch, moments: Moments, rejects: BatchRejects) -> pa.RecordBatch:
        """The batch with the columns that the partners give; notes the rows that one has nothing for."""
        rejects.add_all(moments.untimed, 0)
        rejects.add(moments.device < 0, "device", "its device is null")
        columns, names = list(batch.columns), list(batch.schema.names)
        for partner in self.partners:
            given, matched = partner.give(moments, self.tolerance)
            rejects.add(~matched, str(self.spec.timestamp), partner.missed(self.tolerance))
            columns += [column.combine_chunks() for column in given.columns]
            names += given.column_names
        return pa.RecordBatch.from_arrays(columns, names=names)

    def _devices(self, file: FileRows, extract: Extract) -> NDArray[np.int64]:
        """The device of each row of an extract."""
        if file.device is None:
            return self.devices.alone(file.footer.path, extract.context.num_rows)
        return self.devices.numbered(file.device, extract.context)


def _values(extract: Extract, spec: FeatureSpec) -> NDArray[np.float64]:
    """Features and target as float64, shape (n, features + 1); NaN where the target is null."""
    columns = [extract.features.column(name) for name in spec.features]
    columns.append(extract.context.column("actual"))
    return np.column_stack(
        [column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) for column in columns]
    )


def _null(extract: Extract) -> NDArray[np.bool_]:
    null: NDArray[np.bool_] = extract.context.column("actual").is_null().to_numpy(zero_copy_only=False)
    return null


def _set(flags: NDArray[np.bool_], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """A copy of the flags in which some are set."""
    copy = flags.copy()
    copy[places] = True
    return copy
