"""Dispatch: when jobs are formed, of which drops, and within which brakes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dropscore.aws.ledger import Jobs
from dropscore.deadline import Deadline
from dropscore.domain.drop import Drop
from dropscore.domain.fleet import Fleet
from dropscore.domain.job import Job
from tests.simulation.faults import Killed
from tests.simulation.world import World, parquet


def put_many(world: World, count: int, start: int = 0) -> list[str]:
    return [world.put(f"{number:04d}.parquet", parquet(1)) for number in range(start, start + count)]


def test_files_that_come_together_share_a_job(world: World) -> None:
    world.approve()
    drops = put_many(world, 30)

    world.run()

    assert set(world.states(*drops)) == {"SCORED"}
    assert len(world.sagemaker.jobs) == 1
    assert list(world.sagemaker.models) == ["dropscore-v1-" + next(iter(world.sagemaker.models))[-12:]]


def test_a_job_takes_so_many_drops_at_most(world: World) -> None:
    world.approve()
    world.set_brakes(max_drops=100)
    drops = put_many(world, 230)

    world.run(rounds=80)

    assert set(world.states(*drops)) == {"SCORED"}
    assert sorted(len(job["shards"]) for job in world.sagemaker.jobs.values()) == [30, 100, 100]


def test_a_job_waits_for_the_window_unless_it_is_full(world: World) -> None:
    world.approve()
    world.set_brakes(window=timedelta(seconds=60), max_drops=3)
    put_many(world, 2)
    world.deliver_inbox()
    assert world.sagemaker.jobs == {}

    put_many(world, 1, start=2)
    world.deliver_inbox()

    assert len(world.sagemaker.jobs) == 1


def test_a_delayed_message_dispatches_when_the_window_is_over(world: World) -> None:
    world.approve()
    world.set_brakes(window=timedelta(seconds=60))
    drops = put_many(world, 2)
    world.deliver_inbox()
    assert [message.visible_at - world.now for message in world.queues.inbox.hidden] == [
        timedelta(seconds=61)
    ]

    world.now += timedelta(seconds=61)
    world.deliver_inbox()

    assert set(world.states(*drops)) == {"SCORING"}


def test_the_same_job_is_not_started_twice(world: World) -> None:
    world.approve()
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    job = world.drop(drop_id).job

    world.sweep()
    world.queues.dispatch(0)
    world.deliver_inbox()

    assert list(world.sagemaker.jobs) == [job]


def test_quota_leaves_the_job_planned_and_the_sweep_repeats_it(world: World) -> None:
    world.approve()
    world.sagemaker.quota = 0
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    assert (world.states(drop_id), world.sagemaker.jobs) == (["SCORING"], {})

    world.sagemaker.quota = 1
    world.sweep()
    world.run()

    assert world.states(drop_id) == ["SCORED"]


def test_a_quota_of_one_is_enough_in_the_end(world: World) -> None:
    world.approve()
    world.sagemaker.quota = 1
    world.set_brakes(max_drops=2)
    drops = put_many(world, 7)

    for _ in range(12):
        world.run()
        world.now += timedelta(minutes=1)
        world.sweep()
    world.run()

    assert set(world.states(*drops)) == {"SCORED"}
    assert len(world.sagemaker.jobs) == 4


def test_what_a_quota_holds_back_starts_once_another_job_is_over(world: World) -> None:
    world.approve()
    world.sagemaker.quota = 1
    world.set_brakes(max_drops=1)
    drops = put_many(world, 3)

    world.run()  # without a sweep

    assert set(world.states(*drops)) == {"SCORED"}


def test_what_max_running_jobs_holds_back_starts_once_another_job_is_over(world: World) -> None:
    world.approve()
    world.set_brakes(max_drops=1, max_running=1)
    drops = put_many(world, 3)

    world.run()  # without a sweep

    assert set(world.states(*drops)) == {"SCORED"}


def test_where_nothing_is_held_back_a_job_that_is_over_asks_for_no_dispatch(world: World) -> None:
    world.approve()
    put_many(world, 2)
    world.deliver_inbox()
    world.finish_jobs()

    while world.queues.collect:
        world.deliver_collect()

    assert [job["outcome"] for job in world.sagemaker.jobs.values()] == ["Completed"]
    assert world.queues.inbox.messages == []


def test_a_killed_dispatch_holds_the_others_up_for_a_minute(world: World, monkeypatch) -> None:
    world.approve()
    drop_id = put_many(world, 1)[0]
    with monkeypatch.context() as crash:
        crash.setattr("dropscore.aws.ledger.Jobs.claim", _killed)
        crash.setattr("dropscore.aws.ledger.DispatchLease.release", _killed)
        with pytest.raises(Killed):
            world.deliver_inbox()

    world.now += timedelta(seconds=59)
    assert world.sweep().dispatched == 0
    world.now += timedelta(seconds=1)
    assert world.sweep().dispatched == 1

    assert world.states(drop_id) == ["SCORING"]


def test_an_artefact_that_takes_long_to_verify_is_not_verified_by_others_at_the_same_time(
    world: World, monkeypatch
) -> None:
    # GIVEN a dispatch that is killed after four minutes of verifying
    world.approve()
    put_many(world, 1)

    def verify(*_: object) -> None:
        world.now += timedelta(minutes=4)
        raise Killed

    with monkeypatch.context() as slow:
        slow.setattr("dropscore.artefacts.Artefacts.verify", verify)
        slow.setattr("dropscore.aws.ledger.DispatchLease.release", _killed)
        with pytest.raises(Killed):
            world.deliver_inbox()

    # THEN nobody else dispatches while it could have gone on
    assert world.sweep().dispatched == 0
    world.now += timedelta(minutes=2)
    assert world.sweep().dispatched == 1


def test_who_has_lost_the_lease_plans_no_jobs(world: World, monkeypatch) -> None:
    # GIVEN a dispatch that takes longer over a step than its lease, while the sweep dispatches
    world.approve()
    world.set_brakes(max_drops=1)
    drops = put_many(world, 2)
    claim = "dropscore.aws.ledger.Jobs.claim"
    real = Jobs.claim
    swept = []

    def slow(self: Jobs, job: Job, now: datetime) -> list[Drop]:
        monkeypatch.setattr(claim, real)
        world.now += timedelta(seconds=61)
        swept.append(world.sweep().dispatched)
        return real(self, job, now)

    monkeypatch.setattr(claim, slow)
    world.deliver_inbox()

    # THEN each job is one, and the one dispatch has started both
    assert swept == [2]
    assert len(world.sagemaker.jobs) == 2
    assert world.table.items["dispatch"]["jobs_planned"] == 2
    world.run()
    assert set(world.states(*drops)) == {"SCORED"}


def test_a_dispatch_that_repeats_many_jobs_stays_the_only_one(world: World, monkeypatch) -> None:
    # GIVEN two jobs that SageMaker refused
    world.approve()
    world.set_brakes(max_drops=1)
    world.sagemaker.refuses = "SageMaker: AccessDenied: role cannot be passed"
    put_many(world, 2)
    world.deliver_inbox()
    world.sagemaker.refuses = None
    real, swept = Jobs.claim, []

    def slow(self: Jobs, job: Job, now: datetime) -> list[Drop]:
        world.now += timedelta(seconds=40)
        with monkeypatch.context() as other:
            other.setattr("dropscore.aws.ledger.Jobs.claim", real)
            swept.append(world.sweep().dispatched)
        return real(self, job, now)

    # WHEN a dispatch takes longer over both than one lease
    monkeypatch.setattr("dropscore.aws.ledger.Jobs.claim", slow)
    started = world.application.dispatch(Deadline.after(lambda: world.now, 300_000)).run().jobs

    # THEN nobody else dispatches meanwhile
    assert (swept, len(started)) == ([0, 0], 2)


def test_a_job_has_as_many_instances_as_its_drops_are_worth(world: World, monkeypatch) -> None:
    world.approve()
    monkeypatch.setattr("dropscore.domain.fleet.WORTH_AN_INSTANCE", 1)
    put_many(world, 3)

    world.deliver_inbox()

    (job,) = world.sagemaker.jobs.values()
    assert job["instances"] == 3  # a shard each, however much they have


def test_the_repetition_of_a_planned_job_asks_for_the_instances_that_it_was_planned_with(
    world: World,
) -> None:
    # GIVEN a job that was planned and could not start
    world.approve()
    world.sagemaker.quota = 0
    world.settings = replace(world.settings, fleet=Fleet(3, 4))
    put_many(world, 3)
    world.deliver_inbox()

    # WHEN it is repeated with other settings
    world.settings = replace(world.settings, fleet=Fleet(1, 4))
    world.sagemaker.quota = 1
    world.sweep()

    # THEN it is the same job
    (job,) = world.sagemaker.jobs.values()
    assert job["instances"] == 3


def test_a_planned_job_takes_no_more_instances_than_the_operator_allows_by_now(
    world: World,
) -> None:
    world.approve()
    world.sagemaker.quota = 0
    world.settings = replace(world.settings, fleet=Fleet(3, 4))
    put_many(world, 3)
    world.deliver_inbox()

    world.settings = replace(world.settings, fleet=Fleet(1, 2))
    world.sagemaker.quota = 1
    world.sweep()

    (job,) = world.sagemaker.jobs.values()
    assert job["instances"] == 2


def test_a_job_of_many_drops_is_started_with_few_requests(world: World, monkeypatch) -> None:
    # GIVEN two hundred drops that wait
    world.approve()
    world.set_brakes(paused=True, max_drops=200)
    put_many(world, 200)
    world.deliver_inbox()
    world.set_brakes(paused=False)
    asked: Counter[str] = Counter()
    for call in ("get", "get_all", "change", "transact", "query_index"):
        monkeypatch.setattr(world.table, call, _counted(asked, call, getattr(world.table, call)))

    # WHEN they are dispatched
    assert world.application.dispatch(Deadline.after(lambda: world.now, 300_000)).run().drop_ids

    # THEN it is one job, and a bounded number of requests: 10 a batch read of them all, 100 a transaction
    (job,) = world.sagemaker.jobs.values()
    assert len(job["shards"]) == 200
    assert asked["transact"] == 1 + 2
    assert asked["get_all"] == 3
    assert asked["get"] + asked["change"] + asked["query_index"] < 35
    assert len(json.dumps(world.all_items("job#"), default=str)) < 8_000


def test_no_more_jobs_run_at_a_time_than_allowed(world: World) -> None:
    world.approve()
    world.set_brakes(max_drops=1, max_running=2)
    put_many(world, 5)

    world.deliver_inbox()
    world.sweep()

    assert len(world.sagemaker.jobs) == 2


def test_no_more_jobs_are_planned_on_a_day_than_allowed(world: World) -> None:
    world.approve()
    world.set_brakes(max_drops=1, max_per_day=2)
    put_many(world, 3)
    world.deliver_inbox()
    world.sweep()
    assert len(world.sagemaker.jobs) == 2

    world.now += timedelta(days=1)
    world.sweep()

    assert len(world.sagemaker.jobs) == 3


def test_paused_starts_nothing_and_loses_nothing(world: World) -> None:
    world.approve()
    world.set_brakes(paused=True)
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    world.sweep()
    assert (world.states(drop_id), world.sagemaker.jobs) == (["PREPARED"], {})

    world.set_brakes(paused=False)
    world.sweep()
    world.run()

    assert world.states(drop_id) == ["SCORED"]


def test_drops_of_a_version_no_longer_approved_are_prepared_anew(world: World) -> None:
    world.approve(1)
    world.set_brakes(paused=True)
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    world.approve(2)
    world.reject_version(1)
    world.set_brakes(paused=False)

    world.sweep()
    assert world.states(drop_id) == ["WAITING"]
    assert "version 1 is no longer approved" in str(world.drop(drop_id).reason)
    world.sweep()
    world.run()

    assert world.states(drop_id) == ["SCORED"]
    assert world.drop(drop_id).model.version == 2
    assert world.drop(drop_id).attempt == 2


def test_a_planned_job_whose_version_is_rejected_is_called_off(world: World) -> None:
    world.approve(1)
    world.sagemaker.quota = 0
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    world.reject_version(1)

    # WHEN somebody may still be asking for it
    world.now += timedelta(minutes=5, seconds=59)
    world.sweep()
    assert world.states(drop_id) == ["SCORING"]

    # WHEN nobody can be
    world.now += timedelta(seconds=2)
    world.sweep()

    assert world.states(drop_id) == ["WAITING"]
    world.approve(2)
    world.sagemaker.quota = 1
    world.sweep()
    world.run()
    assert world.drop(drop_id).model.version == 2


def test_a_planned_job_that_sagemaker_has_is_not_called_off(world: World, monkeypatch) -> None:
    # GIVEN a function that was killed between asking for the job and noting it, and then a rejected version
    world.approve(1)
    (drop_id,) = put_many(world, 1)

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(Jobs, "start", killed)
        with pytest.raises(Killed):
            world.deliver_inbox()
    world.reject_version(1)

    # WHEN nobody can be asking for it any more
    world.now += timedelta(minutes=7)
    world.sweep()
    world.run()

    # THEN what SageMaker scores is collected
    assert (world.states(drop_id), len(world.sagemaker.jobs)) == (["SCORED"], 1)


def test_an_index_that_lags_behind_plans_no_jobs_for_drops_that_have_one(world: World, monkeypatch) -> None:
    # GIVEN three drops in one job, and an index that has them as PREPARED still
    world.approve()
    world.set_brakes(paused=True)
    drops = put_many(world, 3)
    world.deliver_inbox()
    stale = deepcopy([item for item in world.table.items.values() if item.get("state") == "PREPARED"])
    world.set_brakes(paused=False)
    world.sweep()
    assert world.states(*drops) == ["SCORING"] * 3

    # WHEN dispatch runs again, with other brakes
    monkeypatch.setattr(world.table, "indexed", lambda: stale)
    world.set_brakes(max_drops=2)
    world.sweep()

    # THEN nothing is planned and nothing counted
    assert len([pk for pk in world.table.items if pk.startswith("job#")]) == 1
    assert world.table.items["dispatch"]["jobs_planned"] == 1


def test_a_job_called_off_before_it_claimed_does_not_stand_in_its_drops_way(
    world: World, monkeypatch
) -> None:
    # GIVEN a job that was planned and cut off, and whose version was rejected and then approved again
    package = world.approve(1)
    world.set_brakes(max_running=1, max_drops=1)
    drop_id = put_many(world, 1)[0]
    with monkeypatch.context() as crash:
        crash.setattr("dropscore.aws.ledger.Jobs.claim", _killed)
        with pytest.raises(Killed):
            world.deliver_inbox()
    world.now += timedelta(minutes=10)
    world.reject_version(1)
    world.sweep()
    world.sagemaker.packages[:] = [package]

    # WHEN another drop comes and time passes
    other = put_many(world, 1, start=1)[0]
    for _ in range(3):
        world.run()
        world.now += timedelta(minutes=10)
        world.sweep()
    world.run()

    # THEN both are scored
    assert world.states(drop_id, other) == ["SCORED", "SCORED"]


def test_a_job_that_stayed_planned_for_over_a_week_is_called_off_and_its_shards_written_anew(
    world: World,
) -> None:
    world.approve()
    world.sagemaker.quota = 0
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    world.sagemaker.quota = 1

    world.now += timedelta(days=7, minutes=1)
    world.adapters.work.objects.clear()
    world.sweep()
    world.sweep()
    world.run()

    assert world.states(drop_id) == ["SCORED"]
    assert (world.drop(drop_id).attempt, len(world.sagemaker.jobs)) == (2, 1)


def test_shards_of_over_a_week_are_written_anew(world: World) -> None:
    world.approve()
    world.set_brakes(paused=True)
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    world.set_brakes(paused=False)

    world.now += timedelta(days=7, minutes=1)
    world.sweep()
    world.sweep()
    world.run()

    assert world.states(drop_id) == ["SCORED"]
    assert (world.drop(drop_id).attempt, len(world.all_items("job#"))) == (2, 1)


def test_a_refused_job_stays_planned_with_the_reason(world: World) -> None:
    world.approve()
    world.sagemaker.refuses = "SageMaker: AccessDenied: role cannot be passed"
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    item = world.table.get(f"job#{world.drop(drop_id).job}")
    assert item["state"] == "PLANNED"
    assert "AccessDenied" in item["reason"]

    world.sagemaker.refuses = None
    world.sweep()
    world.run()

    assert world.states(drop_id) == ["SCORED"]


def test_a_model_that_somebody_has_deleted_is_made_again(world: World) -> None:
    world.approve()
    put_many(world, 1)
    world.run()
    world.sagemaker.models.clear()
    drop_id = put_many(world, 1, start=5)[0]
    world.deliver_inbox()

    world.sweep()
    world.run()

    assert world.states(drop_id) == ["SCORED"]


def test_old_open_drops_are_still_found(world: World) -> None:
    world.set_brakes(paused=True)
    drop_id = put_many(world, 1)[0]
    world.deliver_inbox()
    for _ in range(20):
        world.now += timedelta(days=1)
        world.sweep()
    world.approve()
    world.set_brakes(paused=False)

    world.sweep()
    world.run()

    assert world.states(drop_id) == ["SCORED"]


def _killed(*_: object, **__: object) -> None:
    raise Killed


def _counted[**P, T](counter: Counter[str], name: str, call: Callable[P, T]) -> Callable[P, T]:
    def counted(*args: P.args, **kwargs: P.kwargs) -> T:
        counter[name] += 1
        return call(*args, **kwargs)

    return counted
