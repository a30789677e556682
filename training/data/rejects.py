"""Rows that are not trained on, each with its file, row number, column and reason, as in scoring."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

SCHEMA = pa.schema(
    [("file", pa.string()), ("row", pa.int64()), ("column", pa.string()), ("reason", pa.string())]
)
_TOLD = pa.dictionary(pa.int32(), pa.string())


@dataclass
class BatchRejects:
    """What is wrong with the rows of a batch: of each row the first fault that was found.

    Attributes
    ----------
    first_row
        The number in its file of the batch's first row, from 0.
    fine
        Shape (rows,): the rows without a fault so far.
    """

    first_row: int
    fine: NDArray[np.bool_]
    found: list[tuple[NDArray[np.int64], str, str]] = field(default_factory=list)

    def add(self, at_fault: NDArray[np.bool_], column: str, reason: str) -> None:
        """Note the rows where ``at_fault`` is true and that had no fault before."""
        fresh = self.fine & at_fault
        if fresh.any():
            self.found.append((np.flatnonzero(fresh), column, reason))
            self.fine &= ~fresh

    def add_all(self, faults: pa.Table, first_row: int) -> None:
        """Note faults (row from ``first_row`` on, column, reason) of rows that had none before."""
        if not faults.num_rows:
            return
        encoded = faults["reason"].combine_chunks().dictionary_encode()
        reasons, rows = encoded.indices.to_numpy(), faults["row"].to_numpy() - first_row
        for number, reason in enumerate(encoded.dictionary.to_pylist()):
            at_fault = np.zeros(len(self.fine), dtype=bool)
            at_fault[rows[reasons == number]] = True
            self.add(at_fault, faults["column"][int(np.argmax(reasons == number))].as_py(), reason)


@dataclass
class Rejects:
    """The rows of all files that are not trained on.

    Attributes
    ----------
    reasons
        How many rows, by reason.
    """

    reasons: Counter[str] = field(default_factory=Counter)
    _parts: list[pa.Table] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.reasons.total()

    def add(self, path: Path, batch: BatchRejects) -> None:
        """Take in what is wrong with a batch of a file."""
        for rows, column, reason in batch.found:
            self.reasons[reason] += len(rows)
            told = [pa.repeat(text, len(rows)).dictionary_encode() for text in (str(path), column, reason)]
            numbers = pa.array(rows + batch.first_row)
            columns = [told[0].cast(_TOLD), numbers, told[1].cast(_TOLD), told[2].cast(_TOLD)]
            self._parts.append(pa.table(columns, names=SCHEMA.names))

    def write(self, path: Path) -> None:
        """Write them as parquet (`SCHEMA`), in the order of files; none: an older file is taken away."""
        path.unlink(missing_ok=True)
        if self._parts:
            pq.write_table(pa.concat_tables(self._parts, promote_options="permissive").cast(SCHEMA), path)
