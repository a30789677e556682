"""The devices that rows were measured on: told by columns, or by the folders that a file lies in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dropscore.domain.source import Source
from training.errors import TrainingError

DEVICE = "device_id"
SITE = "company_id"
"""In the PRTG Open Dataset, sensors, and it seems devices, are numbered within the folder `company_id=…`."""

NO_DEVICE = -1
_SEPARATOR = "\x1f"


def hive_parts(path: Path) -> dict[str, str | None]:
    """The ``name=value`` folders that a file lies in, as scoring reads them from a key; None is null."""
    return _source(path).hive_keys


def check_folders(path: Path, keys: Sequence[str]) -> None:
    """Refuse a file that scoring refuses for the names of its folders.

    Raises
    ------
    ContentError
        As `Source.check_hive_keys` does.
    """
    _source(path).check_hive_keys(keys)


def _source(path: Path) -> Source:
    return Source("", path.absolute().as_posix(), "")


def default_device(files: Iterable[tuple[Path, pa.Schema]]) -> tuple[str, ...]:
    """The names that tell devices apart: `DEVICE`, with `SITE` before it where every file has that."""
    sited = all(SITE in schema.names or SITE in hive_parts(path) for path, schema in files)
    return (SITE, DEVICE) if sited else (DEVICE,)


@dataclass(frozen=True)
class DeviceOfFile:
    """How the rows of one file say which device they belong to.

    Attributes
    ----------
    names
        What tells devices apart, in order; empty: all rows are one device.
    folders
        Those of the names that are no column of the file, with their value, None for null: it is the same for
        every row.
    """

    names: tuple[str, ...]
    folders: Mapping[str, str | None]

    @classmethod
    def find(cls, names: Sequence[str], path: Path, schema: pa.Schema) -> "DeviceOfFile":
        """Look the names up among a file's columns, then among the folders it lies in.

        Raises
        ------
        TrainingError
            One of them is neither; the message says what to do.
        """
        parts = hive_parts(path)
        folders = {name: parts[name] for name in names if name not in schema.names and name in parts}
        missing = [name for name in names if name not in schema.names and name not in folders]
        if missing:
            raise TrainingError(
                f"{missing[0]!r} is neither a column nor a folder {missing[0]}=…: name what tells devices"
                " apart with --device"
            )
        return cls(tuple(names), folders)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names that are columns of the file."""
        return tuple(name for name in self.names if name not in self.folders)


@dataclass
class Devices:
    """Numbers for devices, the same for the same device in whichever file."""

    numbers: dict[str, int] = field(default_factory=dict)

    def numbered(self, device: DeviceOfFile, columns: pa.RecordBatch) -> NDArray[np.int64]:
        """The device of each row.

        Parameters
        ----------
        device
            Where the rows' file says it.
        columns
            Has the device's columns, as strings.

        Returns
        -------
        Shape (rows,), int64; `NO_DEVICE` where a column is null.
        """
        rows = columns.num_rows
        parts = [
            pa.repeat(pa.scalar(device.folders[name], pa.string()), rows)
            if name in device.folders
            else columns.column(name)
            for name in device.names
        ]
        joined = pc.binary_join_element_wise(*parts, _SEPARATOR) if parts else pa.repeat("", rows)
        encoded = joined.dictionary_encode()
        numbers = [self._number(name) for name in encoded.dictionary.to_pylist()]
        lookup = np.array([*numbers, NO_DEVICE], dtype=np.int64)
        places: NDArray[np.int64] = encoded.indices.fill_null(len(numbers)).to_numpy(zero_copy_only=False)
        return lookup[places]

    def alone(self, path: Path, rows: int) -> NDArray[np.int64]:
        """A device of their own for the rows of a file that names none."""
        return np.full(rows, self._number(f"{_SEPARATOR}{path}"), dtype=np.int64)

    def _number(self, name: str) -> int:
        return self.numbers.setdefault(name, len(self.numbers))
