"""A job, one batch transform over the shards of many drops: when it is formed, what follows its end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

from dropscore.domain.drop import Drop, ModelVersion

PART_DROPS = 25
"""Drops that one message of a job's fan-out names at most (the design, "When things go another way")."""

MAX_LONE_FAILURES = 2
"""After so many failures alone a drop is FAILED."""

MAX_BARREN = 2
"""After so many failures in a row without any output a model version's drops are held."""

AWS_FAILURES = {
    "CapacityError": "AWS has no capacity for the job",
    "InternalServerError": "SageMaker had an error of its own",
}
"""What FailureReasons that begin so say: nobody here is to blame, and they pass within minutes or hours.

Read in public reports: rse-grand-challenge issue 2631, sagemaker-python-sdk issue 1758.
"""

AWS_RETRY_SECONDS = (600, 1200, 2400, 3600)
"""From the end of such a job to the next try: after the first in a row, the second, the third, all others."""

_FIRST_TRY = "/together"
"""How the cohort ends of drops that AWS itself has failed, and nothing else."""

MAX_PREPARED_AGE = timedelta(days=7)
"""Shards older than this are not scored; the work bucket expires them."""


class JobState(StrEnum):
    """What has become of a job; DONE and FAILED are final."""

    PLANNED = "PLANNED"
    STARTED = "STARTED"
    DONE = "DONE"
    FAILED = "FAILED"


class Outcome(StrEnum):
    """How SageMaker says that a transform job ended."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"


@dataclass(frozen=True, order=True)
class Member:
    """A drop's place in a job: which drop, which preparation of it, at which try."""

    drop_id: str
    attempt: int
    tries: int

    def __str__(self) -> str:
        return f"{self.drop_id}/{self.attempt}/{self.tries}"

    @classmethod
    def parse(cls, text: str) -> Member:
        """The inverse of str()."""
        drop_id, attempt, tries = text.split("/")
        return cls(drop_id, int(attempt), int(tries))

    @classmethod
    def of(cls, drop: Drop) -> Member:
        """The place that the drop would take now."""
        return cls(drop.drop_id, drop.attempt, drop.tries)


@dataclass(frozen=True)
class Job:
    """A job as the ledger knows it.

    Attributes
    ----------
    members
        Sorted; those it was planned with while PLANNED, those that were claimed once STARTED.
    scored_date
        `yyyy-mm-dd`, fixed when its end is first seen, before the first result is written (`result_date`).
    instances
        How many score it, as it was planned.
    asked_until
        Until when somebody may be asking SageMaker for it; None while nobody has.
    called_off
        Why nobody may ask SageMaker for it any more.
    outcome, failure_reason, outputs, ended_at
        What SageMaker said at its end, how many outputs were listed, and when that was noted; None before.
    fanned_out_at
        When the messages for its parts were last sent.
    parts_done
        The parts whose drops have all been seen to.
    """

    name: str
    state: JobState
    model: ModelVersion
    members: tuple[Member, ...]
    planned_at: datetime
    instances: int = 1
    asked_until: datetime | None = None
    called_off: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    scored_date: str | None = None
    outcome: Outcome | None = None
    failure_reason: str | None = None
    outputs: int = 0
    ended_at: datetime | None = None
    fanned_out_at: datetime | None = None
    parts_done: frozenset[int] = field(default_factory=frozenset)
    reason: str | None = None

    @property
    def final(self) -> bool:
        """Whether nothing more happens."""
        return self.state in (JobState.DONE, JobState.FAILED)

    @property
    def aws_failure(self) -> str | None:
        """What it says where AWS itself is why the job failed, else None."""
        reason = self.failure_reason or ""
        said = (text for start, text in AWS_FAILURES.items() if reason.startswith(start))
        return next(said, None) if self.outcome is Outcome.FAILED else None

    def result_date(self, drop: Drop) -> str:
        """The date in the key of the drop's result: its own, or an earlier job's of the same version."""
        return drop.result_dates.get(self.model.package_arn, str(self.scored_date))

    @property
    def parts(self) -> list[tuple[Member, ...]]:
        """The members in portions that a message can name."""
        return [self.members[start : start + PART_DROPS] for start in range(0, len(self.members), PART_DROPS)]


@dataclass(frozen=True)
class Plan:
    """Drops that shall be scored together: all by one model version, of one cohort.

    Attributes
    ----------
    members
        Sorted.
    shards, feature_bytes
        How many shards they have together, and the bytes in them.
    """

    model: ModelVersion
    members: tuple[Member, ...]
    shards: int = 0
    feature_bytes: int = 0

    @classmethod
    def of(cls, drops: Sequence[Drop]) -> Plan:
        """The plan to score these together."""
        members = tuple(sorted(map(Member.of, drops)))
        shards, size = sum(drop.shards for drop in drops), sum(drop.feature_bytes for drop in drops)
        return cls(_model(drops[0]), members, shards, size)

    def job_name(self, prefix: str) -> str:
        """`<prefix>-<20 hex digits>`: the same members at the same try always come to the same name."""
        what = "\n".join([self.model.package_arn, *map(str, self.members)])
        return f"{prefix}-{hashlib.sha256(what.encode()).hexdigest()[:20]}"


