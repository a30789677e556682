"""Why a request cannot be answered with predictions; each class says who can act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dropscore.domain.errors import DropscoreError

MOST_FAULTS = 20
"""A request of 1,000 rows may be wrong at thousands of places, most of them for one reason."""


@dataclass(frozen=True)
class Fault:
    """What is wrong at one place of a request, such as `data[3][1]`."""

    field: str
    detail: str


class BadRequest(DropscoreError):
    """The request is at fault: its sender can act."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults[:MOST_FAULTS])
        super().__init__("; ".join(f"{fault.field}: {fault.detail}" for fault in self.faults))


class NotJson(DropscoreError):
    """The request says that it is something else than JSON: its sender can act."""
