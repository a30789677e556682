"""Dispatch: PREPARED drops become members of jobs, and planned jobs are started; one dispatch at a time."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from aws_lambda_powertools import Logger

from dropscore.artefacts import Artefacts
from dropscore.aws.ledger import Conflict, DispatchLease, Drops, Jobs, Table, Versions
from dropscore.aws.metrics import Metrics
from dropscore.aws.objects import Bucket
from dropscore.aws.registry import Registry
from dropscore.aws.transforms import CannotStart, ModelMissing, Transforms
from dropscore.deadline import Deadline
from dropscore.domain.drop import Drop, DropState, ModelVersion
from dropscore.domain.errors import ModelUnusable, ServiceBusy
from dropscore.domain.job import MAX_PREPARED_AGE, Job, JobState, form_plans
from dropscore.domain.keys import FEATURES_PREFIX, manifest_entry, manifest_key, outputs_prefix
from dropscore.logkeys import about_job
from dropscore.settings import Brakes

logger = Logger(child=True)

AT_ONCE = 2_000
"""Drops that one dispatch looks at; the next one sees the rest."""

HELD_PAUSE = timedelta(minutes=5)
"""How long drops of a held version are not looked at again."""

NEEDED = 0.1
"""The share of an invocation's time that starting one more job may take."""


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
    versions: Versions
    registry: Registry
    artefacts: Artefacts
    transforms: Transforms
    work: Bucket
    metrics: Metrics
    brakes: Brakes
    job_prefix: str
    deadline: Deadline

    def run(self) -> Dispatched:
        """Start the jobs that are planned, then form and start those that are due."""
        if self.brakes.paused:
            logger.info("paused: no jobs are formed or started; deploy with Paused=false to go on")
            return Dispatched()
        lease = DispatchLease.acquire(
            self.table, uuid.uuid4().hex, self.deadline.clock(), self.deadline.lease_until
        )
        if lease is None:
            return Dispatched(busy=True)
        started: list[Job] = []
        try:
            self._start_jobs(lease, started)
        except ServiceBusy as error:
            logger.warning("no more jobs are started for now, the sweep goes on", reason=str(error))
        finally:
            lease.release()
        return Dispatched(jobs=tuple(started))

    def _start_jobs(self, lease: DispatchLease, started: list[Job]) -> None:
        now = self.deadline.clock()
        open_jobs = self.jobs.open(now, AT_ONCE)
        for job in open_jobs:
            if job.state is JobState.PLANNED and self.deadline.leaves(NEEDED):
                with about_job(job):
                    started += self._start(job)
        room = self.brakes.max_running - len(open_jobs)
        if room <= 0:
            logger.info(
                "MaxRunningJobs is reached, drops wait for a job to end", limit=self.brakes.max_running
            )
            return
        for plan in form_plans(self._candidates(now), now, self.brakes.max_drops, self.brakes.window)[:room]:
            if lease.jobs_today(now) >= self.brakes.max_per_day:
                logger.warning(
                    "MaxJobsPerDay is reached, drops wait until midnight UTC: raise it if they must not",
                    limit=self.brakes.max_per_day,
                )
                return
            job = Job(plan.job_name(self.job_prefix), JobState.PLANNED, plan.model, plan.members, now)
            if not self.deadline.leaves(NEEDED) or not self.jobs.plan(job, lease, now):
                return
            with about_job(job):
                started += self._start(job)

    def _candidates(self, now: datetime) -> list[Drop]:
        """The PREPARED drops that may be scored; the index says where to look, the ledger whether it is so.

        Those whose version or shards no longer hold go back to WAITING; those of a held version step aside
        for a while, so that they do not keep others from being seen.
        """
        found: list[Drop] = []
        hinted = {drop.drop_id for drop in self.drops.due(DropState.PREPARED, now, AT_ONCE)}
        prepared = [drop for drop in self.drops.get_all([*hinted]) if drop.state is DropState.PREPARED]
        versions = {drop.model.package_arn: drop.model for drop in prepared if drop.model}
        obstacles = {arn: self._obstacle(model) for arn, model in versions.items()}
        held = {arn for arn, model in versions.items() if not obstacles[arn] and self._held(model)}
        for drop in prepared:
            arn = drop.model.package_arn if drop.model else ""
            if obstacle := obstacles.get(arn) or self._too_old([drop]):
                with suppress(Conflict):
                    self.drops.wait(drop, obstacle, now)
            elif arn in held:
                with suppress(Conflict):
                    self.drops.postpone(drop, now + HELD_PAUSE)
            else:
                found.append(drop)
        return found

    def _obstacle(self, model: ModelVersion) -> str | None:
        """Why drops that were prepared for the version are not scored by it, or None."""
        package = self.registry.describe(model.package_arn)
        if package is not None and package.approved:
            return None
        return f"model package {model.group} version {model.version} is no longer approved"

    def _held(self, model: ModelVersion) -> str | None:
        """Why the version's drops are not scored until the operator releases it, or None.

        Its artefact is looked at until SageMaker has a model of it: one that is not what was registered is
        held here, and never loaded.
        """
        record = self.versions.get(model.package_arn)
        reason = record.held
        package = None if reason or record.model_name else self.registry.describe(model.package_arn)
        try:
            if package is not None:
                self.artefacts.verify(package)
        except ModelUnusable as error:
            reason = str(error)
            self.versions.hold(model.package_arn, reason)
        if reason:  # said each time, so that the alarm stays
            logger.error(
                "model version held: release or reject it",
                model_package_arn=model.package_arn,
                reason=reason,
                operator_needed=True,
            )
        return reason

    def _too_old(self, drops: list[Drop]) -> str | None:
        """Why the drops' shards are not scored any more, or None."""
        oldest = min(drop.prepared_at or drop.arrived_at for drop in drops)
        return "its shards are too old" if self.deadline.clock() - oldest > MAX_PREPARED_AGE else None

    def _start(self, job: Job) -> list[Job]:
        """Have SageMaker start a PLANNED job, or find that it has: the job when it is STARTED, else nothing.

        Its members are claimed first, whatever becomes of it then: one that a job called off has left as it
        was planned would come to a job of the same name again, which the ledger knows and refuses.

        Raises
        ------
        ServiceBusy
            SageMaker throttles or is at its quota: the job stays PLANNED, and no other will fare better now.
        """
        try:
            claimed = self.jobs.claim(job, self.deadline.clock())
            if not claimed:
                self.jobs.close(job, JobState.DONE, "none of its members was left", self.deadline.clock())
                return []
            obstacle = self._obstacle(job.model) or self._too_old(claimed)
            if obstacle and self.transforms.describe(job.name) is None:
                return self._call_off(job, claimed, obstacle)
            self._write_manifest(job, claimed)
            self._create(job)
            started = self.jobs.start(job, claimed, self.deadline.clock())
            self.metrics.job_started()
            logger.info("job started", drops=len(claimed))
        except CannotStart as error:
            logger.exception(
                "a job cannot be started: mend the cause, or reject the model version", operator_needed=True
            )
            self.jobs.note(job, str(error))
        except Conflict:
            logger.info("the job was started by another invocation")
        else:
            return [started]
        return []

    def _write_manifest(self, job: Job, claimed: list[Drop]) -> None:
        entries = [
            manifest_entry(drop.drop_id, drop.attempt, number)
            for drop in claimed
            for number in range(drop.shards)
        ]
        manifest = [{"prefix": self.work.uri(FEATURES_PREFIX)}, *entries]
        self.work.put(manifest_key(job.name), json.dumps(manifest).encode(), "application/json")

    def _create(self, job: Job) -> None:
        package_arn = job.model.package_arn
        model_name = self.versions.get(package_arn).model_name
        if model_name is None:
            if reason := self._held(job.model):
                raise CannotStart(reason)
            model_name = (
                f"{self.job_prefix}-v{job.model.version}-{sha256(package_arn.encode()).hexdigest()[:12]}"
            )
            self.transforms.create_model(model_name, package_arn)
            self.versions.model_made(package_arn, model_name)
        manifest_uri, output_uri = (
            self.work.uri(manifest_key(job.name)),
            self.work.uri(outputs_prefix(job.name)),
        )
        try:
            self.transforms.create_job(job.name, model_name, manifest_uri, output_uri)
        except ModelMissing:
            self.versions.model_lost(package_arn)
            raise

    def _call_off(self, job: Job, claimed: list[Drop], obstacle: str) -> list[Job]:
        """Close a job that SageMaker has not got and shall not get; its members are prepared anew."""
        for drop in claimed:
            with suppress(Conflict):
                self.drops.wait(drop, obstacle, self.deadline.clock())
        self.jobs.close(job, JobState.FAILED, obstacle, self.deadline.clock())
        return []
