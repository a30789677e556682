"""Outputs spoiled on demand: a job that ends Completed although rows are missing or double."""

from __future__ import annotations

from typing import IO

LEAVE_OUT_ROWS, DUPLICATE_ROWS, LEAVE_OUT_OBJECT = "leave_out_rows", "duplicate_rows", "leave_out_object"


class OutputFaults:
    """Spoils the first output object of a job; ``fault`` is one of ``local.sagemaker.faults.OutputFault``."""

    def __init__(self, fault: str, rows: int) -> None:
        self._fault, self._rows = fault, rows
        self._is_first = True

    def spoil(self, written: IO[bytes]) -> None:
        """Take rows from the end of the output, or put them there a second time."""
        if not self._is_first or self._fault not in {LEAVE_OUT_ROWS, DUPLICATE_ROWS}:
            return
        written.seek(0)
        lines = written.read().splitlines(keepends=True)
        last = lines[-self._rows :]
        kept = lines[: -self._rows] if self._fault == LEAVE_OUT_ROWS else lines + last
        written.seek(0)
        written.truncate()
        written.writelines(kept)

    def keeps_object(self) -> bool:
        """Whether the object at hand is uploaded at all; the next one is no longer the first."""
        kept = not (self._is_first and self._fault == LEAVE_OUT_OBJECT)
        self._is_first = False
        return kept
