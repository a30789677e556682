"""An object that S3 does not give: it is tried for a day, ends with a reason, and is in nobody's way."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from dropscore.aws.ledger.items import stamp
from dropscore.domain.drop import MAX_STEPS, DropState
from dropscore.files.isolation import Defect
from dropscore.handlers import sweep as sweep_door
from dropscore.prepare import MAX_READ_FAILURES
from tests.simulation.world import World, parquet
from tests.usecases.test_observability import lines, log

__all__ = ["log"]

PUT_OFF = "the drop is put off"


def pass_time(world: World, hours: int) -> None:
    """Let time pass, with a sweep each hour."""
    for _ in range(hours):
        world.now += timedelta(hours=1)
        world.sweep()
        world.run()


@pytest.mark.parametrize(
    ("code", "what_to_do"),
    [
        ("InvalidObjectState", "it is archived: restore it"),
        ("InvalidRequest", "it may be encrypted with a key of its sender's (SSE-C): write it without"),
        ("AccessDenied", "let the function's role read it and decrypt with its key"),
        ("KMS.DisabledException", "see what the code means in S3's documentation"),
    ],
)
def test_an_object_that_s3_never_gives_is_failed_within_two_days_whatever_the_code(
    world: World, log: io.StringIO, code: str, what_to_do: str
) -> None:
    # GIVEN an object that S3 gives to nobody, and one that it gives
    world.approve()
    world.inbox.refuses["a.parquet"] = code
    drop_id, other = world.put("a.parquet", parquet(3)), world.put("b.parquet", parquet(3))
    world.run()
    assert world.states(drop_id, other) == ["PREPARING", "SCORED"]
    # WHEN two days pass
    pass_time(world, 48)
    # THEN it is FAILED, says why and what to do, and is announced; its alarm has ended with it
    drop = world.drop(drop_id)
    assert drop.state is DropState.FAILED
    assert code in str(drop.reason)
    assert what_to_do in str(drop.reason)
    assert str(drop.reason).startswith("given up after 30 tries: the object cannot be read (")
    assert str(drop.reason).endswith("; then retry the drop")
    assert drop.announced
    assert drop.attempt == MAX_READ_FAILURES
    put_off = lines(log, PUT_OFF)
    assert len(put_off) == MAX_READ_FAILURES - 1
    assert all(line["operator_needed"] for line in put_off)
    pass_time(world, 24)
    assert len(lines(log, PUT_OFF)) == MAX_READ_FAILURES - 1


def test_tries_go_on_for_a_day(world: World) -> None:
    world.approve()
    world.inbox.refuses["a.parquet"] = "InvalidObjectState"
    drop_id = world.put("a.parquet", parquet(3))
    world.run()

    pass_time(world, 22)

    assert world.states(drop_id) == ["PREPARING"]


def test_an_object_that_is_restored_in_time_is_scored_and_one_that_is_late_is_retried(world: World) -> None:
    world.approve()
    keys = ("a.parquet", "b.parquet")
    world.inbox.refuses = dict.fromkeys(keys, "InvalidObjectState")
    first, second = (world.put(key, parquet(3)) for key in keys)
    world.run()
    pass_time(world, 10)

    del world.inbox.refuses["a.parquet"]
    pass_time(world, 30)
    assert world.states(first, second) == ["SCORED", "FAILED"]
    assert world.drop(first).read_failures == 0

    world.inbox.refuses.clear()
    world.invoke(sweep_door, {"retry": [second]})
    assert world.drop(second).read_failures == 0
    world.run()
    assert world.states(second) == ["SCORED"]


def test_a_defect_over_a_file_ends_like_an_object_that_cannot_be_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.approve()

    def convert(*_: object) -> None:
        raise Defect("a defect of Dropscore: TypeError: oh")

    monkeypatch.setattr(world.files, "convert", convert)
    drop_id = world.put("a.parquet", parquet(3))
    world.run()

    pass_time(world, 48)

    assert world.states(drop_id) == ["FAILED"]
    assert "a defect of Dropscore: TypeError: oh" in str(world.drop(drop_id).reason)


def test_a_work_bucket_that_refuses_is_no_fault_of_the_object(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.approve()

    def put(*_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "PutObject")

    with monkeypatch.context() as while_refused:
        while_refused.setattr(world.adapters.work, "put", put)
        drop_id = world.put("a.parquet", parquet(3))
        world.run()
        pass_time(world, 72)
        assert world.states(drop_id) == ["PREPARING"]
        assert len(world.drop(drop_id).history) == MAX_STEPS

    pass_time(world, 2)

    history = world.drop(drop_id).history
    assert [step.state for step in history[-3:]] == ["PREPARED", "SCORING", "SCORED"]
    assert history[0].at == world.drop(drop_id).arrived_at


def test_many_old_drops_that_wait_do_not_hide_the_young_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dropscore.sweep.AT_ONCE", 40)
    ids = [world.put(f"{number}.parquet", parquet(3)) for number in range(60)]
    world.run(rounds=100)
    world.now += timedelta(days=1)
    young = world.put("young.parquet", parquet(3))
    world.run()
    world.approve()
    assert world.states(young, *ids) == ["WAITING"] * 61

    world.sweep()

    due = {item["drop_id"]: item["due"] for item in world.all_items("drop#")}
    assert due[young] > stamp(world.now)
    assert sum(due[drop_id] > stamp(world.now) for drop_id in ids) == 39