def form_plans(
    drops: Iterable[Drop], now: datetime, max_drops: int, window: timedelta, max_bytes: int
) -> list[Plan]:
    """Which jobs to form of the PREPARED drops, the longest waiting first.

    A job is formed once `max_drops` drops of one model version are there, or as many as have `max_bytes` of
    features, or the oldest of them is `window` old; drops that an earlier job left unscored form a job with
    their cohort, at once.
    """
    plans: list[tuple[datetime, Plan]] = []
    ordered = sorted(drops, key=lambda d: (_group(d), _prepared_at(d), d.drop_id))
    for (_, cohort), same in groupby(ordered, key=_group):
        for chunk, full in _chunks(same, max_drops, max_bytes):
            oldest = _prepared_at(chunk[0])
            if cohort or full or now - oldest >= window:
                plans.append((oldest, Plan.of(chunk)))
    return [plan for _, plan in sorted(plans, key=lambda p: p[0])]


def _chunks(drops: Iterable[Drop], max_drops: int, max_bytes: int) -> Iterator[tuple[list[Drop], bool]]:
    """The drops, cut into what one job takes, in their order; and whether it takes no more."""
    chunk: list[Drop] = []
    size = 0
    for drop in drops:
        if chunk and (len(chunk) == max_drops or size + drop.feature_bytes > max_bytes):
            yield chunk, True
            chunk, size = [], 0
        chunk.append(drop)
        size += drop.feature_bytes
    if chunk:
        yield chunk, len(chunk) == max_drops or size >= max_bytes


@dataclass(frozen=True)
class Retry:
    """The drop goes back to PREPARED, to be scored again with the others of its cohort."""

    cohort: str


@dataclass(frozen=True)
class RetryLater:
    """The drop goes back to PREPARED, to be scored again with the same others, not before `due`."""

    cohort: str
    due: datetime
    reason: str


@dataclass(frozen=True)
class GiveUp:
    """The drop is FAILED."""

    reason: str


Verdict = Retry | RetryLater | GiveUp


def after_unscored(job: Job, unscored: Sequence[Drop]) -> dict[str, Verdict]:
    """What becomes of the drops that a job left unscored, by drop id.

    Where some outputs exist, its members are retried in halves until each is alone; where none exists,
    together once more (a broken model or role must not become a thousand jobs), and then in halves, too. A
    drop that has failed alone twice is given up. Where AWS itself has failed, they are retried together,
    later and later, and it counts against none. Depends on nothing but the job and each drop, so that a
    repetition decides the same.
    """
    if job.aws_failure:
        return {drop.drop_id: _retry_later(job, drop) for drop in unscored}
    half = {member.drop_id: "ab"[2 * place >= len(job.members)] for place, member in enumerate(job.members)}
    verdicts: dict[str, Verdict] = {}
    for drop in unscored:
        alone = len(job.members) == 1
        if alone and drop.lone_failures + 1 >= MAX_LONE_FAILURES:
            verdicts[drop.drop_id] = GiveUp(
                f"scoring failed twice, alone in job {job.name}: {unscored_reason(job, drop)}"
            )
        elif alone or not (job.outputs or _was_retried_whole(drop)):
            verdicts[drop.drop_id] = Retry(job.name)
        else:
            verdicts[drop.drop_id] = Retry(f"{job.name}/{half[drop.drop_id]}")
    return verdicts


def _retry_later(job: Job, drop: Drop) -> RetryLater:
    """The next try, in the same company; the cohort's name keeps how it was tried before."""
    waits = AWS_RETRY_SECONDS[min(drop.aws_failures, len(AWS_RETRY_SECONDS) - 1)]
    due = (job.ended_at or job.planned_at) + timedelta(seconds=waits)
    tried = _FIRST_TRY if is_first_try(drop) else "" if _was_retried_whole(drop) else "/half"
    reason = f"{job.aws_failure} ({job.failure_reason}); the next try is at {due:%Y-%m-%d %H:%M} UTC"
    return RetryLater(job.name + tried, due, reason)


def is_first_try(drop: Drop) -> bool:
    """Whether no job has failed over this preparation of the drop but for AWS itself."""
    return not drop.cohort or drop.cohort.endswith(_FIRST_TRY)


def _was_retried_whole(drop: Drop) -> bool:
    """Whether the drop's cohort is all that an earlier job left unscored, rather than a half of it."""
    return bool(drop.cohort) and "/" not in drop.cohort


def unscored_reason(job: Job, drop: Drop) -> str:
    """Why the job left the drop unscored: SageMaker's own words where there are any."""
    if job.outcome is Outcome.STOPPED:
        return f"job {job.name} was stopped" + (f": {job.failure_reason}" if job.failure_reason else "")
    return job.failure_reason or drop.reason or f"job {job.name} ended {job.outcome}"


def _group(drop: Drop) -> tuple[str, str]:
    return _model(drop).package_arn, drop.cohort


def _model(drop: Drop) -> ModelVersion:
    if drop.model is None:
        raise AssertionError(f"drop {drop.drop_id} is {drop.state} without a model version")
    return drop.model


def _prepared_at(drop: Drop) -> datetime:
    return drop.prepared_at or drop.arrived_at
