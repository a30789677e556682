"""A window on a result: which of its rows are asked for, and what of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dropscore.domain.errors import DropscoreError, quoted

TIMESTAMP = "ts"
"""The column of a result that bounds in time are about (the design, "Result columns")."""


class TooWide(DropscoreError):
    """The columns asked for take up more than is read at once: who asks can name fewer of them."""


class UnknownColumn(DropscoreError):
    """The object has no such column: who asks can act."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"there is no column {name!r}; there are {quoted(known)}")


@dataclass(frozen=True)
class Window:
    """Which rows of an object are asked for, and what of them.

    Attributes
    ----------
    start
        0-based place of the first row in the object.
    limit
        Most rows.
    columns
        In the order wanted; None for all but `drop_id`.
    since, until
        Bounds on `ts`, the first inclusive, the second exclusive; None is no bound.
    """

    start: int
    limit: int
    columns: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def filtered(self) -> bool:
        """Whether it leaves rows out."""
        return self.since is not None or self.until is not None
