"""Training data from parquet files: the features of dropscore.domain, of one sensor or of several joined."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dropscore.domain.errors import quoted
from dropscore.domain.spec import FeatureSpec
from training.data.baseline import NullCounter
from training.data.rejects import Rejects
from training.data.rows import FileRows, RowReader, Usable
from training.errors import NotEnoughRows, TrainingError
from training.sensors.clocks import check_clocks, feature_zone, files_without_zone
from training.sensors.devices import DeviceOfFile, Devices, default_device
from training.sensors.files import Footer, Opened, Reader, Sensor, Skipped
from training.sensors.partner import Partner, load
from training.sensors.roles import Roles, assign

OnProgress = Callable[[int, int], None]
MIN_ROWS = 20
"""Fewer usable rows make no model worth its name: three quarters to fit, a quarter to test."""

LARGEST = 1e150
"""The largest number, either sign, that is trained on: training adds up squares of differences, which are
4e300 at most then, and float64 ends at 1.8e308: enough for 40 million rows.
"""


@dataclass(frozen=True)
class Request:
    """What to train on.

    Attributes
    ----------
    sensors
        One, or several that are joined.
    spec
        What to read; its target must be set. A baseline it holds is replaced.
    device
        Columns or folders that tell devices apart; None: `default_device`.
    tolerance
        Microseconds that rows of two sensors may lie apart.
    timed
        Whether every row needs a timestamp, since the split goes by it.
    max_rows
        Above this many rows in all, a random share of them is taken instead.
    seed
        Of that choice: the same files and seed give the same rows.
    """

    sensors: tuple[Sensor, ...]
    spec: FeatureSpec
    device: tuple[str, ...] | None = None
    tolerance: int = 60_000_000
    timed: bool = False
    max_rows: int = 2_000_000
    seed: int = 0


@dataclass(frozen=True)
class TrainingData:
    """Rows to train on.

    Attributes
    ----------
    spec
        The feature spec, without a baseline; with the zone of the files where features come from its clock.
    read_as_utc
        How many files have timestamps without a zone, where the spec has one.
    rows
        Shape (n, features + 1), float64, all finite: the features in the spec's order, then the target.
    instants
        Shape (n,): microseconds since 1970 of each row; `NO_INSTANT` where it has none.
    day_before
        Shape (n,): the target a day before on the same device, NaN where it is not known.
    nulls
        Of the rows read.
    rejects
        The rows left out, and why.
    source
        The sensor whose rows these are.
    partners
        The sensors that were joined to it.
    used, skipped
        Its files that the rows come from; files of any sensor that cannot be trained on.
    """

    spec: FeatureSpec
    read_as_utc: int
    rows: NDArray[np.float64]
    instants: NDArray[np.int64]
    day_before: NDArray[np.float64]
    nulls: NullCounter
    rejects: Rejects
    source: Sensor
    partners: tuple[Partner, ...]
    used: tuple[Footer, ...]
    skipped: tuple[Skipped, ...]


def read_training_data(request: Request, on_rows: OnProgress = lambda *_: None) -> TrainingData:
    """Read every file that can be read and has the target and what the features need.

    Where sensors are joined, the rows are those of the sensor that has the features, since that is what will
    be dropped and scored; the others give it the columns of their nearest row.

    Parameters
    ----------
    request
        What to train on.
    on_rows
        Called now and then with how many of how many rows are read.

    Returns
    -------
    TrainingData
        The rows, where they come from, and what was left out.

    Raises
    ------
    NotEnoughRows
        Fewer than ``MIN_ROWS`` usable rows are found; the message names the reasons.
    SeveralZones
        The files have timestamps of several zones, and the spec does not say which one features are in.
    TrainingError
        The spec names no target, or the sensors cannot be joined.
    """
    if request.spec.target is None:
        raise TrainingError("training needs a target: name the column to predict")
    reader, devices = Reader([]), Devices()
    opened = [Opened(sensor, tuple(reader.footers(sensor))) for sensor in request.sensors]
    roles = assign(opened, request.spec)
    device = _device(request, opened)
    partners = tuple(load(giving, device, request.spec, devices, reader) for giving in roles.givers)
    rows = RowReader(request.spec, devices, partners, request.tolerance, request.timed)
    files = list(_bound(request, roles.rows, device, partners, reader))
    spec = replace(request.spec, timezone=_feature_zone(request, files, roles), baseline={})
    used, kept = _read_all(request, files, rows, reader, on_rows)
    if sum(len(part.values) for part in kept) < MIN_ROWS:
        raise NotEnoughRows(_too_few(sum(len(part.values) for part in kept), reader.skipped, rows.rejects))
    instants = np.concatenate([part.instant for part in kept])
    return TrainingData(
        spec=spec,
        read_as_utc=files_without_zone(spec, _schemas(file.footer for file in files)) if spec.timezone else 0,
        rows=np.vstack([part.values for part in kept]),
        instants=instants,
        day_before=rows.history.day_before(np.concatenate([part.device for part in kept]), instants),
        nulls=rows.nulls,
        rejects=rows.rejects,
        source=roles.rows.sensor,
        partners=partners,
        used=tuple(used),
        skipped=tuple(reader.skipped),
    )


def check_sizes(data: TrainingData) -> None:
    """Refuse rows whose numbers are too large to train on, as what stands for "no data" may be.

    Scoring takes such a feature as it is; so its rows are not left out here.

    Raises
    ------
    TrainingError
        A value of a feature or of the target is beyond `LARGEST`; the message names the column and the value.
    """
    for name, column in zip([*data.spec.features, str(data.spec.target)], data.rows.T, strict=True):
        beyond = column[np.abs(column) > LARGEST]
        if len(beyond):
            raise TrainingError(
                f"column {name!r} has values beyond ±{LARGEST:g} ({len(beyond):,} of them, the first is"
                f" {beyond[0]}), and training overflows: write null where there is no value, then the row is"
                " left out"
            )


def _device(request: Request, opened: Sequence[Opened]) -> tuple[str, ...]:
    """What tells devices apart."""
    if request.device is not None:
        return request.device
    return default_device((footer.path, footer.schema) for one in opened for footer in one.footers)


def _bound(
    request: Request, rows: Opened, names: tuple[str, ...], partners: Sequence[Partner], reader: Reader
) -> Iterator[FileRows]:
    """The files of the sensor that gives the rows that have what the spec wants."""
    given = {name for partner in partners for name in partner.table.column_names}
    target, timestamp = str(request.spec.target), request.spec.timestamp
    for footer in rows.footers:
        with reader.skipping(footer.path):
            for name in (target, *([timestamp] if request.timed and timestamp else [])):
                if name not in footer.schema.names and name not in given:
                    raise TrainingError(
                        f"column {name!r} is missing; the file has: {quoted(footer.schema.names)}"
                    )
            try:
                device = DeviceOfFile.find(names, footer.path, footer.schema)
            except TrainingError:
                if partners or request.device:
                    raise
                device = None
            yield FileRows.bind(request.spec, footer, device, partners)


def _feature_zone(request: Request, files: Sequence[FileRows], roles: Roles) -> str | None:
    """The zone that features are in; timestamps that have to be compared can be."""
    if request.timed or roles.givers:
        joined = [footer for giving in roles.givers for footer in giving.opened.footers]
        check_clocks(request.spec, _schemas([*(file.footer for file in files), *joined]))
    return feature_zone(request.spec, _schemas(file.footer for file in files))


def _schemas(footers: Iterable[Footer]) -> dict[Path, pa.Schema]:
    """The schemas of the files that have rows: an empty one may have been written without types."""
    return {footer.path: footer.schema for footer in footers if footer.rows}


def _read_all(
    request: Request, files: Sequence[FileRows], rows: RowReader, reader: Reader, on_rows: OnProgress
) -> tuple[list[Footer], list[Usable]]:
    """Read file after file: those whose rows count, and the rows that are kept."""
    total = sum(file.footer.rows for file in files)
    share = min(1.0, request.max_rows / max(1, total))
    rng, done = np.random.default_rng(request.seed), 0
    used, kept = [], []

    def advance(count: int) -> None:
        nonlocal done
        done += count
        on_rows(done, total)

    for file in files:
        with reader.skipping(file.footer.path):
            kept += rows.read(file, lambda count: rng.random(count) < share, advance)
            if file.footer.rows:
                used.append(file.footer)
    return used, kept


def _too_few(found: int, skipped: Sequence[Skipped], rejects: Rejects) -> str:
    """Say that there is too little to train on, with the first reason of each kind as the example."""
    finding = f"{found} usable rows to train on, {MIN_ROWS} are needed"
    why = []
    if rejects.rows:
        reason, count = rejects.reasons.most_common(1)[0]
        why.append(f"{rejects.rows} rows left out, {count} of them since: {reason}")
    if skipped:
        why.append(f"{len(skipped)} files left out, {skipped[0].path.name}: {skipped[0].reason}")
    return f"{finding} ({'; '.join(why)})" if why else finding
