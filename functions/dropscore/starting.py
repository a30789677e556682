"""Starting: a planned job becomes SageMaker's, or is called off; whoever repeats it does the same."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from aws_lambda_powertools import Logger

from dropscore.artefacts import Artefacts
from dropscore.aws.ledger import Conflict, DispatchLease, Drops, Jobs, Versions
from dropscore.aws.metrics import Metrics
from dropscore.aws.objects import Bucket
from dropscore.aws.registry import Registry
from dropscore.aws.transforms import CannotStart, ModelMissing, Transforms
from dropscore.deadline import Deadline
from dropscore.domain.drop import Drop, ModelVersion
from dropscore.domain.errors import ModelUnusable
from dropscore.domain.fleet import Fleet
from dropscore.domain.job import MAX_PREPARED_AGE, Job, JobState
from dropscore.domain.keys import FEATURES_PREFIX, manifest_entry, manifest_key, outputs_prefix

logger = Logger(child=True)


@dataclass(frozen=True)
class Starting:
    """Has SageMaker start jobs that are planned, and knows what stands in their way."""

    drops: Drops
    jobs: Jobs
    versions: Versions
    registry: Registry
    artefacts: Artefacts
    transforms: Transforms
    work: Bucket
    metrics: Metrics
    job_prefix: str
    fleet: Fleet
    deadline: Deadline

    def start(self, job: Job, lease: DispatchLease) -> list[Job]:
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
            obstacle = job.called_off or self.obstacle(job.model) or self.too_old(claimed)
            if obstacle and self.transforms.describe(job.name) is None:
                self._call_off(job, claimed, obstacle)
                return []
            self._write_manifest(job, claimed)
            self._create(job, lease)
            started = self.jobs.start(job, claimed, self.deadline.clock())
            self.metrics.job_started()
            logger.info("job started", drops=len(claimed), instances=job.instances)
        except CannotStart as error:
            logger.exception(
                "a job cannot be started: mend the cause, or reject the model version", operator_needed=True
            )
            self.jobs.note(job, str(error))
        except Conflict:
            logger.info("the job was started or called off by another invocation")
        else:
            return [started]
        return []

    def obstacle(self, model: ModelVersion) -> str | None:
        """Why drops that were prepared for the version are not scored by it, or None."""
        package = self.registry.describe(model.package_arn)
        if package is not None and package.approved:
            return None
        return f"model package {model.group} version {model.version} is no longer approved"

    def held(self, model: ModelVersion, lease: DispatchLease) -> str | None:
        """Why the version's drops are not scored until the operator releases it, or None.

        Its artefact is looked at until SageMaker has a model of it: one that is not what was registered is
        held here, and never loaded. That may take as long as the invocation has, and so long dispatch is
        this invocation's: others would begin the same anew, and none come to an end.
        """
        record = self.versions.get(model.package_arn)
        reason = record.held
        package = None if reason or record.model_name else self.registry.describe(model.package_arn)
        try:
            if package is not None:
                lease.renew(self.deadline.lease_until)
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

    def too_old(self, drops: list[Drop]) -> str | None:
        """Why the drops' shards are not scored any more, or None."""
        oldest = min(drop.prepared_at or drop.arrived_at for drop in drops)
        return "its shards are too old" if self.deadline.clock() - oldest > MAX_PREPARED_AGE else None

    def _write_manifest(self, job: Job, claimed: list[Drop]) -> None:
        entries = [
            manifest_entry(drop.drop_id, drop.attempt, number)
            for drop in claimed
            for number in range(drop.shards)
        ]
        manifest = [{"prefix": self.work.uri(FEATURES_PREFIX)}, *entries]
        self.work.put(manifest_key(job.name), json.dumps(manifest).encode(), "application/json")

    def _create(self, job: Job, lease: DispatchLease) -> None:
        """Ask SageMaker for the job: as it was planned, on no more instances than are allowed by now."""
        package_arn = job.model.package_arn
        model_name = self.versions.get(package_arn).model_name
        if model_name is None:
            if reason := self.held(job.model, lease):
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
        instances = min(job.instances, self.fleet.most)
        self.jobs.ask(job, self.deadline.lease_until)
        try:
            self.transforms.create_job(job.name, model_name, manifest_uri, output_uri, instances)
        except ModelMissing:
            self.versions.model_lost(package_arn)
            raise

    def _call_off(self, job: Job, claimed: list[Drop], obstacle: str) -> None:
        """Close a job that SageMaker has not got and shall not get; its members are prepared anew.

        While another invocation may still be asking for it, it stays PLANNED, and the sweep comes again.
        """
        now = self.deadline.clock()
        if job.asked_until is not None and now < job.asked_until:
            logger.info("the job is called off once nobody can be asking for it", reason=obstacle)
            return
        job = self.jobs.call_off(job, obstacle)
        for drop in claimed:
            with suppress(Conflict):
                self.drops.wait(drop, obstacle, now)
        self.jobs.close(job, JobState.FAILED, obstacle, now)
