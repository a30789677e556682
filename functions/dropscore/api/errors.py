"""What a request can be refused for; each class says what the client gets to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dropscore.domain.drop import Drop
from dropscore.domain.errors import DropscoreError


@dataclass(frozen=True)
class Fault:
    """What is wrong at one place of a request: a parameter, or `data[3][1]` of a body."""

    field: str
    detail: str


class BadRequest(DropscoreError):
    """The request is at fault: the client can act."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.detail}" for fault in faults))
        self.faults = faults


class NotFound(DropscoreError):
    """Nothing is at this address, or nothing that there is has this name: the client can act."""


class MethodNotAllowed(DropscoreError):
    """The address takes other methods: the client can act."""

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        self.allowed = ", ".join(allowed)
        super().__init__(f"This address takes {self.allowed}, not {method}.")


class NotAcceptable(DropscoreError):
    """No media type that the client accepts is on offer: the client can act."""

    def __init__(self, offers: Sequence[str]) -> None:
        super().__init__(f"Accept names none of the media types on offer: {', '.join(offers)}.")


class NotJson(DropscoreError):
    """The request says that its body is something else than JSON: the client can act."""

    def __init__(self, said: str) -> None:
        super().__init__(f"Content-Type is {said[:100]!r}: send application/json.")


class NotReady(DropscoreError):
    """The drop is not in a state that has what was asked for: who waits can act, if `pending`."""

    def __init__(self, drop: Drop, what: str) -> None:
        self.drop = drop
        self.pending = not drop.state.final
        later = " yet" if self.pending else ""
        super().__init__(f"Drop {drop.drop_id} is {drop.state}: it has no {what}{later}.")


class Unhealthy(DropscoreError):
    """The ledger cannot be reached: nobody acts, or the operator if it lasts."""
