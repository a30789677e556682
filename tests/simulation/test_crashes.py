"""The promises hold wherever the function is killed: before or after any call that changes something."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from dropscore.domain.job import JobState
from tests.simulation.world import Killed, Killer, World, parquet


def one_drop(world: World) -> list[str]:
    world.approve()
    return [world.put("a.parquet", parquet(4))]


def a_batch_with_a_bad_file(world: World) -> list[str]:
    world.approve()
    bodies = [parquet(4), b"no parquet", parquet(0)]
    return [world.put(f"{number}.parquet", body) for number, body in enumerate(bodies)]


def a_model_that_comes_later(world: World) -> list[str]:
    drops = [world.put("a.parquet", parquet(4))]
    with suppress(Killed):
        world.deliver_inbox()
    world.approve()
    return drops


def a_job_with_rows_missing(world: World) -> list[str]:
    world.approve()
    drops = [world.put(f"{number}.parquet", parquet(4)) for number in range(3)]
    world.sagemaker.short = {drops[0]: 1}
    return drops


def a_poison_drop(world: World) -> list[str]:
    world.approve()
    drops = [world.put(f"{number}.parquet", parquet(4)) for number in range(2)]
    world.sagemaker.poison = {drops[0]: 99}
    return drops


def a_quota_of_one(world: World) -> list[str]:
    world.approve()
    world.sagemaker.quota = 1
    world.set_brakes(max_drops=1)
    return [world.put(f"{number}.parquet", parquet(4)) for number in range(2)]


SCENARIOS = [
    one_drop,
    a_batch_with_a_bad_file,
    a_model_that_comes_later,
    a_job_with_rows_missing,
    a_poison_drop,
    a_quota_of_one,
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_crash_at_any_point_breaks_no_promise(
    scenario: Callable[[World], list[str]], *, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(1, 500):
        world = World(monkeypatch)
        killer = Killer(world, at, after=after)
        drops = scenario(world)
        _live(world, drops)
        if not killer.struck:
            break
        _check_promises(world, drops, f"killed at call {at}")
    assert at > 5, "nothing was tried"


def _live(world: World, drops: list[str]) -> None:
    """Let time pass, messages come and sweeps run until all has come to rest."""
    for _ in range(25):
        world.now += timedelta(minutes=1)
        for act in (world.deliver_inbox, world.finish_jobs, *[world.deliver_collect] * 4, world.sweep):
            with suppress(Killed):
                act()
        known = [world.drops.get(drop_id) for drop_id in drops]
        if all(drop and drop.announced for drop in known) and not world.queues.inbox + world.queues.collect:
            return


def _check_promises(world: World, drops: list[str], when: str) -> None:
    known = [world.drops.get(drop_id) for drop_id in drops]
    assert all(drop and drop.state.final for drop in known), (
        f"{when}: {[drop and drop.state for drop in known]}"
    )
    for drop in known:
        assert len(world.results_of(drop.drop_id)) == (drop.state == "SCORED"), when
        assert drop.state == "SCORED" or drop.reason, when
        if drop.state == "SCORED":
            assert (
                drop.rows_in == drop.rows_scored + drop.rows_rejected == world.result(drop.drop_id).num_rows
            ), when
        told = {detail["drop_id"] for _, detail in world.events.told}
        assert drop.drop_id in told, when
    jobs = [item for pk, item in world.table.items.items() if pk.startswith("job#")]
    assert {item["state"] for item in jobs} <= {JobState.DONE, JobState.FAILED}, when
    assert world.queues.inbox + world.queues.collect == [], when
    assert set(vars(world.sweep()).values()) == {0}, when
