"""Parquet files of sensors, read as scoring reads them: what it cannot score is not trained on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from dropscore.domain.errors import ContentError
from dropscore.domain.reading import open_parquet, read_batches
from dropscore.domain.source import why_no_drop
from training.errors import TrainingError


@dataclass(frozen=True)
class Sensor:
    """Files that have the same columns: one sensor's, or those of many sensors of a kind.

    Attributes
    ----------
    name
        As the user gave it, for messages, e.g. ``data/snmpcpu``.
    files
        In the order their rows are taken.
    """

    name: str
    files: tuple[Path, ...]


def find_sensor(given: Sequence[Path]) -> Sensor:
    """List the files given, and those in the folders given that end in .parquet, in any case; each once.

    Raises
    ------
    TrainingError
        A path does not exist, or there is no such file in any of them.
    """
    found: dict[Path, Path] = {}
    for path in given:
        if path.is_dir():
            entries = sorted(
                entry
                for entry in path.rglob("*")
                if why_no_drop(entry.relative_to(path).as_posix()) is None and entry.is_file()
            )
        elif path.is_file():
            entries = [path]
        else:
            raise TrainingError(f"{path} does not exist: give parquet files, or folders with such files")
        for entry in entries:
            found.setdefault(entry.resolve(), entry)
    names = ", ".join(map(str, given))
    if not found:
        raise TrainingError(
            f"no .parquet file in {names} (those under a name that begins with _ or . do not count, they are "
            "temporary or metadata): give a folder that has some"
        )
    return Sensor(names, tuple(found.values()))


@dataclass(frozen=True)
class Skipped:
    """A file that was left out of the training, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Footer:
    """What a file says of itself."""

    path: Path
    schema: pa.Schema
    rows: int


@dataclass(frozen=True)
class Opened:
    """A sensor, and the footers of those of its files that can be read."""

    sensor: Sensor
    footers: tuple[Footer, ...]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that at least one of its files has."""
        return frozenset(name for footer in self.footers for name in footer.schema.names)


@dataclass
class Reader:
    """Reads files for training; whatever is wrong with one leaves it out, with the reason.

    Attributes
    ----------
    skipped
        The files left out so far.
    """

    skipped: list[Skipped]

    def footers(self, sensor: Sensor) -> list[Footer]:
        """The footers of a sensor's files that can be read."""
        found = []
        for path in sensor.files:
            with self.skipping(path), path.open("rb") as file:
                _check_name(path)
                parquet = open_parquet(file)
                found.append(Footer(path, parquet.schema_arrow, parquet.metadata.num_rows))
        return found

    @contextmanager
    def skipping(self, path: Path) -> Iterator[None]:
        """Leave a file out over an error of its own in the block."""
        try:
            yield
        except (pa.ArrowException, OSError, ContentError, TrainingError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            self.skipped.append(Skipped(path, reason))


def _check_name(path: Path) -> None:
    """Refuse a file that no S3 key can be made of."""
    try:
        str(path.absolute()).encode()
    except UnicodeEncodeError as error:
        raise TrainingError("its name, or a folder's, is not UTF-8: rename it") from error


def batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a file in order, some columns of them, as scoring reads them.

    Raises
    ------
    ContentError
        The file is damaged.
    """
    with path.open("rb") as file:
        yield from read_batches(open_parquet(file), list(columns))
