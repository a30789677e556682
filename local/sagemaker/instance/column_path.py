"""The JSONPaths SageMaker allows as filters of CSV records: indexes and slices of columns.

Source: "Associate Prediction Results with Input Records", Amazon SageMaker AI Developer Guide: for CSV only
indexes work (``$[0]``, ``$[1,-1]``, ``$[1:]``, ``$[:-1]``); a slice ends before its end; a negative index
counts from the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 63
_INDEXES = re.compile(r"\$\[\s*(-?\d+(?:\s*,\s*-?\d+)*)\s*\]")
_SLICE = re.compile(r"\$\[\s*(-?\d*)\s*:\s*(-?\d*)\s*\]")


class ColumnPathError(ValueError):
    """Not a path SageMaker takes for CSV, or a column the record does not have."""


@dataclass(frozen=True)
class ColumnPath:
    """Which columns of a record are kept: all, a slice, or some by index."""

    span: slice | None = None
    indexes: tuple[int, ...] | None = None

    @classmethod
    def parse(cls, text: str) -> ColumnPath:
        """Read a path.

        Raises
        ------
        ColumnPathError
            When it is too long, or not made of indexes or a slice.
        """
        if len(text) > LONGEST:
            raise ColumnPathError(f"{text} has {len(text)} characters; at most {LONGEST} are allowed")
        if text == "$":
            return cls()
        if matched := _INDEXES.fullmatch(text):
            return cls(indexes=tuple(int(index) for index in matched[1].split(",")))
        if matched := _SLICE.fullmatch(text):
            start, end = (int(bound) if bound else None for bound in matched.groups())
            return cls(span=slice(start, end))
        raise ColumnPathError(
            f"{text} does not select columns of a CSV record; use a form such as $[1:] or $[0,-1]"
        )

    @property
    def keeps_all(self) -> bool:
        """Whether it is ``$``."""
        return self.span is None and self.indexes is None

    def select[Cell](self, cells: list[Cell]) -> list[Cell]:
        """The columns it keeps, in its order.

        Raises
        ------
        ColumnPathError
            When the record has no such column.
        """
        if self.span is not None:
            return cells[self.span]
        if self.indexes is None:
            return cells
        try:
            return [cells[index] for index in self.indexes]
        except IndexError:
            raise ColumnPathError(
                f"a record of {len(cells)} columns has no column {list(self.indexes)}"
            ) from None
