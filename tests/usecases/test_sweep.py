"""Sweep: what is stuck, lost or waiting goes on, and a second sweep changes nothing."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from dropscore.domain.errors import MAX_MESSAGE
from dropscore.domain.job import Outcome
from dropscore.handlers import sweep as sweep_door
from tests.simulation.faults import Killed
from tests.simulation.world import World, parquet
from tests.unit.builders import parquet as written
from tests.usecases.test_collect import job_state, put_many, settle


def test_a_job_whose_event_was_lost_is_collected(world: World) -> None:
    world.approve()
    drops = put_many(world, 2)
    world.deliver_inbox()
    world.finish_jobs(tell=False)

    swept = world.sweep()
    world.run()

    assert swept.collected == 1
    assert set(world.states(*drops)) == {"SCORED"}


def test_parts_whose_messages_were_lost_are_sent_again(world: World) -> None:
    world.approve()
    drops = put_many(world, 2)
    world.deliver_inbox()
    world.finish_jobs()
    world.deliver_collect()
    world.queues.collect.clear()
    assert world.sweep().collected == 0

    world.now += timedelta(minutes=10)
    world.sweep()
    world.run()

    assert set(world.states(*drops)) == {"SCORED"}


def test_an_announcement_that_failed_is_repeated(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(1))
    world.events.refuses = 1
    world.run()
    assert world.events.told == []
    assert world.sweep().announced == 0

    world.now += timedelta(minutes=2)
    world.sweep()

    assert [detail["drop_id"] for _, detail in world.events.told] == [drop_id]
    assert world.drop(drop_id).announced


def test_a_job_that_cannot_be_stopped_keeps_nothing_else_from_going_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.approve()
    world.set_brakes(max_drops=1)
    stuck = world.put("stuck.parquet", parquet(3))
    world.deliver_inbox()
    (old,) = world.sagemaker.running
    world.now += timedelta(hours=7)
    other = world.put("other.parquet", parquet(3))
    world.deliver_inbox()
    (young,) = set(world.sagemaker.running) - {old}
    world.finish_job(young, tell=False)

    def denied(_: str) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "StopTransformJob")

    monkeypatch.setattr(world.sagemaker, "stop", denied)

    swept = world.sweep()
    assert (swept.stopped, swept.collected) == (0, 1)
    while world.queues.collect:
        world.deliver_collect()

    assert world.states(other, stuck) == ["SCORED", "SCORING"]


def test_a_job_that_runs_too_long_is_stopped_and_its_drops_retried(world: World) -> None:
    world.approve()
    drops = put_many(world, 2)
    world.deliver_inbox()
    (job,) = world.sagemaker.running

    world.now += timedelta(hours=6)
    assert world.sweep().stopped == 1
    assert world.sagemaker.jobs[job]["outcome"] is Outcome.STOPPED
    settle(world, sweeps=3)

    assert job_state(world, job) == "FAILED"
    assert set(world.states(*drops)) == {"SCORED"}


def test_a_failed_drop_comes_back_when_the_operator_says_so(world: World) -> None:
    world.approve()
    good, bad = world.put("good.parquet", parquet(2)), world.put("bad.parquet", parquet(2))
    world.sagemaker.poison = {bad: 99}
    settle(world, sweeps=6)
    assert world.states(bad) == ["FAILED"]
    world.sagemaker.poison = {}

    answer = world.invoke(sweep_door, {"retry": [bad, good, "0" * 20]})
    world.run()

    assert answer["retry"][bad].startswith("WAITING")
    assert "left alone" in answer["retry"][good]
    assert "no such drop" in answer["retry"]["0" * 20]
    assert world.states(bad) == ["SCORED"]
    assert [kind for kind, d in world.events.told if d["drop_id"] == bad] == ["Drop Failed", "Drop Scored"]


def test_a_drop_that_the_operator_retries_may_fail_alone_once_more(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(2))
    world.sagemaker.poison = {drop_id: 99}
    settle(world, sweeps=6)
    assert world.states(drop_id) == ["FAILED"]
    world.sagemaker.poison = {drop_id: 1}

    world.invoke(sweep_door, {"retry": [drop_id]})
    world.run()

    assert (world.states(drop_id), world.drop(drop_id).lone_failures) == (["SCORED"], 1)


def test_a_sweep_at_rest_changes_nothing(world: World) -> None:
    world.approve()
    put_many(world, 3)
    settle(world, sweeps=2)
    before = _ledger(world)

    answers = [world.sweep() for _ in range(3)]

    assert {(a.announced, a.resumed, a.collected, a.stopped, a.dispatched) for a in answers} == {
        (0, 0, 0, 0, 0)
    }
    assert _ledger(world) == before


def test_a_sweep_beside_work_under_way_changes_nothing(world: World) -> None:
    world.approve()
    drops = put_many(world, 3)
    world.sweep()
    world.deliver_inbox()
    world.sweep()
    world.finish_jobs()
    world.sweep()
    world.deliver_collect()
    world.sweep()

    world.run()

    assert set(world.states(*drops)) == {"SCORED"}
    assert len(world.sagemaker.jobs) == 1
    assert len(world.events.told) == 3


def test_a_drop_that_waits_for_its_message_is_not_sent_another_every_minute(
    world: World, monkeypatch
) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(1))
    with monkeypatch.context() as crash:
        crash.setattr("dropscore.files.conversion.Conversion.run", _killed)
        with pytest.raises(Killed):
            world.deliver_inbox()
    world.queues.inbox.clear()
    world.now += timedelta(minutes=10)

    resumed = []
    for _ in range(6):
        resumed.append(world.sweep().resumed)
        world.now += timedelta(minutes=1)

    assert resumed == [1, 0, 0, 0, 0, 1]
    world.run()
    assert world.states(drop_id) == ["SCORED"]


def test_reasons_however_large_keep_no_drop_from_being_announced(world: World) -> None:
    """As of files that lack a column and whose own columns have names of emoji, under keys of emoji."""
    world.approve()
    faces = [chr(0x1F600 + number) for number in range(40)]
    body = written({face * 100: [1] for face in faces[:20]})
    drops = [world.put(face * 252 + ".parquet", body) for face in faces]

    world.run()

    assert {(world.drop(d).state, world.drop(d).announced) for d in drops} == {("REJECTED", True)}
    assert max(len(str(world.drop(d).reason).encode()) for d in drops) <= MAX_MESSAGE


def test_an_announcement_that_is_refused_is_in_the_way_of_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN more drops that cannot be announced than a sweep looks at, and one behind them
    monkeypatch.setattr("dropscore.sweep.AT_ONCE", 2)
    world.approve()
    for number in range(4):
        world.put(f"{number}.parquet", b"no parquet")
    world.events.refuses = 99
    world.run()
    world.now += timedelta(minutes=2)
    *_, last = world.drops.unannounced(world.now, 99)
    taken = world.events._taken
    monkeypatch.setattr(
        world.events,
        "_taken",
        lambda e: taken(e) if last.drop_id in e["Detail"] else {"ErrorCode": "Malformed"},
    )
    world.events.refuses = 0

    # WHEN the sweep runs twice
    world.sweep()
    world.sweep()

    # THEN it is announced
    assert world.drop(last.drop_id).announced


def test_a_failure_is_announced_before_the_operator_s_retry_undoes_it(world: World) -> None:
    world.approve()
    (bad,) = put_many(world, 1)
    world.sagemaker.short = {bad: 99}
    world.events.refuses = 99
    settle(world, sweeps=6)
    app = world.application
    sweep = app.sweep(app.deadline(300_000))

    assert sweep.retry([bad]) == {bad: "left alone: its failure could not be announced; try again"}
    world.events.refuses = 0
    assert sweep.retry([bad])[bad].startswith("WAITING")

    assert ("Drop Failed", bad) in [(kind, detail["drop_id"]) for kind, detail in world.events.told]


def test_the_schedule_s_event_is_a_sweep(world: World) -> None:

    answer = world.invoke(sweep_door, {"source": "aws.events", "detail-type": "Scheduled Event"})

    assert answer == {"announced": 0, "resumed": 0, "collected": 0, "stopped": 0, "dispatched": 0}


def _ledger(world: World) -> dict:
    return {pk: item for pk, item in deepcopy(world.table.items).items() if pk != "dispatch"}


def test_drops_that_wait_for_a_model_call_for_the_operator(world: World, caplog) -> None:
    def called() -> bool:
        return any(getattr(record, "operator_needed", False) for record in caplog.records)

    world.sweep()
    assert not called()

    world.put("a.parquet", parquet(1))
    world.run()
    world.sweep()

    assert called()


def _killed(*_: object) -> None:
    raise Killed


def test_a_job_that_may_not_be_looked_at_keeps_nothing_else_from_going_on(world: World, monkeypatch) -> None:
    world.approve()
    world.set_brakes(max_drops=1)
    drops = put_many(world, 2)
    world.deliver_inbox()
    world.finish_jobs(tell=False)
    describe, hidden = world.adapters.transforms.describe, world.drop(drops[0]).job

    def denied(name):
        if name == hidden:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Describe")
        return describe(name)

    monkeypatch.setattr(world.adapters.transforms, "describe", denied)

    assert world.sweep().collected == 1
    assert world.metrics.last["JobsOpen"] == 2
