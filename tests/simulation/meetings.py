"""Two invocations that meet over the same drop or job: each switch between them, and random ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from dropscore.domain import job as jobs
from tests.simulation.exhaustive import Life, silence
from tests.simulation.lagging import Broken
from tests.simulation.queues import Queue
from tests.simulation.scenarios import Scenario, name_of
from tests.simulation.turns import AtRandom, Once, SharedWorld, Switches, Turns

ELAPSED = (timedelta(0), timedelta(seconds=61))
"""How long the first one stands still: not at all, or longer than a dispatch lease holds."""

_PATIENCE = timedelta(minutes=10)


class Meeting(Scenario):
    """A scenario in whose course two functions run at once; `part_drops` are those of a part at most."""

    world: SharedWorld
    part_drops = jobs.PART_DROPS

    def meet(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """What either of them does, once all that comes before has happened."""
        raise NotImplementedError

    def receive(self, queue: Queue, place: int = 0) -> Callable[[], Any]:
        """Receive the messages that are there; what hands one of them to a function."""
        message = queue.receive()[place]
        return lambda: self.world.deliver(queue, [message])

    def receive_twice(self, queue: Queue) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """Receive a message that two functions get."""
        message = queue.receive()[0]
        again = queue.receive_again(message)
        return (lambda: self.world.deliver(queue, [message])), (lambda: self.world.deliver(queue, [again]))

    def end_jobs(self) -> None:
        """Have drops prepared and scored; nobody has heard of it yet."""
        while self.world.queues.inbox:
            self.world.deliver_inbox()
        for name in self.world.sagemaker.running:
            self.world.finish_job(name)

    def put_two(self) -> list[str]:
        if not self.world.sagemaker.packages:
            self.world.approve()
        return [self.put("a.parquet"), self.put("b.parquet")]


class ADropDeliveredTwice(Meeting):
    def begin(self) -> None:
        self.world.approve()
        self.put("a.parquet")

    def meet(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        return self.receive_twice(self.world.queues.inbox)


class AWaitingDropAndTheSweep(Meeting):
    """The model has come, the notification comes again, and the sweep finds the drop as well."""

    def begin(self) -> None:
        self.put("a.parquet")
        self.world.deliver_inbox()
        self.world.approve()

    def meet(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        ((key, versions),) = self.world.inbox.versions.items()
        self.world.notify(key, next(iter(versions)))
        return self.receive(self.world.queues.inbox), self.world.sweep


class TwoDispatches(Meeting):
    def begin(self) -> None:
        self.world.set_brakes(window=timedelta(minutes=2))
        self.put_two()
        self.world.deliver_inbox()

    def meet(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        self.world.now += timedelta(minutes=3)
        return self.receive_twice(self.world.queues.inbox)


class ADispatchAndTheSweep(TwoDispatches):
    def meet(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        self.world.now += timedelta(minutes=3)
        return self.receive(self.world.queues.inbox), self.world.sweep


class ADispatchAndTheSweepOnceItsVersionIsRejected(TwoDispatches):
    """The job that the one starts is the one that the other calls off. SageMaker has the model already."""

    most_jobs = 3

    def begin(self) -> None:
        self.world.approve()
        self.put("first.parquet")
        self.world.run()
        super().begin()

    def meet(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        def reject_and_sweep() -> None:
            self.world.reject_version(1)
            self.world.approve(2)
            self.world.sweep()

        self.world.now += timedelta(minutes=3)
        return self.receive(self.world.queues.inbox), reject_and_sweep


class AnEndToldTwice(Meeting):
    def begin(self) -> None:
        self.put_two()
        self.end_jobs()

    def meet(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        return self.receive_twice(self.world.queues.collect)


class AnEndAndTheSweep(AnEndToldTwice):
    def meet(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        return self.receive(self.world.queues.collect), self.world.sweep


class APartDeliveredTwice(AnEndToldTwice):
    def meet(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        self.world.deliver_collect()
        return self.receive_twice(self.world.queues.collect)


class APartAndTheSweep(AnEndToldTwice):
    """The part has been on its way for so long that the sweep has it sent again."""

    def meet(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        self.world.deliver_collect()
        self.world.now += _PATIENCE
        return self.receive(self.world.queues.collect), self.world.sweep


class APartOfAJobWithRowsMissingDeliveredTwice(APartDeliveredTwice):
    most_jobs = 2

    def begin(self) -> None:
        short, _ = self.put_two()
        self.world.sagemaker.short = {short: 1}
        self.end_jobs()


class TheLastTwoParts(APartDeliveredTwice):
    """Each has a drop: either may be the one that closes the job."""

    most_jobs = 2
    part_drops = 1

    def begin(self) -> None:
        short, _ = self.put_two()
        self.world.sagemaker.short = {short: 1}
        self.end_jobs()

    def meet(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        self.world.deliver_collect()
        queue = self.world.queues.collect
        first, second = queue.receive()
        return (lambda: self.world.deliver(queue, [first])), (lambda: self.world.deliver(queue, [second]))


class APartOfABrokenVersionDeliveredTwice(APartDeliveredTwice):
    """A job without any output counts once, whoever closes it; who is killed meanwhile parts its drops."""

    most_jobs = 3

    def begin(self) -> None:
        self.world.sagemaker.broken = {1}
        self.put_two()
        self.end_jobs()

    def operate(self) -> None:
        self.world.sagemaker.broken.clear()


class APartAndAnArrival(AnEndToldTwice):
    """With room for one job at a time: the end of one is what the other drop waits for."""

    most_jobs = 2

    def meet(self) -> tuple[Callable[[], Any], Callable[[], Any]]:
        self.world.set_brakes(max_running=1)
        self.world.deliver_collect()
        self.put("late.parquet")
        return self.receive(self.world.queues.collect), self.receive(self.world.queues.inbox)


def _all_below(kind: type[Meeting]) -> Iterator[type[Meeting]]:
    for below in kind.__subclasses__():
        yield below
        yield from _all_below(below)


MEETINGS = {name_of(meeting): meeting for meeting in _all_below(Meeting)}


@dataclass(frozen=True)
class Met:
    """How a meeting went.

    Attributes
    ----------
    order
        Whose each step was, a digit each.
    alone
        How many steps there were when one of the two had ended.
    broken
        Which promise was broken, and how; None when all held.
    """

    meeting: str
    switches: Switches
    order: str
    alone: int
    broken: str | None

    @property
    def again(self) -> str:
        """How to have them meet so again."""
        return f"python -m tests.simulation --meeting {self.meeting} {self.switches}"


def met(meeting: str, switches: Switches) -> Met:
    """Have two functions meet, and everything go on until nothing is left to do."""
    told = None
    with pytest.MonkeyPatch.context() as monkeypatch, silence():
        monkeypatch.setattr(jobs, "PART_DROPS", MEETINGS[meeting].part_drops)
        life = Life(monkeypatch, MEETINGS[meeting], {}, SharedWorld)
        turns = Turns(life.world, switches)
        try:
            life.scenario.begin()
            life.world.take_turns(life.scenario.meet(), turns)
            life.come_to_rest()
        except (Broken, Exception) as error:  # noqa: BLE001 - whatever it is, it breaks a promise
            told = f"{type(error).__name__}: {error}"
    return Met(meeting, switches, turns.order, turns.first_ended_after, told)


def every_switch(meeting: str, every: int = 1, seed: int = 0) -> Iterator[Met]:
    """One after the other, then each switch from the one to the other; with `every`, as `single_faults`."""
    for first in (0, 1):
        one_by_one = met(meeting, Once(first))
        yield one_by_one
        for step in range(1, one_by_one.alone + 1):
            for place, elapsed in enumerate(ELAPSED):
                if (step + place * every // len(ELAPSED) + seed) % every == 0:
                    yield met(meeting, Once(first, step, elapsed))


def random_switches(meeting: str, seeds: Iterable[int]) -> Iterator[Met]:
    """A meeting for each seed."""
    return (met(meeting, AtRandom(seed)) for seed in seeds)
