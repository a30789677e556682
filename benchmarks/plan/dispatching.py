"""Dispatch: PREPARED drops become jobs, one dispatch at a time, within the brakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from benchmarks.plan.code import AT_ONCE, DISPATCH_NEEDED, WHILE_BUSY_SECONDS
from benchmarks.plan.queueing import Agenda, Cohort, Queue
from benchmarks.plan.workload import DAY, Work

LOOKING = 30
"""Requests to DynamoDB with which a dispatch looks for jobs and drops: 16 partitions, leases, the days. What
it finds comes in pages, and is read again, consistently, a hundred at a time.
"""


def looking_seconds(work: Work, drops: int) -> float:
    """How long a dispatch takes to see what there is, of which so many drops are PREPARED."""
    return (LOOKING + ceil(2 * drops / 100)) * work.speeds.dynamodb_seconds


@dataclass
class RunningJob:
    """A job that has been started.

    Attributes
    ----------
    files
        Those that are not yet handed to an invocation of collect.
    uncollected
        How many have no result yet.
    """

    files: Queue
    uncollected: int


class Dispatching:
    """The queue of PREPARED drops, and the jobs that they become.

    Parameters
    ----------
    ended
        Told of each job that has ended.
    """

    def __init__(self, agenda: Agenda, work: Work, ended: Callable[[RunningJob], None]) -> None:
        self._agenda = agenda
        self._work = work
        self._ended = ended
        self._busy_until = 0.0
        self._held_back = False
        self._again_at: set[float] = set()
        self.queue = Queue()
        self.open_jobs = 0
        self.scoring = 0
        self.planned: Counter[int] = Counter()
        self.capped: set[int] = set()
        self.jobs = 0
        self.dispatches = 0
        self.looked_at = 0
        self.busy_seconds = 0.0
        self.instance_seconds = 0.0

    def prepared(self, cohorts: list[Cohort]) -> float:
        """An invocation of prepare has PREPARED these: dispatch; when that is done.

        A message comes once those are due that are left.
        """
        now, stack = self._agenda.now, self._work.stack
        self.queue.put(cohorts, now)
        busy = now < self._busy_until
        until = self.attempt()
        if self.queue.files and not busy:
            self._again(now + stack.job_window_seconds + 1 + stack.batch_window_seconds)
        return until

    def attempt(self, *, sweep: bool = False) -> float:
        """Dispatch, unless another does; when that is done.

        Who finds another at it sends a message that comes in a while; the sweep does not.
        """
        now, message = self._agenda.now, self._work.stack.batch_window_seconds
        if now < self._busy_until:
            if not sweep:
                self._again(now + WHILE_BUSY_SECONDS + message)
            return now
        self._busy_until = self._start_jobs()
        self.dispatches += 1
        self.busy_seconds += self._busy_until - now
        return self._busy_until

    def close(self, job: RunningJob) -> None:
        """All of a job's drops are scored: it makes room for another."""
        del job
        self.open_jobs -= 1
        if self._held_back:
            self._again(self._agenda.now + 1 + self._work.stack.batch_window_seconds)

    def _again(self, moment: float) -> None:
        """Attempt it then; messages of the same second are one."""
        second = ceil(moment)
        if second not in self._again_at:
            self._again_at.add(second)

            def attempt() -> None:
                self._again_at.discard(second)
                self.attempt()

            self._agenda.at(moment, attempt)

    def _start_jobs(self) -> float:
        """Form and start the jobs that are due, within the brakes and the time; when that is done."""
        now, stack = self._agenda.now, self._work.stack
        most = self._work.drops_per_job
        seen = min(AT_ONCE, self.queue.files) if self.open_jobs < self._work.jobs_at_once else 0
        self.looked_at += seen
        self._held_back = self.open_jobs >= self._work.jobs_at_once
        until = now + looking_seconds(self._work, seen)
        latest = now + (1 - DISPATCH_NEEDED) * stack.timeout_seconds
        while seen and until < latest:
            drops = min(most, seen)
            if drops < most and now < self.queue.oldest + stack.job_window_seconds:
                break
            self._held_back = self.open_jobs >= self._work.jobs_at_once
            if self._held_back or not self._may_plan(now):
                break
            until += self._work.dispatch_seconds(drops)
            self._start(drops, until)
            seen -= drops
        return until

    def _may_plan(self, now: float) -> bool:
        """Whether the day has a job left."""
        today = int(now // DAY)
        if self.planned[today] >= self._work.stack.max_jobs_per_day:
            self.capped.add(today)
            return False
        self.planned[today] += 1
        return True

    def _start(self, drops: int, at: float) -> None:
        """Have SageMaker start a job of so many drops."""
        speeds = self._work.speeds
        job = RunningJob(Queue(), drops)
        job.files.put(self.queue.take(drops), at)
        scores = self._work.job_seconds(drops)
        self.jobs += 1
        self.open_jobs += 1
        self.scoring += drops
        billed = min(speeds.billed_start_seconds, speeds.start_seconds) + scores
        self.instance_seconds += self._work.instances(drops) * billed

        def end() -> None:
            self.scoring -= drops
            self._ended(job)

        self._agenda.at(at + speeds.start_seconds + scores, end)
