"""Every crash point of a scenario: a fault at each of its side effects, or at each two of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.simulation.faults import KILLS, Fault, FaultPlan, Faults, Killed
from tests.simulation.lagging import Broken, WatchedTable, demand
from tests.simulation.promises import Promises
from tests.simulation.scenarios import SCENARIOS, Scenario
from tests.simulation.watching import EXPECTED
from tests.simulation.world import World

MINUTE = timedelta(minutes=1)
QUIET = timedelta(minutes=10)
"""How much time passes at once while nothing happens: the schedule's sweeps of it are left out."""

ROUNDS = 60


@dataclass(frozen=True)
class Lived:
    """How a life with faults went.

    Attributes
    ----------
    calls
        How many side effects it had.
    broken
        Which promise was broken, and how; None when all held.
    """

    scenario: str
    faults: tuple[tuple[int, Fault], ...]
    calls: int
    broken: str | None

    @property
    def again(self) -> str:
        """How to live it again."""
        at = ",".join(f"{number}:{fault}" for number, fault in self.faults)
        return f"python -m tests.simulation --scenario {self.scenario}" + (f" --at {at}" if at else "")


class Life:
    """A scenario in a world of its own, with faults."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        scenario: type[Scenario],
        faults: Faults,
        world: type[World] = World,
    ) -> None:
        self.world = world(monkeypatch, WatchedTable())
        self.promises = Promises(self.world)
        self.scenario = scenario(self.world, self.promises)
        self.plan = FaultPlan(self.world, faults)
        self.promises.watch(monkeypatch)

    def live(self) -> None:
        """Live from the first arrival to the check of the promises."""
        self.scenario.begin()
        self.come_to_rest()

    def come_to_rest(self) -> None:
        """Let time pass until nothing is left to do, and check the promises."""
        for _ in range(ROUNDS):
            before = self.plan.calls
            self._minute()
            if self.promises.at_rest() and self.promises.ended():
                break
            idle = self.plan.calls - before <= _IDLE_CALLS
            self.world.now += QUIET if idle else MINUTE
        self.plan.end()
        self.promises.kept()
        demand(not [m.body for queue in self.world.queues.both for m in queue.dead], "a message is dead")
        jobs = len(self.world.sagemaker.jobs)
        demand(jobs <= self.scenario.most_jobs, f"{jobs} jobs")

    def _minute(self) -> None:
        inbox, collect = self.world.queues.both
        with _survived():
            self.scenario.operate()
        while inbox:
            with _survived():
                self.world.deliver_inbox()
        self._finish_jobs()
        while collect:
            with _survived():
                self.world.deliver_collect()
        with _survived():
            self.world.sweep()

    def _finish_jobs(self) -> None:
        for name in self.world.sagemaker.running:
            if self.world.now - self.world.sagemaker.jobs[name]["created"] >= self.scenario.job_takes:
                self.world.finish_job(name)


_IDLE_CALLS = 2
"""The side effects of a sweep that finds nothing to do: it takes the dispatch lease, and gives it back."""


@contextmanager
def _survived() -> Iterator[None]:
    """A function that dies or fails takes nothing else with it."""
    with suppress(Killed, *EXPECTED):
        yield


def lived(scenario: str, faults: Faults) -> Lived:
    """Live a scenario with faults."""
    told = None
    with pytest.MonkeyPatch.context() as monkeypatch, silence():
        life = Life(monkeypatch, SCENARIOS[scenario], faults)
        try:
            life.live()
        except (Broken, Exception) as error:  # noqa: BLE001 - whatever it is, it breaks a promise
            told = f"{type(error).__name__}: {error}"
    return Lived(scenario, tuple(faults.items()), life.plan.calls, told)


@contextmanager
def silence() -> Iterator[None]:
    """What the functions log of so many lives is left out."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def single_faults(
    scenario: str, kinds: Sequence[Fault] = tuple(Fault), every: int = 1, seed: int = 0
) -> Iterator[Lived]:
    """A life without a fault, then one for each side effect and each kind of fault.

    With `every`, each kind of fault strikes at every so many side effects only. Which they are is up to
    `seed`: so many successive seeds have them all.
    """
    unharmed = lived(scenario, {})
    yield unharmed
    for point in chosen(unharmed.calls, kinds, every, seed):
        yield lived(scenario, dict([point]))


def chosen(calls: int, kinds: Sequence[Fault], every: int, seed: int) -> list[tuple[int, Fault]]:
    """The crash points that a seed stands for: the side effect's number and the kind of fault."""
    return [
        (number, fault)
        for number in range(1, calls + 1)
        for place, fault in enumerate(kinds)
        if (number + place * every // len(kinds) + seed) % every == 0
    ]


def pairs(scenario: str, every: int = 1) -> Iterator[Lived]:
    """The function is killed at each two side effects, or at every so many of these pairs."""
    place = 0
    for first in range(1, lived(scenario, {}).calls + 1):
        for fault in KILLS:
            calls = lived(scenario, {first: fault}).calls
            for second in range(first + 1, calls + 1):
                for other in KILLS:
                    place += 1
                    if place % every == 0:
                        yield lived(scenario, {first: fault, second: other})
