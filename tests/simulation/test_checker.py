"""The simulation can fail: what breaks a promise is found, by a crash point or by a seed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pytest

from dropscore import prepare as preparing
from dropscore.announce import Announcer
from dropscore.aws.clients import AwsError
from dropscore.aws.ledger import Drops, Jobs, drops, jobs
from dropscore.aws.ledger.expressions import Condition
from dropscore.closing import Closing
from dropscore.domain.drop import Drop
from dropscore.domain.job import Job
from dropscore.handlers import prepare
from dropscore.sweep import Sweep, Swept
from tests.simulation.exhaustive import Lived, single_faults
from tests.simulation.faults import Fault
from tests.simulation.meetings import Met, every_switch
from tests.simulation.memory import MemoryBucket
from tests.simulation.random_lives import RandomLife, random_life

pytestmark = pytest.mark.no_cover  # what is tested here is the simulation


def first_violation(lives: Iterable[Lived] | Iterable[RandomLife] | Iterable[Met]) -> str:
    """What the first life says in which a promise is broken."""
    return next((str(life.broken) for life in lives if life.broken), "no violation")


def test_a_sweep_that_does_nothing_leaves_drops_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sweep, "run", lambda _: Swept(0, 0, 0, 0, 0))

    assert "does not come to rest" in first_violation(single_faults("one_drop", [Fault.AFTER]))


def test_a_result_that_is_written_over_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def put_always(self: MemoryBucket, key: str, body: Any, content_type: str, _: Any) -> bool:
        self.put(key, body, content_type)
        return True

    monkeypatch.setattr(MemoryBucket, "put_once", put_always)

    assert "is written over" in first_violation(single_faults("one_drop", [Fault.AFTER]))


def test_a_drop_that_has_a_result_under_two_dates_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Drops, "keep_result_date", lambda *_: None)

    found = first_violation(single_faults("a_put_that_lands_a_day_late", [Fault.AFTER]))

    assert "scored_date=2026-03-01" in found
    assert "scored_date=2026-03-02" in found


def test_a_temporary_file_that_is_taken_for_a_drop_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "why_no_drop", lambda *_: None)

    found = first_violation(single_faults("a_batch_with_a_bad_file", [Fault.AFTER]))

    assert "the ledger does not hold it" in found


def test_drops_that_are_moved_without_a_condition_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (drops, jobs):
        monkeypatch.setattr(module, "still", lambda _: Condition("attribute_exists(pk)"))

    assert first_violation(map(random_life, range(100))) != "no violation"


def test_drops_that_two_invocations_move_without_a_condition_are_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (drops, jobs):
        monkeypatch.setattr(module, "still", lambda _: Condition("attribute_exists(pk)"))

    assert first_violation(every_switch("a_dispatch_and_the_sweep_once_its_version_is_rejected")) != (
        "no violation"
    )


def test_a_job_that_one_asks_for_while_another_calls_it_off_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jobs, "ask", lambda *_: None)

    found = first_violation(every_switch("a_dispatch_and_the_sweep_once_its_version_is_rejected"))

    assert "scored it" in found


def test_a_message_that_is_deleted_before_the_ledger_holds_it_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def careless(event: Any, see_to: Any) -> dict[str, list[Any]]:
        for record in event["Records"]:
            try:
                see_to(record["body"])
            except AwsError:
                continue
        return {"batchItemFailures": []}

    monkeypatch.setattr(prepare, "each_message", careless)

    assert "the ledger does not hold it" in first_violation(single_faults("one_drop", [Fault.TIMED_OUT]))


def test_a_closer_that_settles_the_drops_of_other_jobs_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    close, get_all = Closing.close, Drops.get_all

    def careless(self: Closing, job: Job) -> Job:
        def as_if_ours(drops: Drops, drop_ids: list[str]) -> list[Drop]:
            return [Drop(**{**vars(drop), "job": job.name}) for drop in get_all(drops, drop_ids)]

        with monkeypatch.context() as within:
            within.setattr(Drops, "get_all", as_if_ours)
            return close(self, job)

    monkeypatch.setattr(Closing, "close", careless)

    assert "is still in" in first_violation(single_faults("a_job_with_rows_missing", [Fault.AFTER]))


def test_a_final_state_noted_before_it_is_announced_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    announce = Announcer.announce

    def hasty(self: Announcer, drops: Iterable[Drop]) -> int:
        drops, again = itertools.tee(drops)
        for drop in again:
            if drop.state.final and not drop.announced:
                self._note(drop)
        return announce(self, drops)

    monkeypatch.setattr(Announcer, "announce", hasty)

    assert "Counter" in first_violation(single_faults("one_drop", [Fault.AFTER]))
