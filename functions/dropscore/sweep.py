"""Sweep: whatever is stuck, lost or waiting goes on; running it twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from aws_lambda_powertools import Logger

from dropscore.announce import Announcer
from dropscore.approved import CurrentModel
from dropscore.aws.clients import AwsError, passes_by_itself
from dropscore.aws.ledger import Conflict, Drops, Jobs, OpenWork, Versions
from dropscore.aws.ledger.drops import INDEXED_STATES, OPEN_KINDS
from dropscore.aws.ledger.jobs import JOB
from dropscore.aws.metrics import Metrics
from dropscore.aws.queues import Queues
from dropscore.aws.transforms import Transforms, TransformStatus
from dropscore.collect import FAN_OUT_PATIENCE
from dropscore.deadline import Deadline
from dropscore.dispatch import Dispatch
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.errors import ModelUnusable
from dropscore.domain.job import Job, JobState

logger = Logger(child=True)

AT_ONCE = 500
"""Messages of one kind that one sweep sends at most."""

RESUME_PATIENCE = timedelta(minutes=5)
"""How long a drop's message may take before it is sent again, and a refused announcement waits."""


@dataclass(frozen=True)
class Swept:
    """What a sweep found to do.

    Attributes
    ----------
    announced, resumed
        Drops whose final state was announced, and that prepare was told to go on with.
    collected
        Jobs that collect was told to look at.
    stopped
        Jobs that ran too long.
    dispatched
        Jobs that were started.
    """

    announced: int
    resumed: int
    collected: int
    stopped: int
    dispatched: int


@dataclass(frozen=True)
class Sweep:
    """Looks through what is open in the ledger and sends what is needed; decides nothing else."""

    index: OpenWork
    drops: Drops
    jobs: Jobs
    versions: Versions
    transforms: Transforms
    model: CurrentModel
    queues: Queues
    announcer: Announcer
    dispatch: Dispatch
    metrics: Metrics
    max_job_duration: timedelta
    deadline: Deadline

    def run(self) -> Swept:
        """Sweep once."""
        now = self.deadline.clock()
        jobs = self.jobs.open(now, AT_ONCE)
        self._measure(jobs, now)  # first: whatever fails below, operators see how things stand
        announced = self._announce(now)
        resumed = self._resume([*self._lease_over(now), *self._model_has_come(now)], now)
        collected, stopped = self._look_after(jobs, now)
        dispatched = self.dispatch.run()
        self.index.forget_settled((*OPEN_KINDS, JOB), now)
        return Swept(announced, resumed, collected, stopped, len(dispatched.jobs))

    def retry(self, drop_ids: Iterable[str]) -> dict[str, str]:
        """The operator wants FAILED drops tried again; for each, what came of that."""
        answers = {}
        for drop_id in drop_ids:
            drop = self.drops.get(drop_id)
            if drop is None:
                answers[drop_id] = "the ledger has no such drop"
            elif drop.state is not DropState.FAILED:
                answers[drop_id] = f"left alone: it is {drop.state}, only FAILED drops are retried"
            else:
                answers[drop_id] = self._revive(drop)
        return answers

    def release(self, package_arn: str) -> str:
        """The operator wants a held model version's drops scored again; what came of that."""
        if self.versions.get(package_arn).held is None:
            return "left alone: it is not held"
        self.versions.release(package_arn)
        return "scores again"

    def _revive(self, drop: Drop) -> str:
        if not drop.announced and not self.announcer.announce([drop]):
            return "left alone: its failure could not be announced; try again"
        try:
            self.drops.revive(drop, self.deadline.clock())
        except Conflict:
            return "left alone: somebody else has just moved it"
        self.queues.resume([drop.drop_id])
        return "WAITING, to be prepared and scored anew"

    def _measure(self, jobs: Sequence[Job], now: datetime) -> None:
        """Tell the metrics what is open. A drop that is SCORING is as old as its job."""
        open_drops = {state: self.drops.unfinished(state, now, AT_ONCE) for state in INDEXED_STATES}
        since = [drop.arrived_at for drops in open_drops.values() for drop in drops]
        since += [job.planned_at for job in jobs]
        counts = {state: len(drops) for state, drops in open_drops.items()}
        self.metrics.still_open(counts, len(jobs), min(since, default=None), now)

    def _announce(self, now: datetime) -> int:
        """Announce what is due, and how many that were; what is not taken steps aside: others are seen."""
        due = self.drops.unannounced(now, AT_ONCE)
        told = {drop.drop_id for drop in self.announcer.announce(due)}
        self._postpone([drop for drop in due if drop.drop_id not in told], now)
        return len(told)

    def _lease_over(self, now: datetime) -> list[Drop]:
        return self.drops.due(DropState.PREPARING, now, AT_ONCE)

    def _model_has_come(self, now: datetime) -> list[Drop]:
        """WAITING drops, when there is a model that they can be prepared for."""
        waiting = self.drops.due(DropState.WAITING, now, AT_ONCE)
        try:
            if waiting:
                self.model.get()
        except ModelUnusable:
            logger.exception(
                "drops wait for a model: approve or mend one", drops=len(waiting), operator_needed=True
            )
            return []
        except AwsError:
            logger.exception("the registry does not answer, drops wait", drops=len(waiting))
            return []
        return waiting

    def _resume(self, drops: list[Drop], now: datetime) -> int:
        self.queues.resume(drop.drop_id for drop in drops)
        self._postpone(drops, now)
        return len(drops)

    def _postpone(self, drops: Iterable[Drop], now: datetime) -> None:
        for drop in drops:
            with suppress(Conflict):
                self.drops.postpone(drop, now + RESUME_PATIENCE)

    def _look_after(self, jobs: Iterable[Job], now: datetime) -> tuple[int, int]:
        """Send collect the jobs that have ended unheard, stop those that run too long; how many of each."""
        ended: list[Job] = []
        stopped = 0
        for job in jobs:
            status = self._status(job)
            if status is None:
                continue
            if status.outcome is not None:
                if job.fanned_out_at is None or now - job.fanned_out_at >= FAN_OUT_PATIENCE:
                    ended.append(job)
            elif now - status.created_at >= self.max_job_duration:
                stopped += self._stop(job)
        self.queues.collect_jobs(job.name for job in ended)
        return len(ended), stopped

    def _stop(self, job: Job) -> bool:
        """Have a job stop; one that cannot be stopped does not keep others from it."""
        logger.error("job runs longer than MaxJobHours, it is stopped", transform_job=job.name)
        try:
            self.transforms.stop(job.name)
        except AwsError as error:
            needed = not passes_by_itself(error)
            logger.exception("a job cannot be stopped", transform_job=job.name, operator_needed=needed)
            return False
        return True

    def _status(self, job: Job) -> TransformStatus | None:
        """How a STARTED job stands, or None; one that cannot be looked at does not keep others from it."""
        try:
            return self.transforms.describe(job.name) if job.state is JobState.STARTED else None
        except AwsError as error:
            needed = not passes_by_itself(error)
            logger.exception("a job cannot be looked at", transform_job=job.name, operator_needed=needed)
            return None
