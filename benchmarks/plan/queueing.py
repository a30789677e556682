"""What waits, first come first served, and what is going to happen when."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import NamedTuple


class Cohort(NamedTuple):
    """Files that arrived together, and wait together.

    Attributes
    ----------
    arrived, since
        When they arrived, and since when they wait here, in seconds.
    files
        How many they are.
    """

    arrived: float
    since: float
    files: int


class Queue:
    """Files that wait."""

    def __init__(self) -> None:
        self._cohorts: deque[Cohort] = deque()
        self.files = 0

    def put(self, cohorts: list[Cohort], since: float) -> None:
        """Let these wait, behind the others."""
        for cohort in cohorts:
            self._cohorts.append(cohort._replace(since=since))
            self.files += cohort.files

    def take(self, files: int) -> list[Cohort]:
        """As many as that, or all there are, those first that came first."""
        taken = []
        while files and self._cohorts:
            cohort = self._cohorts.popleft()
            part = min(files, cohort.files)
            if part < cohort.files:
                self._cohorts.appendleft(cohort._replace(files=cohort.files - part))
            taken.append(cohort._replace(files=part))
            files -= part
            self.files -= part
        return taken

    @property
    def oldest(self) -> float:
        """Since when the first one waits; one must."""
        return self._cohorts[0].since


class Agenda:
    """What happens when, in order."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self.now = 0.0

    def at(self, moment: float, act: Callable[[], None]) -> None:
        """Have this happen then, after whatever was to happen then before."""
        heapq.heappush(self._due, (max(moment, self.now), next(self._order), act))

    def step(self) -> None:
        """Have the next thing happen."""
        self.now, _, act = heapq.heappop(self._due)
        act()

    @property
    def next(self) -> float:
        """When the next thing happens; infinity when nothing does any more."""
        return self._due[0][0] if self._due else float("inf")
