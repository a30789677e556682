"""Jobs in the ledger: planned with a lease, claiming what is left of their members, ended and closed once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dropscore.aws.ledger import Conflict, DispatchLease, Jobs
from dropscore.aws.ledger.dispatching import VersionRecord, Versions
from dropscore.aws.ledger.jobs import CLAIM_AT_ONCE
from dropscore.domain.drop import DropState
from dropscore.domain.errors import MAX_MESSAGE, ServiceBusy
from dropscore.domain.job import JobState, Member, Outcome
from tests.service.builders import PREPARED, SOON, bring_to, claimed, ended, lease, planned_job
from tests.unit.builders import ARN, MODEL, NOW

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def prepared(drops):
    return [bring_to(drops, DropState.PREPARED, version=f"v{n}") for n in range(3)]


@pytest.fixture
def planned(table, jobs, prepared):
    job = planned_job(map(Member.of, prepared))
    assert jobs.plan(job, lease(table), NOW, SOON)
    return job


def test_a_planned_job_is_read_back_and_is_open(jobs, planned):
    assert jobs.get(planned.name) == planned
    assert jobs.open(NOW, 10) == [planned]
    assert jobs.get("another") is None


def test_a_job_is_planned_once_and_counted_once(table, jobs, planned):
    mine = lease(table)
    assert mine.jobs_today(NOW) == 1
    assert not jobs.plan(planned, mine, NOW, SOON)
    assert lease(table).jobs_today(NOW) == 1


def test_a_job_is_not_planned_once_the_lease_is_lost(table, jobs, prepared):
    mine = lease(table)
    table.change("dispatch", {"owner": "another"}, None)
    job = planned_job(map(Member.of, prepared))
    assert not jobs.plan(job, mine, NOW, SOON)
    assert jobs.get(job.name) is None


def test_the_count_of_jobs_starts_anew_every_day(table, jobs, planned):
    tomorrow = NOW + timedelta(days=1)
    assert lease(table).jobs_today(tomorrow) == 0
    other = replace(planned, name=planned.name[:-1] + "x", planned_at=tomorrow)
    jobs.plan(replace(other, name="dropscore-0"), lease(table, tomorrow), tomorrow, tomorrow)
    assert lease(table).jobs_today(tomorrow) == 1


def test_claiming_makes_the_members_the_job_s(drops, jobs, planned, prepared):
    found = jobs.claim(planned, LATER)
    assert [d.drop_id for d in found] == sorted(d.drop_id for d in prepared)
    assert {(d.state, d.job, d.tries) for d in found} == {(DropState.SCORING, planned.name, 1)}
    assert drops.due(DropState.PREPARED, LATER, 10) == []


def test_claiming_again_finds_the_same_members(jobs, planned):
    assert jobs.claim(planned, NOW) == jobs.claim(planned, LATER)


def test_a_member_that_has_moved_on_is_not_claimed(drops, jobs, planned, prepared):
    drops.wait(prepared[1], "its version is no longer approved", NOW)
    found = jobs.claim(planned, NOW)
    assert {d.drop_id for d in found} == {prepared[0].drop_id, prepared[2].drop_id}


def test_a_member_that_was_prepared_anew_meanwhile_is_not_claimed(drops, jobs, planned, prepared):
    waiting = drops.wait(prepared[0], "its shards are too old", NOW)
    anew = drops.finish_preparing(drops.take_up(waiting, NOW, SOON), MODEL, PREPARED, NOW)
    assert anew.drop_id not in {d.drop_id for d in jobs.claim(planned, NOW)}
    assert drops.get(anew.drop_id).state is DropState.PREPARED


def test_a_member_of_another_job_is_not_taken_from_it(jobs, planned, prepared):
    thief, other = claimed(jobs, [prepared[0]])
    assert thief.job == other.name
    assert prepared[0].drop_id not in {d.drop_id for d in jobs.claim(planned, NOW)}


def test_when_a_member_moves_during_the_claim_the_others_are_claimed_all_the_same(
    table, index, drops, planned, prepared
):
    class Meddling(Jobs):
        """Somebody moves a member between the reading and the claiming."""

        meddled = False

        def _claim(self, job, members, now):
            if not self.meddled:
                self.meddled = True
                drops.wait(prepared[0], "no longer approved", now)
            super()._claim(job, members, now)

    found = Meddling(table, index, drops).claim(planned, NOW)
    assert {d.drop_id for d in found} == {prepared[1].drop_id, prepared[2].drop_id}


def test_members_that_never_hold_still_are_for_later(table, index, drops, planned):
    class Refused(Jobs):
        def _claim(self, job, members, now):
            pass

    with pytest.raises(ServiceBusy, match=f"members of job {planned.name} keep changing"):
        Refused(table, index, drops).claim(planned, NOW)


def test_a_job_of_more_members_than_a_transaction_takes_claims_them_all(jobs, planned, monkeypatch):
    assert CLAIM_AT_ONCE == 100
    monkeypatch.setattr("dropscore.aws.ledger.jobs.CLAIM_AT_ONCE", 2)
    assert len(jobs.claim(planned, NOW)) == 3


def test_a_job_that_sagemaker_was_asked_for_is_not_called_off_by_who_has_not_heard_of_it(jobs, planned):
    jobs.ask(planned, SOON)
    assert jobs.get(planned.name).asked_until == SOON
    with pytest.raises(Conflict):
        jobs.call_off(planned, "no longer approved")


def test_nobody_asks_for_a_job_that_was_called_off(jobs, planned):
    jobs.ask(planned, SOON)
    assert jobs.call_off(jobs.get(planned.name), "no longer approved").called_off == "no longer approved"
    with pytest.raises(Conflict):
        jobs.ask(planned, LATER)
    assert jobs.get(planned.name).asked_until == SOON


def test_a_started_job_has_the_members_that_were_claimed_and_is_started_once(drops, jobs, planned, prepared):
    jobs.note(planned, "SageMaker: ResourceLimitExceeded")
    assert jobs.get(planned.name).reason == "SageMaker: ResourceLimitExceeded"
    drops.wait(prepared[1], "gone", NOW)
    started = jobs.start(planned, jobs.claim(planned, NOW), LATER)
    assert (started.state, started.started_at, started.reason) == (JobState.STARTED, LATER, None)
    assert {m.drop_id for m in started.members} == {prepared[0].drop_id, prepared[2].drop_id}
    with pytest.raises(Conflict):
        jobs.start(planned, [], LATER)
    with pytest.raises(Conflict):
        jobs.note(planned, "too late")


def test_the_end_of_a_job_is_noted_once_and_fixes_the_date_of_its_results(jobs, planned):
    job = ended(jobs, planned, jobs.claim(planned, NOW))
    assert (job.outcome, job.outputs, job.scored_date) == (Outcome.COMPLETED, 3, "2026-03-04")
    with pytest.raises(Conflict):
        jobs.end(job, Outcome.FAILED, "later", 0, NOW + timedelta(days=1))
    assert jobs.get(planned.name) == job


def test_what_a_job_says_of_its_trouble_is_bounded(jobs, table, planned):
    long = "\U0001f600" * MAX_MESSAGE
    jobs.note(planned, long)
    jobs.call_off(planned, long)
    job = jobs.start(planned, jobs.claim(planned, NOW), LATER)
    jobs.close(jobs.end(job, Outcome.FAILED, long, 0, LATER), JobState.FAILED, long, LATER)
    item = table.get(f"job#{planned.name}")
    for name in ("reason", "called_off", "failure_reason"):
        assert len(item[name].encode()) <= MAX_MESSAGE


def test_a_part_that_is_done_twice_counts_once(jobs, planned):
    job = ended(jobs, planned, jobs.claim(planned, NOW))
    for part in (1, 0, 1):
        job = jobs.part_done(job, part)
    assert job.parts_done == {0, 1}
    assert jobs.fanned_out(job, LATER).fanned_out_at == LATER


@pytest.mark.parametrize("state", [JobState.DONE, JobState.FAILED])
def test_a_closed_job_is_open_no_more_and_is_closed_once(jobs, planned, state):
    job = ended(jobs, planned, jobs.claim(planned, NOW))
    closed = jobs.close(job, state, "AlgorithmError", LATER)
    assert (closed.state, closed.final, closed.reason) == (state, True, "AlgorithmError")
    assert jobs.open(LATER, 10) == []
    for again in (
        lambda: jobs.close(job, JobState.DONE, None, LATER),
        lambda: jobs.part_done(job, 0),
        lambda: jobs.fanned_out(job, LATER),
        lambda: jobs.start(planned, [], LATER),
    ):
        with pytest.raises(Conflict):
            again()


# --- the lease, and what befell versions ----------------------------------------------------------------


def acquire(table, owner, now=NOW):
    return DispatchLease.acquire(table, owner, now, now + timedelta(minutes=5))


def test_the_dispatch_lease_is_held_by_one_at_a_time(table):
    mine = acquire(table, "me")
    assert mine is not None
    assert acquire(table, "you") is None
    assert acquire(table, "me") is None
    mine.release(held_back=False)
    assert acquire(table, "you") is not None


def test_a_lease_that_has_ended_is_anybody_s(table):
    acquire(table, "me")
    assert acquire(table, "you", NOW + timedelta(minutes=5) - timedelta(milliseconds=1)) is None
    assert acquire(table, "you", NOW + timedelta(minutes=5)) is not None


def test_who_has_lost_the_lease_does_not_give_away_another_s(table):
    mine = acquire(table, "me")
    acquire(table, "you", LATER)
    mine.release(held_back=False)
    assert acquire(table, "third", LATER) is None


def test_a_lease_is_renewed_by_who_holds_it_and_nobody_else(table):
    mine = acquire(table, "me")
    assert mine.renew(LATER)
    assert acquire(table, "you", NOW + timedelta(minutes=5)) is None
    assert acquire(table, "you", LATER) is not None
    assert not mine.renew(LATER + timedelta(hours=1))
    assert acquire(table, "third", LATER + timedelta(minutes=5)) is not None


def test_planning_a_job_renews_the_lease(table, jobs, prepared):
    mine = acquire(table, "me")
    assert jobs.plan(planned_job(map(Member.of, prepared)), mine, NOW, LATER)
    assert acquire(table, "you", LATER - timedelta(milliseconds=1)) is None


def test_what_a_dispatch_had_to_leave_behind_is_known_until_the_next_one_ends(table, jobs):
    assert not jobs.held_back(NOW)
    acquire(table, "me").release(held_back=True)
    assert jobs.held_back(NOW)
    acquire(table, "me").release(held_back=False)
    assert not jobs.held_back(NOW)


def test_while_a_dispatch_is_under_way_something_may_be_left_behind(table, jobs):
    acquire(table, "me")
    assert jobs.held_back(NOW)
    assert not jobs.held_back(NOW + timedelta(minutes=5))


def test_a_version_that_nothing_has_befallen_has_an_empty_record(table):
    assert Versions(table).get(ARN) == VersionRecord()


def test_a_version_s_model_is_made_and_lost(table):
    versions = Versions(table)
    versions.model_made(ARN, "model-1")
    assert versions.get(ARN).model_name == "model-1"
    versions.model_lost(ARN)
    assert versions.get(ARN).model_name is None


def test_jobs_without_output_are_counted_by_name_until_one_has_some(table):
    versions = Versions(table)
    assert versions.note_barren(ARN, "j1") == {"j1"}
    assert versions.note_barren(ARN, "j1") == {"j1"}
    assert versions.note_barren(ARN, "j2") == {"j1", "j2"}
    versions.job_fruitful(ARN)
    assert versions.get(ARN) == VersionRecord(proven=True)
    assert versions.note_barren(ARN, "j3") == {"j3"}


def test_a_version_is_held_until_it_is_released(table):
    versions = Versions(table)
    versions.note_barren(ARN, "j1")
    versions.hold(ARN, "role lacks a permission")
    assert versions.get(ARN).held == "role lacks a permission"
    versions.release(ARN)
    assert versions.get(ARN) == VersionRecord()
    assert versions.get(ARN + "0") == VersionRecord()
