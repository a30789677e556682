"""The process that reads files (`dropscore.files.isolation`) without a process: its deaths, its delays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from dropscore.approved import ApprovedModel
from dropscore.domain.drop import Drop
from dropscore.domain.errors import ReaderDied, ReaderOverdue
from dropscore.domain.job import Job
from dropscore.domain.outcome import FileOutcome
from dropscore.files.isolation import TRIES
from dropscore.files.results import Results
from dropscore.files.work import FileWork

if TYPE_CHECKING:
    from tests.simulation.world import World


class Died(BaseException):
    """The process that reads files is gone; what it had written stays."""


class Overdue(BaseException):
    """The process that reads files is killed because the time is over; what it had written stays."""


@dataclass(eq=False)
class InlineFiles:
    """The work with files, within the function's own process.

    It dies over so many more of the next files (`dies`), always when it reads the file of one of the drops
    `unreadable`, and always over the outputs of one of the drops `unjoinable`.
    """

    world: World
    dies: int = 0
    unreadable: set[str] = field(default_factory=set)
    unjoinable: set[str] = field(default_factory=set)
    blamed: set[str] = field(default_factory=set)
    """The drops over whose file or outputs it has died or taken too long."""

    def convert(self, drop: Drop, model: ApprovedModel, limit: timedelta) -> FileOutcome:
        deadly = drop.drop_id in self.unreadable
        return self._within(limit, drop, deadly, lambda: self._work().convert(drop, model))

    def join(self, drop: Drop, job: Job, outputs: Sequence[str], limit: timedelta) -> FileOutcome:
        deadly = drop.drop_id in self.unjoinable
        return self._within(limit, drop, deadly, lambda: self._work().join(drop, job, outputs))

    def work(self, do: Callable[[], FileOutcome]) -> FileOutcome:
        """Do it once."""
        return do()

    def _work(self) -> FileWork:
        """What reads and writes as the function does that asks for it."""
        application = self.world.application
        adapters, settings = application.adapters, application.settings
        results = Results(adapters.results)
        return FileWork(adapters.inbox, adapters.work, results, settings.limits, settings.code_version)

    def _within(
        self, limit: timedelta, drop: Drop, deadly: bool, do: Callable[[], FileOutcome]
    ) -> FileOutcome:
        until = self.world.now + limit
        if not self._blames(deadly):
            for _ in range(TRIES):
                with suppress(Died):
                    return self._in_time(until, drop, do)
        self.blamed.add(drop.drop_id)
        raise ReaderDied(f"the reader died {TRIES} times over it (SIGSEGV)")

    def _in_time(self, until: datetime, drop: Drop, do: Callable[[], FileOutcome]) -> FileOutcome:
        try:
            outcome = self.work(do)
        except Overdue:
            self.world.now = max(self.world.now, until)
            outcome = None
        if outcome is None or self.world.now > until:
            self.blamed.add(drop.drop_id)
            raise ReaderOverdue("reading the file took longer than the function has time")
        return outcome

    def _blames(self, deadly: bool) -> bool:
        self.dies -= 1
        return deadly or self.dies >= 0
