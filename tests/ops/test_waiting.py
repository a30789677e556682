"""What waits for what: each open drop and job has one cause, and where an operator can help, what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dropscore.domain.drop import Drop, DropState
from dropscore.domain.job import Job, JobState
from ops.waiting import Brakes, Situation, what_waits
from tests.unit.builders import ARN, MODEL, NOW, prepared_drop, source

BRAKES = Brakes(timedelta(seconds=60), 100, 2, 10, paused=False)
AT_REST = Situation(NOW, BRAKES, {}, (), 0)
MINUTE = timedelta(minutes=1)


def drop(state, **fields):
    return Drop("0" * 20, state, source(), arrived_at=NOW - MINUTE, **fields)


def job(state=JobState.STARTED, minutes=1, reason=None):
    return Job("dropscore-x", state, MODEL, (), NOW - minutes * MINUTE, reason=reason)


def told(drops=(), situation=AT_REST):
    return [(wait.waits_for, wait.needed) for wait in what_waits(drops, situation)]


@pytest.mark.parametrize(
    ("found", "situation", "waits_for", "needed"),
    [
        (drop(DropState.WAITING, reason="no version"), AT_REST, "a model: no version", "approve"),
        (drop(DropState.WAITING), AT_REST, "prepare", None),
        (drop(DropState.PREPARING, lease_until=NOW + MINUTE), AT_REST, "the function", None),
        (drop(DropState.PREPARING, lease_until=NOW - 5 * MINUTE), AT_REST, "the sweep", "doctor"),
        (drop(DropState.PREPARING, reason="put off: SlowDown"), AT_REST, "put off: SlowDown", None),
        (drop(DropState.PREPARING, reason="put off: AccessDenied"), AT_REST, "put off: AccessDenied", "role"),
        (prepared_drop(), AT_REST, "the window: up to 60 s", None),
        (prepared_drop(waited=MINUTE), AT_REST, "dispatch, within", None),
        (prepared_drop(cohort="dropscore-x"), AT_REST, "dispatch, within", None),
        (prepared_drop(waited=9 * MINUTE), AT_REST, "dispatch, which is late", "doctor"),
        (
            prepared_drop(),
            replace(AT_REST, held={ARN: "broken"}),
            "version 7, which is held: broken",
            "release 7",
        ),
        (
            prepared_drop(),
            replace(AT_REST, brakes=replace(BRAKES, paused=True)),
            "Paused=true",
            "Paused=false",
        ),
        (prepared_drop(waited=MINUTE), replace(AT_REST, jobs_today=10), "midnight UTC", None),
    ],
)
def test_a_drop_waits_for(found, situation, waits_for, needed):
    ((what, do),) = told([found], situation)

    assert waits_for in what
    assert (needed in do) if needed else do is None


def test_a_drop_whose_window_is_over_waits_for_running_jobs_and_before_that_for_a_planned_one():
    running = replace(AT_REST, jobs=(job(), job()))
    planned = replace(AT_REST, jobs=(job(JobState.PLANNED),))
    late = prepared_drop(waited=MINUTE)

    assert ("one of 2 running jobs to end (MaxRunningJobs)", None) in told([late], running)
    assert ("a PLANNED job, which is started first", None) in told([late], planned)


@pytest.mark.parametrize(
    ("found", "brakes", "waits_for", "needed"),
    [
        (job(), BRAKES, "SageMaker, then collect", None),
        (job(JobState.PLANNED), BRAKES, "SageMaker to take it", None),
        (job(JobState.PLANNED, 9), BRAKES, "over a quota", "quota"),
        (job(JobState.PLANNED, reason="no role"), BRAKES, "SageMaker refuses it: no role", "mend"),
        (job(JobState.PLANNED), replace(BRAKES, paused=True), "Paused=true", "Paused=false"),
    ],
)
def test_a_job_waits_for(found, brakes, waits_for, needed):
    ((what, do),) = told(situation=replace(AT_REST, brakes=brakes, jobs=(found,)))

    assert waits_for in what
    assert (needed in do) if needed else do is None


def test_those_that_need_the_operator_come_first_and_the_same_are_counted_with_the_oldest():
    first, second = (
        drop(DropState.WAITING, reason="no version"),
        replace(drop(DropState.WAITING, reason="no version"), arrived_at=NOW - 3 * MINUTE),
    )

    waits = what_waits([prepared_drop(waited=30 * MINUTE, cohort="x"), first, second], AT_REST)
    waiting = next(wait for wait in waits if wait.what == "WAITING")

    assert (waiting.number, waiting.since) == (2, NOW - 3 * MINUTE)
    assert all(wait.needed for wait in waits[:2])
    assert what_waits([prepared_drop(), first], AT_REST)[0].what == "WAITING"
