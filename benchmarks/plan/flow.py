"""The files of some days on their way through the stack: an event at a time, cohorts instead of single files.

What waits is counted, and what happens is put on an agenda: arrivals, batches, dispatches, jobs, parts. A
cohort is the files of five seconds, and invocations that begin together are one event, so that a hundred
million files a day take no longer to simulate than a million. Nothing fails here: no retries, no crashes, no
throttling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

from benchmarks.plan.arrivals import arrivals
from benchmarks.plan.dispatching import Dispatching, RunningJob
from benchmarks.plan.queueing import Agenda, Cohort
from benchmarks.plan.stages import Collecting, Preparing
from benchmarks.plan.workload import DAY, Work

WARM_UP = 2
"""Days before the one that is measured, so that it begins with what the days before leave over: the second of
them begins with a backlog already, where there is one, and makes other jobs of it than the first.
"""

LAST = WARM_UP + 2
"""The measured day's files are followed until the end of the day after, while as many more arrive; not at all
where the backlog grows.
"""

STEADY = 0.02
"""A backlog that grows by a smaller share of a day's files may be chance."""


@dataclass(frozen=True)
class Totals:
    """What has happened until some moment, or between two.

    Attributes
    ----------
    arrived, scored, left
        Files; `left` are those that wait or are worked on, wherever they are, counted there.
    jobs, dispatches, looked_at, prepares, collects
        Jobs started; dispatches, and the drops that they looked at; invocations of the two functions.
    dispatch_seconds, prepare_seconds, collect_seconds, instance_seconds
        How long they took; of instances, what is billed.
    """

    arrived: float
    scored: float
    left: float
    jobs: float
    dispatches: float
    looked_at: float
    prepares: float
    collects: float
    dispatch_seconds: float
    prepare_seconds: float
    collect_seconds: float
    instance_seconds: float

    @property
    def growth(self) -> int:
        """Of a day: the files by which the backlog has grown, if that is more than chance."""
        return int(self.left) if self.left > max(2, STEADY * self.arrived) else 0

    def since(self, earlier: Totals) -> Totals:
        """What has happened since then; `left` is by how much the backlog has grown."""
        return Totals(*(getattr(self, f.name) - getattr(earlier, f.name) for f in fields(self)))


@dataclass(frozen=True)
class Flowed:
    """What became of the measured day's files.

    Attributes
    ----------
    latencies
        From arrival to result, in seconds, and of how many files; ascending.
    unscored
        Files of the day that had no result when the simulation was over.
    day
        What happened on the day.
    end
        What had happened when the simulation was over.
    prepare_peak, collect_peak
        Invocations at once.
    capped
        Whether MaxJobsPerDay was reached on the day.
    """

    latencies: list[tuple[float, int]]
    unscored: int
    day: Totals
    end: Totals
    prepare_peak: int
    collect_peak: int
    capped: bool

    @property
    def left_over(self) -> int:
        """Files by which the backlog grows each day; 0 where it does not."""
        return self.day.growth

    def percentile(self, share: float) -> float:
        """The latency within which so large a share of the scored files have their result (nearest rank)."""
        needed = share * sum(files for _, files in self.latencies)
        reached = 0
        for latency, files in self.latencies:
            reached += files
            if reached >= needed:
                return latency
        raise ValueError("no file was scored")


class Flow:
    """The stack, and what is under way in it."""

    def __init__(
        self, work: Work, arrive: Callable[[int], Iterator[tuple[float, int]]] | None = None
    ) -> None:
        self._agenda = Agenda()
        self._arrive = arrive or (lambda day: arrivals(work.workload, day))
        self._sweep_seconds = work.stack.sweep_seconds
        self._dispatching = Dispatching(self._agenda, work, self._job_ended)
        self._preparing = Preparing(self._agenda, work, self._dispatching)
        self._collecting = Collecting(self._agenda, work, self._dispatching, self._scored)
        self._arrived = 0
        self._count = 0
        self._of_the_day = 0
        self._latencies: dict[float, int] = {}

    def run(self) -> Flowed:
        """Let the days go by."""
        self._agenda.at(0, self._sweep)
        for number in range(LAST):
            self._let_arrive(self._arrive(number))
        begin = self._until(WARM_UP * DAY)
        over = self._until((WARM_UP + 1) * DAY)
        peaks = self._preparing.lanes.peak, self._collecting.lanes.peak
        day = over.since(begin)
        while self._of_the_day and not day.growth and self._agenda.next < LAST * DAY:
            self._agenda.step()
        capped = WARM_UP in self._dispatching.capped
        return Flowed(sorted(self._latencies.items()), self._of_the_day, day, self._totals, *peaks, capped)

    def _until(self, moment: float) -> Totals:
        """Let everything happen that happens before then; what has happened by then."""
        while self._agenda.next < moment:
            self._agenda.step()
        return self._totals

    def _let_arrive(self, cohorts: Iterator[tuple[float, int]]) -> None:
        """Have the next cohort arrive, and then those after it."""
        if (following := next(cohorts, None)) is None:
            return
        moment, files = following

        def arrive() -> None:
            self._arrived += files
            self._of_the_day += files * (moment // DAY == WARM_UP)
            self._preparing.arrive(files)
            self._let_arrive(cohorts)

        self._agenda.at(moment, arrive)

    def _sweep(self) -> None:
        self._dispatching.attempt(sweep=True)
        self._agenda.at(self._agenda.now + self._sweep_seconds, self._sweep)

    def _job_ended(self, job: RunningJob) -> None:
        self._collecting.job_ended(job)

    def _scored(self, cohorts: list[Cohort]) -> None:
        for cohort in cohorts:
            self._count += cohort.files
            if cohort.arrived // DAY == WARM_UP:
                self._of_the_day -= cohort.files
                latency = round(self._agenda.now - cohort.arrived, 3)
                self._latencies[latency] = self._latencies.get(latency, 0) + cohort.files

    @property
    def _totals(self) -> Totals:
        preparing, dispatching, collecting = self._preparing, self._dispatching, self._collecting
        left = preparing.queue.files + preparing.under_way + dispatching.queue.files
        return Totals(
            self._arrived,
            self._count,
            left + dispatching.scoring + collecting.waiting,
            dispatching.jobs,
            dispatching.dispatches,
            dispatching.looked_at,
            preparing.lanes.invocations,
            collecting.lanes.invocations,
            dispatching.busy_seconds,
            preparing.lanes.seconds,
            collecting.lanes.seconds,
            dispatching.instance_seconds,
        )
