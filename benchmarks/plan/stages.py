"""The two functions that files wait for, as queues with so many servers: prepare and collect."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil

from benchmarks.plan.code import COLLECT_NEEDED, PART_DROPS, PREPARE_NEEDED
from benchmarks.plan.dispatching import Dispatching, RunningJob
from benchmarks.plan.queueing import Agenda, Cohort, Queue
from benchmarks.plan.workload import Work


@dataclass
class Lanes:
    """Invocations of a function that may run at once.

    Attributes
    ----------
    free, most
        How many there are now, and in all.
    seconds, invocations, peak
        How long and how many have run, and how many did at once.
    """

    most: int
    free: int = 0
    seconds: float = 0
    invocations: int = 0
    peak: int = 0

    def __post_init__(self) -> None:
        self.free = self.most

    def take(self, lanes: int, seconds: float) -> None:
        """Have so many run for so long."""
        self.free -= lanes
        self.seconds += lanes * seconds
        self.invocations += lanes
        self.peak = max(self.peak, self.most - self.free)

    def release(self, lanes: int) -> None:
        """Have so many come to their end."""
        self.free += lanes


class Preparing:
    """InboxQueue and PrepareFunction.

    Simpler than it is: all pollers share one batching window, and the drops of an invocation are PREPARED
    together, at its end.
    """

    def __init__(self, agenda: Agenda, work: Work, dispatching: Dispatching) -> None:
        self._agenda = agenda
        self._work = work
        self._dispatching = dispatching
        self._polled_at = -1.0
        self.queue = Queue()
        self.lanes = Lanes(work.stack.prepare_concurrency)
        self.under_way = 0

    def arrive(self, files: int) -> None:
        """Let so many files arrive now."""
        now = self._agenda.now
        self.queue.put([Cohort(now, now, files)], now)
        self._poll()

    def _poll(self) -> None:
        """Invoke the function for as many batches as there are lanes; an unfilled one waits its window."""
        stack = self._work.stack
        while self.lanes.free and self.queue.files:
            full = min(self.lanes.free, self.queue.files // stack.batch_size)
            due = self.queue.oldest + stack.batch_window_seconds
            if full:
                self._invoke(full, full * stack.batch_size)
            elif self._agenda.now >= due:
                self._invoke(1, self.queue.files)
            else:
                if self._polled_at != due:
                    self._polled_at = due
                    self._agenda.at(due, self._poll)
                return

    def _invoke(self, lanes: int, files: int) -> None:
        """Run so many invocations side by side; files that do not fit their time are handed back."""
        each = self._work.prepare_seconds
        fits = 1 + int((1 - PREPARE_NEEDED) * self._work.stack.timeout_seconds / each)
        done = min(files, lanes * fits)
        seconds = self._work.speeds.invocation_seconds + done / lanes * each
        prepared, handed_back = self.queue.take(done), self.queue.take(files - done)
        self.lanes.take(lanes, seconds)
        self.under_way += files

        def end() -> None:
            now = self._agenda.now
            self.under_way -= files
            self.queue.put(handed_back, now)
            until = self._dispatching.prepared(prepared)
            self.lanes.release(lanes - 1)
            self.lanes.seconds += until - now
            self._agenda.at(until, self._one_more)
            self._poll()

        self._agenda.at(self._agenda.now + seconds, end)

    def _one_more(self) -> None:
        self.lanes.release(1)
        self._poll()


@dataclass
class _Task:
    """Work of a job that waits for a lane: listing its outputs, or some of its parts, all alike."""

    job: RunningJob
    parts: int
    seconds: float
    listing: bool = False


@dataclass
class Collecting:
    """CollectQueue and CollectFunction: jobs that have ended become results, in parts.

    Attributes
    ----------
    scored
        Told of cohorts that are, when they are.
    waiting
        Files of jobs that have ended.
    """

    agenda: Agenda
    work: Work
    dispatching: Dispatching
    scored: Callable[[list[Cohort]], None]
    waiting: int = 0
    _tasks: deque[_Task] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.lanes = Lanes(self.work.stack.collect_concurrency)

    def job_ended(self, job: RunningJob) -> None:
        """A job has ended: its outputs are listed, and its drops collected."""
        speeds = self.work.speeds
        lists = ceil(job.files.files * self.work.shards / 1_000)
        self.waiting += job.files.files
        seconds = speeds.invocation_seconds + lists * speeds.s3_seconds
        task = _Task(job, 1, seconds, listing=True)
        self.agenda.at(self.agenda.now + speeds.event_seconds, lambda: self._add(task))

    def _add(self, task: _Task) -> None:
        self._tasks.append(task)
        self._poll()

    def _poll(self) -> None:
        while self.lanes.free and self._tasks:
            task = self._tasks[0]
            lanes = min(self.lanes.free, task.parts)
            task.parts -= lanes
            if not task.parts:
                self._tasks.popleft()
            self._run(task, lanes)

    def _run(self, task: _Task, lanes: int) -> None:
        """Run so many of a task's parts side by side."""
        cohorts = [] if task.listing else task.job.files.take(lanes * self._part)
        files = sum(cohort.files for cohort in cohorts)
        seconds = task.seconds + files / lanes * self.work.collect_seconds
        self.lanes.take(lanes, seconds)

        def end() -> None:
            self.lanes.release(lanes)
            self.waiting -= files
            task.job.uncollected -= files
            self.scored(cohorts)
            if task.listing:
                parts = ceil(task.job.files.files / self._part)
                self._tasks.append(_Task(task.job, parts, self.work.speeds.invocation_seconds))
            elif not task.job.uncollected:
                self.dispatching.close(task.job)
            self._poll()

        self.agenda.at(self.agenda.now + seconds, end)

    @property
    def _part(self) -> int:
        """Drops that one invocation collects; those of a part that do not fit come in another message."""
        time = (1 - COLLECT_NEEDED) * self.work.stack.timeout_seconds
        return min(PART_DROPS, 1 + int(time / self.work.collect_seconds))
