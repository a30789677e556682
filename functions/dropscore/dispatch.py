"""Dispatch: PREPARED drops become members of jobs, and planned jobs are started; one dispatch at a time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from aws_lambda_powertools import Logger

from dropscore.aws.ledger import Conflict, DispatchLease, Drops, Jobs, Table
from dropscore.deadline import Deadline
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.errors import ServiceBusy
from dropscore.domain.fleet import Fleet
from dropscore.domain.job import Job, JobState, Plan, form_plans
from dropscore.logkeys import about_job
from dropscore.settings import Brakes
from dropscore.starting import Starting

logger = Logger(child=True)

AT_ONCE = 2_000
"""Drops that one dispatch looks at; the next one sees the rest."""

HELD_PAUSE = timedelta(minutes=5)
"""How long drops of a held version are not looked at again."""

NEEDED = 0.1
"""The share of an invocation's time that starting one more job may take.

A job of 1,000 drops takes some 35 requests one after the other, ten of them transactions of 100 writes.
"""

LEASE = timedelta(seconds=60)
"""How long dispatch is one invocation's at a time; it is renewed with each job.

So long others wait for one that was killed. Who takes longer over a step may find that another has gone on;
nothing is done twice then: jobs are planned only by who holds the lease, claims are conditional, SageMaker
knows a job by its name, and one that somebody may be asking for is not called off.
"""


@dataclass(frozen=True)
class Dispatched:
    """What a dispatch came to.

    Attributes
    ----------
    busy
        Another dispatch was under way: nothing was done.
    jobs
        The jobs that it started.
    """

    busy: bool = False
    jobs: tuple[Job, ...] = ()

    @property
    def drop_ids(self) -> set[str]:
        """The drops that are members of the started jobs."""
        return {member.drop_id for job in self.jobs for member in job.members}


@dataclass(frozen=True)
class Dispatch:
    """Forms and starts jobs, within the brakes."""

    table: Table
    drops: Drops
    jobs: Jobs
    starting: Starting
    brakes: Brakes
    job_prefix: str
    fleet: Fleet
    deadline: Deadline

    def run(self) -> Dispatched:
        """Start the jobs that are planned, then form and start those that are due."""
        if self.brakes.paused:
            logger.info("paused: no jobs are formed or started; deploy with Paused=false to go on")
            return Dispatched()
        lease = DispatchLease.acquire(self.table, uuid.uuid4().hex, self.deadline.clock(), self._until())
        if lease is None:
            return Dispatched(busy=True)
        started: list[Job] = []
        held_back = True
        try:
            held_back = self._start_jobs(lease, started)
        except ServiceBusy as error:
            logger.warning("no more jobs are started for now, the sweep goes on", reason=str(error))
        finally:
            lease.release(held_back=held_back)
        return Dispatched(jobs=tuple(started))

    def _start_jobs(self, lease: DispatchLease, started: list[Job]) -> bool:
        """Start what is planned and what is due; whether a job that ends would make room for more."""
        now = self.deadline.clock()
        open_jobs = self.jobs.open(now, AT_ONCE)
        for job in open_jobs:
            if job.state is JobState.PLANNED and self._goes_on(lease):
                with about_job(job):
                    started += self.starting.start(job, lease)
        room = self.brakes.max_running - len(open_jobs)
        if room <= 0:
            logger.info(
                "MaxRunningJobs is reached, drops wait for a job to end", limit=self.brakes.max_running
            )
            return True
        if not self._left_today(lease, now):
            return False
        plans = form_plans(
            self._candidates(lease, now),
            now,
            self.brakes.max_drops,
            self.brakes.window,
            self.fleet.most_bytes,
        )
        planned = 0
        for job in self._planned(plans[:room], lease, now):
            planned += 1
            with about_job(job):
                started += self.starting.start(job, lease)
        return planned < len(plans)

    def _left_today(self, lease: DispatchLease, now: datetime) -> bool:
        """Whether the day has a job left; asked first, for the drops that wait may be many."""
        if lease.jobs_today(now) < self.brakes.max_per_day:
            return True
        logger.warning(
            "MaxJobsPerDay is reached, drops wait until midnight UTC: raise it if they must not",
            limit=self.brakes.max_per_day,
        )
        return False

    def _planned(self, plans: list[Plan], lease: DispatchLease, now: datetime) -> Iterator[Job]:
        """Write down one job after the other, as far as the day's number, the lease and the time allow."""
        for plan in plans:
            if not self._left_today(lease, now):
                return
            name, instances = (
                plan.job_name(self.job_prefix),
                self.fleet.instances(plan.feature_bytes, plan.shards),
            )
            job = Job(name, JobState.PLANNED, plan.model, plan.members, now, instances)
            if not self.deadline.leaves(NEEDED) or not self.jobs.plan(job, lease, now, self._until()):
                return
            yield job

    def _goes_on(self, lease: DispatchLease) -> bool:
        """Whether there is time for one more job, and dispatch still is this invocation's."""
        return self.deadline.leaves(NEEDED) and lease.renew(self._until())

    def _until(self) -> datetime:
        """Until when a lease holds that is taken now."""
        return min(self.deadline.clock() + LEASE, self.deadline.lease_until)

    def _candidates(self, lease: DispatchLease, now: datetime) -> list[Drop]:
        """The PREPARED drops that may be scored; the index says where to look, the ledger whether it is so.

        Those whose version or shards no longer hold go back to WAITING; those of a held version step aside
        for a while, so that they do not keep others from being seen.
        """
        found: list[Drop] = []
        hinted = {drop.drop_id for drop in self.drops.due(DropState.PREPARED, now, AT_ONCE)}
        prepared = [drop for drop in self.drops.get_all([*hinted]) if drop.state is DropState.PREPARED]
        versions = {drop.model.package_arn: drop.model for drop in prepared if drop.model}
        obstacles = {arn: self.starting.obstacle(model) for arn, model in versions.items()}
        held = {
            arn for arn, model in versions.items() if not obstacles[arn] and self.starting.held(model, lease)
        }
        for drop in prepared:
            arn = drop.model.package_arn if drop.model else ""
            if obstacle := obstacles.get(arn) or self.starting.too_old([drop]):
                with suppress(Conflict):
                    self.drops.wait(drop, obstacle, now)
            elif arn in held:
                with suppress(Conflict):
                    self.drops.postpone(drop, now + HELD_PAUSE)
            else:
                found.append(drop)
        return found
