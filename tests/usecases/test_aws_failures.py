"""AWS has no capacity, an error of its own, or a quota without room: no drop and no version is blamed."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest

from dropscore.domain.drop import DropState
from dropscore.domain.job import AWS_RETRY_SECONDS
from tests.simulation.sagemaker import NO_CAPACITY
from tests.simulation.world import World, parquet, transform_event
from tests.usecases.test_collect import job_state, put_many, settle
from tests.usecases.test_observability import lines, log

__all__ = ["log"]

LASTS = "AWS has failed the same drops for hours: look at its health, or change InstanceType"


def pass_time(world: World, hours: float) -> None:
    """Let time pass, in steps of five minutes, each with a sweep."""
    until = world.now + timedelta(hours=hours)
    while world.now < until:
        world.now += timedelta(minutes=5)
        world.sweep()
        world.run(rounds=200)


def test_with_capacity_away_for_a_day_drops_are_retried_together_and_scored_once_it_is_back(
    world: World,
) -> None:
    # GIVEN a version that has scored others
    world.approve()
    put_many(world, 1)
    world.run()
    # WHEN there is no capacity for a day
    world.sagemaker.no_capacity_until = world.now + timedelta(days=1)
    ids = [world.put(f"day/{number}.parquet", parquet(4)) for number in range(4)]
    world.run()
    pass_time(world, 24)
    # THEN nothing is blamed, each job has all four, and they come no more often than each hour in the end
    assert world.states(*ids) == ["PREPARED"] * 4
    assert [world.drop(drop_id).lone_failures for drop_id in ids] == [0] * 4
    assert "held" not in world.table.get(f"version#{world.sagemaker.packages[0].arn}")
    failed = [job for job in world.sagemaker.jobs.values() if job["reason"] == NO_CAPACITY]
    assert {len(job["shards"]) for job in failed} == {4}
    assert 20 <= len(failed) <= 26
    # THEN they are scored, and so is who comes later
    ids.append(world.put("later.parquet", parquet(4)))
    pass_time(world, 2)
    assert world.states(*ids) == ["SCORED"] * 5


def test_the_job_and_the_drop_say_that_aws_has_no_capacity_and_when_the_next_try_is(world: World) -> None:
    world.approve()
    world.sagemaker.no_capacity_until = world.now + timedelta(minutes=30)
    drop_id = world.put("a.parquet", parquet(4))
    world.run()

    due = world.drop(drop_id).history[-1].at + timedelta(minutes=10)
    said = f"AWS has no capacity for the job ({NO_CAPACITY}); the next try is at {due:%Y-%m-%d %H:%M} UTC"
    assert world.drop(drop_id).reason == said
    (job,) = world.sagemaker.jobs
    assert (job_state(world, job), world.table.get(f"job#{job}")["reason"]) == ("FAILED", said)
    world.now = due - timedelta(seconds=1)
    world.sweep()
    assert len(world.sagemaker.jobs) == 1
    world.now = due
    world.sweep()
    assert len(world.sagemaker.jobs) == 2


def test_the_alarm_goes_off_only_once_it_lasts(world: World, log: io.StringIO) -> None:
    world.approve()
    world.sagemaker.no_capacity_until = world.now + timedelta(days=1)
    put_many(world, 3)
    world.run()
    pass_time(world, 1)
    assert lines(log, LASTS) == []

    pass_time(world, 3)

    assert all(line["operator_needed"] for line in lines(log, LASTS))
    lasting = len(world.sagemaker.jobs) - len(AWS_RETRY_SECONDS) + 1
    assert len(lines(log, LASTS)) == lasting > 1


@pytest.mark.parametrize("tried", [0, 1])
def test_of_a_version_that_has_scored_others_the_first_failure_of_a_group_counts(
    world: World, tried: int
) -> None:
    """Even where AWS has failed the group before: two groups hold the version."""
    # GIVEN a version that has scored others
    world.approve()
    put_many(world, 1)
    world.run()
    # WHEN two groups, one after the other, which AWS may have failed before, come to no output
    for group in ("x", "y"):
        world.sagemaker.no_capacity_until = world.now + timedelta(minutes=tried)
        world.sagemaker.broken = {1}
        for number in range(2):
            world.put(f"{group}{number}.parquet", parquet(4))
        world.run(rounds=200)
        world.now += timedelta(minutes=11 * tried)
        world.sweep()
        world.run(rounds=200)
    # THEN it is held
    assert "held" in world.table.get(f"version#{world.sagemaker.packages[0].arn}")


def test_what_a_job_scored_before_sagemaker_s_own_error_is_kept_and_the_rest_is_retried_together(
    world: World,
) -> None:
    world.approve()
    good, *rest = put_many(world, 3)
    world.sagemaker.poison = dict.fromkeys(rest, 1)
    world.sagemaker.failure = "InternalServerError: We encountered an internal error. Please try again."
    world.run()
    assert world.states(good, *rest) == ["SCORED", "PREPARED", "PREPARED"]
    assert "SageMaker had an error of its own" in str(world.drop(rest[0]).reason)

    pass_time(world, 0.5)

    assert world.states(*rest) == ["SCORED"] * 2
    assert [world.drop(drop_id).tries for drop_id in rest] == [2, 2]


def test_a_failure_of_aws_does_not_count_between_two_of_the_model(world: World) -> None:
    """A group that fails by itself after AWS has failed it is retried whole, then in halves, as ever."""
    world.approve()
    ids = put_many(world, 2)
    world.sagemaker.no_capacity_until = world.now + timedelta(minutes=1)
    world.run()
    world.sagemaker.broken = {1}
    pass_time(world, 0.2)
    settle(world)

    assert "held" in world.table.get(f"version#{world.sagemaker.packages[0].arn}")
    assert {world.drop(drop_id).state for drop_id in ids} == {DropState.PREPARED}


@pytest.mark.parametrize("quota", [0, 1])
def test_a_quota_that_has_room_for_no_job_is_the_operator_s_at_once(
    world: World, log: io.StringIO, quota: int
) -> None:
    world.approve()
    world.sagemaker.quota = quota
    world.sagemaker.least_instances = 2
    drop_id = world.put("a.parquet", parquet(4))
    world.deliver_inbox()

    (line,) = lines(log, "a job cannot be started: mend the cause, or reject the model version")
    assert line["operator_needed"]
    assert f"the quota is {quota}, a job needs 2" in line["exception"]
    (job,) = world.all_items("job#")
    assert (job["state"], job["reason"]) == ("PLANNED", f"the quota is {quota}, a job needs 2")

    world.sagemaker.quota = 2
    settle(world)

    assert world.states(drop_id) == ["SCORED"]


def test_a_stopped_job_says_so(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(4))
    world.deliver_inbox()
    (job,) = world.sagemaker.jobs
    world.sagemaker.stop(job)
    world.queues.collect += [json.dumps(transform_event(job))]
    world.run()

    assert f"job {job} was stopped" in [step.reason for step in world.drop(drop_id).history]
