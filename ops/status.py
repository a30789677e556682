"""How things stand: drops and jobs by state, what waits for what, queues, brakes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from dropscore.aws.ledger.drops import INDEXED_STATES
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.job import Job, JobState
from dropscore.domain.source import NoDrop
from ops.inbox import skipped_since
from ops.ledger import Count, Ledger
from ops.queues import DLQS, Depth, depths
from ops.stack import Stack
from ops.waiting import Brakes, Situation, Wait, what_waits

JOBS_LOOKED_AT = 20
"""Running jobs that SageMaker is asked about; more are only counted."""


@dataclass(frozen=True)
class OpenJob:
    """A job that is not final; `at_sagemaker` is None where SageMaker was not asked, or has not got it."""

    name: str
    state: JobState
    drops: int
    version: int
    since: datetime
    at_sagemaker: str | None


@dataclass(frozen=True)
class Status:
    """How a stack stands.

    Attributes
    ----------
    drops
        By state; the final ones of the last `days` only.
    no_drops
        Objects of the last `days` that are no drops, by reason; None where nothing counts them.
    jobs
        PLANNED and STARTED ones.
    """

    now: datetime
    days: int
    drops: dict[DropState, Count]
    no_drops: dict[NoDrop, int] | None
    jobs: list[OpenJob]
    jobs_today: int
    max_per_day: int
    waits: list[Wait]
    queues: list[Depth]
    paused: bool
    held: dict[str, str]

    @property
    def needs(self) -> list[str]:
        """What the operator has to do, the most urgent first, each once."""
        found = [wait.needed for wait in self.waits if wait.needed]
        if self.drops[DropState.FAILED].number:
            found.append("python -m ops retry --all --dry-run says why drops FAILED; mend that, then retry")
        if any(queue.total and queue.name in DLQS for queue in self.queues):
            found.append("python -m ops redrive --dry-run says what is in the dead letter queues")
        return list(dict.fromkeys(found))

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {
            "days": self.days,
            "drops": {
                state.value: {"count": count.number, "more": count.more}
                for state, count in self.drops.items()
            },
            "no_drops": self.no_drops,
            "jobs": [{**asdict(job), "since": job.since.isoformat()} for job in self.jobs],
            "jobs_today": self.jobs_today,
            "max_jobs_per_day": self.max_per_day,
            "waits": [{**asdict(wait), "since": wait.since.isoformat()} for wait in self.waits],
            "queues": [asdict(queue) for queue in self.queues],
            "paused": self.paused,
            "held": self.held,
            "next": self.needs,
        }


def look(stack: Stack, days: int) -> Status:
    """Look at everything once; a bounded number of requests, a few seconds."""
    ledger, now = Ledger(stack.ledger()), datetime.now(UTC)
    since = now - timedelta(days=days)
    drops = [drop for state in INDEXED_STATES for drop in ledger.open_drops(state)]
    situation = situation_of(stack, ledger, drops, now)
    return Status(
        now=now,
        days=days,
        drops={state: ledger.count(state, since) for state in DropState},
        no_drops=skipped_since(stack, since, now),
        jobs=_open_jobs(stack, situation.jobs),
        jobs_today=situation.jobs_today,
        max_per_day=situation.brakes.max_per_day,
        waits=what_waits(drops, situation),
        queues=depths(stack),
        paused=stack.paused,
        held=dict(situation.held),
    )


def situation_of(stack: Stack, ledger: Ledger, drops: Iterable[Drop], now: datetime) -> Situation:
    """What these drops have to be looked at with."""
    arns = {drop.model.package_arn for drop in drops if drop.model}
    held = {arn: reason for arn in sorted(arns) if (reason := ledger.versions.get(arn).held)}
    brakes = Brakes(
        window=timedelta(seconds=float(stack.parameters["JobWindowSeconds"])),
        max_drops=stack.number("JobMaxDrops"),
        max_running=stack.number("MaxRunningJobs"),
        max_per_day=stack.number("MaxJobsPerDay"),
        paused=stack.paused,
    )
    return Situation(now, brakes, held, tuple(ledger.open_jobs()), ledger.jobs_today(now))


def _open_jobs(stack: Stack, jobs: Iterable[Job]) -> list[OpenJob]:
    return [
        OpenJob(
            job.name,
            job.state,
            len(job.members),
            job.model.version,
            job.started_at or job.planned_at,
            at_sagemaker(stack, job.name) if place < JOBS_LOOKED_AT else None,
        )
        for place, job in enumerate(jobs)
    ]


def at_sagemaker(stack: Stack, job: str) -> str | None:
    """SageMaker's status of a transform job, with its reason; None where it has not got it."""
    try:
        told = stack.connection.client("sagemaker").describe_transform_job(TransformJobName=job)
    except ClientError:
        return None
    reason = told.get("FailureReason")
    return f"{told['TransformJobStatus']}: {reason}" if reason else str(told["TransformJobStatus"])
