"""The rejected rows of a drop, gathered with their counts by reason."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from dropscore.domain.errors import shortened
from dropscore.domain.results import REJECTS_SCHEMA
from dropscore.files.spool import ParquetSpool


class Rejects(ParquetSpool):
    """Rows of `REJECTS_SCHEMA` in the making; knows why they were rejected."""

    def __init__(self) -> None:
        super().__init__(REJECTS_SCHEMA)
        self._reasons: dict[str, tuple[int, int]] = {}

    def write(self, table: pa.Table) -> None:
        """Append rejected rows, in row order."""
        super().write(table)
        for found in pc.value_counts(table["reason"]).to_pylist():
            reason = found["values"]
            count, first = self._reasons.get(reason, (0, None))
            if first is None:
                first = table["row"][pc.index(table["reason"], reason).as_py()].as_py()
            self._reasons[reason] = count + found["counts"], first

    def refusal(self, why: str) -> str:
        """Why the drop is rejected because of its rows: how many for which reason, and the first of each.

        Shortened: reasons name columns, whose names can be of any length.
        """
        reasons = (
            f"{reason}: {count} rows (first: row {first})" for reason, (count, first) in self._reasons.items()
        )
        return shortened(f"{why}: {'; '.join(reasons)}")
