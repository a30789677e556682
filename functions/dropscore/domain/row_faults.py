"""What is wrong with single rows, which are rejected for it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

REJECT_SCHEMA = pa.schema([("row", pa.int64()), ("column", pa.string()), ("reason", pa.string())])
"""One line per row that could not be scored: which row, because of which column, and why."""


class RowFaults:
    """What is wrong with some rows: of each row the first fault that was found.

    Attributes
    ----------
    rows
        int64, shape (n,): their numbers in the source.
    fine
        boolean, shape (n,): those without a fault so far.
    """

    def __init__(self, rows: pa.Array) -> None:
        self.rows = rows
        self._found: list[pa.RecordBatch] = []
        self.fine = pc.is_valid(rows)

    def add(self, column: str, reason: str, at_fault: pa.Array) -> None:
        """Note the rows where `at_fault` is true (null counts as false) and that had no fault before."""
        if not at_fault.true_count:
            return
        fresh = pc.and_(self.fine, at_fault.fill_null(fill_value=False))
        rows = self.rows.filter(fresh)
        if len(rows):
            self._found.append(reject_rows(rows, column, reason))
            self.fine = pc.and_not(self.fine, fresh)

    def without(self, columns: pa.RecordBatch | pa.Table) -> Any:
        """The columns of the rows that nothing is wrong with."""
        return columns.filter(self.fine) if self._found else columns

    def found(self) -> pa.Table:
        """Every fault, in row order."""
        found = pa.Table.from_batches(self._found, schema=REJECT_SCHEMA)
        return found.sort_by("row") if self._found else found


def reject_rows(rows: pa.Array, column: str, reason: str) -> pa.RecordBatch:
    """The lines (`REJECT_SCHEMA`) that say of each of `rows` that it was rejected, because of `column`."""
    columns = [rows, pa.repeat(column, len(rows)), pa.repeat(f"{column} {reason}", len(rows))]
    return pa.RecordBatch.from_arrays(columns, schema=REJECT_SCHEMA)
