"""What a service has just said: not asked for again at once, however many readers ask us."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from dropscore.deadline import Clock

MOST = 256
"""Answers that are kept."""


class Recent:
    """Answers of a service that are good for some seconds, in this process."""

    def __init__(self, good_for: timedelta) -> None:
        self._good_for = good_for
        self._kept: dict[object, tuple[datetime, object]] = {}

    def get[T](self, what: object, clock: Clock, ask: Callable[[], T]) -> T:
        """The answer to a question: what `ask` gives, or gave a moment ago; what it raises is not kept.

        Parameters
        ----------
        what
            The question: to the same one, `ask` gives the same kind of answer.
        """
        known = self._kept.get(what)
        if known and timedelta(0) <= clock() - known[0] < self._good_for:
            answer: T = known[1]  # type: ignore[assignment]
            return answer
        answer = ask()
        self._kept.pop(what, None)  # so that it stands last
        if len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[what] = clock(), answer
        return answer
