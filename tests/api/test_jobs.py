"""`/jobs/{job}`: what a job is made of, and how it ended."""

from __future__ import annotations

from datetime import timedelta

from dropscore.api.answers import JobDetail
from dropscore.domain.job import JobState, Outcome
from tests.service.builders import claimed
from tests.unit.builders import ARN, NOW


def test_a_job_says_all_there_is_from_plan_to_end(ask, stack):
    drops = [stack.prepare(stack.arrive(f"{number}.parquet")) for number in range(2)]
    _, job = claimed(stack.jobs, drops)
    members = sorted(drop.drop_id for drop in drops)
    planned = ask(f"/jobs/{job.name}")
    assert planned.status == 200
    assert planned.json == {
        "job": job.name,
        "state": "PLANNED",
        "reason": None,
        "model_group": "dropscore",
        "model_version": 7,
        "model_package_arn": ARN,
        "planned_at": "2026-03-04T05:06:07.000Z",
        "started_at": None,
        "finished_at": None,
        "outcome": None,
        "failure_reason": None,
        "outputs": None,
        "scored_date": None,
        "drops": members,
        "links": {"self": f"jobs/{job.name}", "drops": [f"drops/{drop_id}" for drop_id in members]},
    }
    assert set(planned.json) == set(JobDetail.model_fields)
    assert "etag" not in planned.headers

    job = stack.jobs.start(job, drops, NOW)
    job = stack.jobs.end(job, Outcome.FAILED, "AlgorithmError: no", 0, NOW)
    stack.jobs.close(job, JobState.FAILED, "AlgorithmError: no", NOW + timedelta(minutes=1))
    ended = ask(f"/jobs/{job.name}")
    told = {
        name: ended.json[name] for name in ("state", "outcome", "failure_reason", "outputs", "scored_date")
    }
    assert told == {
        "state": "FAILED",
        "outcome": "Failed",
        "failure_reason": "AlgorithmError: no",
        "outputs": 0,
        "scored_date": "2026-03-04",
    }
    assert ended.json["finished_at"] == "2026-03-04T05:07:07.000Z"
    assert ask(f"/jobs/{job.name}", if_none_match=ended.headers["etag"]).status == 304


def test_a_job_that_there_is_not_is_not_found(ask):
    answer = ask("/jobs/dropscore-0123456789abcdef0123")
    assert (answer.status, answer.json["detail"]) == (404, "There is no job dropscore-0123456789abcdef0123.")
