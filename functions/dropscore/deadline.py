"""Time as the use cases have it: a clock that they are given, and the end of the invocation they run in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Says what time it is, in UTC."""

LEASE_MARGIN = timedelta(seconds=60)
"""A lease ends this long after the deadline of the invocation that holds it (the design)."""


MOST = 0.5
"""The share of an invocation's time with which a drop that takes longer is itself to blame."""

ANSWERING = 0.1
"""The share of an invocation's time that is kept for saying what came of its work with files."""


def system_clock() -> datetime:
    """The time of this machine, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Deadline:
    """When the invocation is cut off, and how long it may take in all."""

    clock: Clock
    at: datetime
    length: timedelta

    @classmethod
    def after(cls, clock: Clock, milliseconds: int) -> Deadline:
        """The deadline of an invocation with `milliseconds` left (`get_remaining_time_in_millis`)."""
        length = timedelta(milliseconds=milliseconds)
        return cls(clock, clock() + length, length)

    @property
    def lease_until(self) -> datetime:
        """When leases that this invocation takes end."""
        return self.at + LEASE_MARGIN

    @property
    def left(self) -> timedelta:
        """How much time is left."""
        return self.at - self.clock()

    @property
    def for_files(self) -> timedelta:
        """How long the work with a file may take now."""
        return self.left - ANSWERING * self.length

    def leaves(self, share: float) -> bool:
        """Whether at least this share of the invocation's time is left.

        A share, so that a function with another timeout does not hand back all it is given.
        """
        return self.left >= share * self.length
