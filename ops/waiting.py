"""What waits for what: open drops and jobs, grouped by what would let them go on, and who can see to that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dropscore.domain.drop import Drop, DropState
from dropscore.domain.job import Job, JobState

LATE = timedelta(minutes=3)
"""The sweep comes each minute: what should have gone on longer ago than this waits for something else."""


@dataclass(frozen=True)
class Brakes:
    """The stack's parameters that hold jobs back."""

    window: timedelta
    max_drops: int
    max_running: int
    max_per_day: int
    paused: bool


@dataclass(frozen=True)
class Situation:
    """What drops are looked at with.

    Attributes
    ----------
    held
        Why a model version's drops are held, by its package ARN.
    jobs
        Those that are PLANNED or STARTED.
    jobs_today
        Planned so far today (UTC).
    """

    now: datetime
    brakes: Brakes
    held: Mapping[str, str]
    jobs: tuple[Job, ...]
    jobs_today: int


@dataclass(frozen=True)
class Wait:
    """Some of what is open.

    Attributes
    ----------
    what
        A drop's state, or a job's.
    since
        The oldest of them: when it came there.
    waits_for
        What would let them go on.
    needed
        What the operator has to do; None: nothing, they go on by themselves.
    """

    what: str
    number: int
    since: datetime
    waits_for: str
    needed: str | None


def what_waits(drops: Iterable[Drop], situation: Situation) -> list[Wait]:
    """Group drops and jobs by what they wait for, those that need the operator first."""
    found: dict[tuple[str, str, str | None], list[datetime]] = {}
    for drop in drops:
        waits_for, needed = _of_drop(drop, situation)
        found.setdefault((drop.state.value, waits_for, needed), []).append(_since(drop))
    for job in situation.jobs:
        waits_for, needed = _of_job(job, situation)
        found.setdefault((f"{job.state.value} job", waits_for, needed), []).append(job.planned_at)
    waits = [
        Wait(what, len(since), min(since), waits_for, needed)
        for (what, waits_for, needed), since in found.items()
    ]
    return sorted(waits, key=lambda wait: (wait.needed is None, wait.since))


def waits_for(drop: Drop, situation: Situation) -> str:
    """What one drop waits for."""
    return _of_drop(drop, situation)[0]


def _since(drop: Drop) -> datetime:
    return drop.history[-1].at if drop.history else drop.arrived_at


def _of_drop(drop: Drop, situation: Situation) -> tuple[str, str | None]:
    match drop.state:
        case DropState.WAITING:
            return _of_waiting(drop)
        case DropState.PREPARING:
            return _of_preparing(drop, situation.now)
        case DropState.PREPARED:
            return _of_prepared(drop, situation)
        case DropState.SCORING:
            return f"job {drop.job}", None
        case _:
            return "nothing: it is final", None


def _of_waiting(drop: Drop) -> tuple[str, str | None]:
    if drop.reason is None:
        return "prepare, which has been told", None
    needed = "python -m training list, then approve a version; the sweep goes on within a minute"
    return f"a model: {drop.reason}", needed


def _of_preparing(drop: Drop, now: datetime) -> tuple[str, str | None]:
    if drop.reason:
        if any(word in drop.reason for word in ("AccessDenied", "KMS")):
            return drop.reason, "mend the role or the key; see `put off:` in docs/operations.md"
        return drop.reason, None
    if drop.lease_until and drop.lease_until + LATE < now:
        return "the sweep: the invocation that had it is gone", "python -m ops doctor: does the sweep run?"
    return "the function that reads it", None


def _of_prepared(drop: Drop, situation: Situation) -> tuple[str, str | None]:
    brakes, model = situation.brakes, drop.model
    if drop.aws_failures and drop.reason:
        return drop.reason, None
    if reason := situation.held.get(model.package_arn if model else ""):
        version = model.version if model else 0
        return (
            f"version {version}, which is held: {reason}",
            f"mend it, then python -m ops release {version}; or reject it",
        )
    if brakes.paused:
        return "Paused=true", "deploy with Paused=false"
    ready = (drop.prepared_at or drop.arrived_at) + (timedelta() if drop.cohort else brakes.window)
    if ready > situation.now:
        return f"the window: up to {brakes.window.total_seconds():.0f} s for others to share its job", None
    return _of_ready(ready, situation)


def _of_ready(ready: datetime, situation: Situation) -> tuple[str, str | None]:
    """What a drop waits for whose window is over."""
    brakes = situation.brakes
    if any(job.state is JobState.PLANNED for job in situation.jobs):
        return "a PLANNED job, which is started first", None
    if len(situation.jobs) >= brakes.max_running:
        return f"one of {len(situation.jobs)} running jobs to end (MaxRunningJobs)", None
    if situation.jobs_today >= brakes.max_per_day:
        return f"midnight UTC: {situation.jobs_today} jobs today (MaxJobsPerDay)", None
    if ready + LATE < situation.now:
        return "dispatch, which is late", "python -m ops doctor: does the sweep run?"
    return "dispatch, within a minute", None


def _of_job(job: Job, situation: Situation) -> tuple[str, str | None]:
    if job.state is JobState.STARTED:
        return "SageMaker, then collect", None
    if job.reason:
        return (
            f"SageMaker refuses it: {job.reason}",
            "mend the cause, or python -m training reject the version",
        )
    if situation.brakes.paused:
        return "Paused=true", "deploy with Paused=false"
    if situation.now - job.planned_at > LATE:
        return "SageMaker: throttled, or over a quota", "python -m ops doctor: is the quota large enough?"
    return "SageMaker to take it", None
