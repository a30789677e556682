"""Drops in the ledger: every move there is, and none that finds the drop elsewhere than it believes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dropscore.aws.ledger import Conflict, Held
from dropscore.domain.accuracy import ErrorStatistics
from dropscore.domain.drop import TRANSITIONS, Counts, DropState, Step
from dropscore.domain.errors import MAX_MESSAGE
from tests.service.builders import DONE, PREPARED, SOON, bring_to
from tests.unit.builders import MODEL, NOW, OTHER_MODEL, source

LATER = NOW + timedelta(hours=1)

MOVES = {
    "take_up": (DropState.PREPARING, lambda drops, drop: drops.take_up(drop, LATER, SOON)),
    "wait": (DropState.WAITING, lambda drops, drop: drops.wait(drop, "no model", LATER)),
    "revive": (DropState.WAITING, lambda drops, drop: drops.revive(drop, LATER)),
    "finish_preparing": (
        DropState.PREPARED,
        lambda drops, drop: drops.finish_preparing(drop, MODEL, PREPARED, LATER),
    ),
    "score_again": (
        DropState.PREPARED,
        lambda drops, drop: drops.score_again(drop, "j/a", "why", alone=False, now=LATER),
    ),
    "score": (DropState.SCORED, lambda drops, drop: drops.score(drop, MODEL, DONE, LATER)),
    "reject": (DropState.REJECTED, lambda drops, drop: drops.reject(drop, "bad", None, None, LATER)),
    "fail": (DropState.FAILED, lambda drops, drop: drops.fail(drop, "why", LATER)),
}


def raw(dynamodb, drop):
    return dynamodb.get_item(TableName="ledger", Key={"pk": {"S": f"drop#{drop.drop_id}"}})["Item"]


@pytest.mark.parametrize("state", DropState)
def test_a_drop_can_be_brought_to_every_state_and_is_read_back_the_same(drops, jobs, state):
    drop = bring_to(drops, state, jobs=jobs)
    assert drop.state is state
    assert drops.get(drop.drop_id) == drop


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("state", DropState)
def test_a_move_goes_where_the_design_knows_a_way_and_nowhere_else(drops, jobs, dynamodb, state, name):
    target, move = MOVES[name]
    drop = bring_to(drops, state, jobs=jobs)
    if target in TRANSITIONS[state]:
        assert move(drops, drop).state is target
    else:
        before = raw(dynamodb, drop)
        with pytest.raises(AssertionError, match=f"knows no way from {state} to {target}"):
            move(drops, drop)
        assert raw(dynamodb, drop) == before


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("stale", ["state", "attempt", "tries"])
def test_a_move_of_a_drop_that_somebody_else_has_moved_is_refused_and_changes_nothing(
    drops, jobs, dynamodb, name, stale
):
    target, move = MOVES[name]
    state = next(state for state in DropState if target in TRANSITIONS[state])
    drop = bring_to(drops, state, jobs=jobs)
    known = {
        "state": replace(
            drop, state=next(s for s in DropState if target in TRANSITIONS[s] and s is not state)
        )
        if sum(target in nexts for nexts in TRANSITIONS.values()) > 1
        else replace(drop, attempt=9),
        "attempt": replace(drop, attempt=drop.attempt + 1),
        "tries": replace(drop, tries=drop.tries + 1),
    }[stale]
    before = raw(dynamodb, drop)
    with pytest.raises(Conflict) as refused:
        move(drops, known)
    assert refused.value.old["state"] == state.value
    assert raw(dynamodb, drop) == before


@pytest.mark.parametrize("name", MOVES)
def test_the_same_move_made_twice_from_the_same_view_is_refused_the_second_time(drops, jobs, name):
    target, move = MOVES[name]
    state = next(state for state in DropState if target in TRANSITIONS[state])
    drop = bring_to(drops, state, jobs=jobs)
    move(drops, drop)
    with pytest.raises(Conflict):
        move(drops, drop)


def test_a_new_drop_is_opened_once_and_whoever_comes_later_learns_who_holds_it(drops):
    first = drops.open(source(sequencer="0055"), NOW, SOON)
    assert (first.state, first.attempt, first.lease_until) == (DropState.PREPARING, 1, SOON)
    assert (first.source.sequencer, first.arrived_at) == ("0055", NOW)
    with pytest.raises(Held) as held:
        drops.open(source(), LATER, LATER)
    assert held.value.drop == first


def test_a_moment_is_kept_to_the_millisecond(drops):
    now = NOW + timedelta(microseconds=123_999)
    assert drops.open(source(), now, SOON).arrived_at == NOW + timedelta(milliseconds=123)


def test_taking_up_a_drop_whose_preparation_broke_off_counts_a_crash(drops):
    drop = drops.take_up(bring_to(drops, DropState.PREPARING), LATER, SOON)
    assert (drop.attempt, drop.crashes) == (2, 1)


def test_taking_up_a_drop_that_was_put_off_or_waited_counts_no_crash(drops):
    drop = drops.release(bring_to(drops, DropState.PREPARING), "busy", SOON, NOW)
    assert (drop.released, drop.lease_until, drop.reason) == (True, SOON, "busy")
    drop = drops.take_up(drop, LATER, LATER)
    assert (drop.attempt, drop.crashes, drop.released, drop.reason) == (2, 0, False, None)
    drop = drops.take_up(drops.wait(drop, "no model", LATER), LATER, SOON)
    assert (drop.attempt, drop.crashes) == (3, 0)


def test_a_drop_that_somebody_else_has_taken_up_is_not_put_off(drops, dynamodb):
    stale = bring_to(drops, DropState.PREPARING)
    drops.take_up(stale, LATER, SOON)
    before = raw(dynamodb, stale)
    with pytest.raises(Conflict):
        drops.release(stale, "busy", SOON, LATER)
    assert raw(dynamodb, stale) == before


def test_two_who_take_up_the_same_drop_do_not_both_get_it(drops):
    seen = bring_to(drops, DropState.WAITING)
    drops.take_up(seen, LATER, SOON)
    with pytest.raises(Conflict):
        drops.take_up(seen, LATER, SOON)


def test_a_prepared_drop_knows_its_model_its_shards_and_its_rows(drops):
    drop = bring_to(drops, DropState.PREPARED)
    assert (drop.model, drop.shards, drop.prepared_at, drop.lease_until) == (MODEL, 2, NOW, None)
    assert (drop.rows_in, drop.rows_accepted, drop.rows_rejected) == (10, 9, 1)


def test_a_drop_that_waits_again_forgets_the_model_it_was_prepared_for(drops):
    drop = drops.wait(bring_to(drops, DropState.PREPARED), "version 7 is no longer approved", LATER)
    assert (drop.model, drop.job, drop.cohort) == (None, None, "")
    assert drop.reason == "version 7 is no longer approved"


UNCOUNTED = {"shards": 0, "rows_in": 0, "rows_accepted": 0, "rows_rejected": 0, "prepared_at": None}


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("wait", DropState.PREPARED),
        ("wait", DropState.SCORING),
        ("revive", DropState.FAILED),
        ("reject", DropState.SCORING),
    ],
)
def test_what_a_preparation_came_to_is_forgotten_with_it(drops, jobs, name, state):
    drop = MOVES[name][1](drops, bring_to(drops, state, jobs=jobs))
    assert {name: getattr(drop, name) for name in UNCOUNTED} == UNCOUNTED


def test_of_a_drop_rejected_with_its_rows_counted_no_row_is_scored(drops, jobs, table):
    drop = bring_to(drops, DropState.SCORING, jobs=jobs)
    drop = drops.reject(drop, "too many", Counts(10, 2, 8), "s3://r/r", LATER)
    assert (drop.rows_in, drop.rows_scored, drop.rows_rejected, drop.prepared_at) == (10, 0, 10, NOW)
    item = table.get(f"drop#{drop.drop_id}")
    assert (item["rows_in"], item["rows_scored"], item["rows_rejected"]) == (10, 0, 10)


def test_of_a_drop_that_an_earlier_version_rejected_no_row_is_scored(drops, table):
    drop = drops.reject(bring_to(drops, DropState.PREPARING), "too many", Counts(10, 2, 8), None, LATER)
    table.change(f"drop#{drop.drop_id}", {"rows_scored": 2, "rows_rejected": 8}, None)
    drop = drops.get(drop.drop_id)
    assert (drop.rows_in, drop.rows_scored, drop.rows_rejected) == (10, 0, 10)


def test_a_drop_that_its_job_left_unscored_is_prepared_still(drops, jobs):
    scoring = bring_to(drops, DropState.SCORING, jobs=jobs)
    again = drops.score_again(scoring, "j/b", "AlgorithmError", alone=True, now=LATER)
    assert (again.cohort, again.reason, again.job, again.lone_failures) == ("j/b", "AlgorithmError", None, 1)
    assert (again.model, again.shards, again.attempt, again.tries) == (MODEL, 2, 1, 1)


def test_the_first_date_of_a_result_stays_for_each_model_version(drops, jobs):
    drop = bring_to(drops, DropState.SCORING, jobs=jobs)
    assert drop.result_dates == {}
    for model, date in ((MODEL, "2026-03-04"), (MODEL, "2026-03-05"), (OTHER_MODEL, "2026-03-06")):
        drops.keep_result_date(drops.get(drop.drop_id), model, date)
    dates = {MODEL.package_arn: "2026-03-04", OTHER_MODEL.package_arn: "2026-03-06"}
    assert drops.get(drop.drop_id).result_dates == dates
    again = drops.wait(drops.get(drop.drop_id), "no model", LATER)
    assert again.result_dates == dates


def test_a_date_of_a_drop_that_has_moved_on_is_not_kept(drops, jobs):
    drop = bring_to(drops, DropState.SCORING, jobs=jobs)
    drops.fail(drop, "why", LATER)
    with pytest.raises(Conflict):
        drops.keep_result_date(drop, MODEL, "2026-03-04")


LONG = "\U0001f600" * MAX_MESSAGE


@pytest.mark.parametrize(
    ("state", "move"),
    [
        (DropState.PREPARING, lambda drops, drop: drops.release(drop, LONG, LATER, NOW)),
        (DropState.PREPARING, lambda drops, drop: drops.wait(drop, LONG, NOW)),
        (DropState.PREPARING, lambda drops, drop: drops.reject(drop, LONG, None, None, NOW)),
        (DropState.SCORING, lambda drops, drop: drops.note_unscored(drop, LONG)),
        (DropState.SCORING, lambda drops, drop: drops.score_again(drop, "j", LONG, alone=True, now=NOW)),
        (DropState.SCORING, lambda drops, drop: drops.score_later(drop, "j", LONG, LATER, NOW)),
        (DropState.SCORING, lambda drops, drop: drops.fail(drop, LONG, NOW)),
    ],
)
def test_a_reason_is_bounded_wherever_it_comes_from(drops, jobs, table, state, move):
    drop = bring_to(drops, state, jobs=jobs)
    move(drops, drop)
    item = table.get(f"drop#{drop.drop_id}")
    reasons = [item["reason"], *(step["reason"] for step in item["history"] if "reason" in step)]
    assert {reason[-1] for reason in reasons} == {"…"}
    assert max(len(reason.encode()) for reason in reasons) <= MAX_MESSAGE


def test_a_reason_that_an_earlier_version_wrote_is_read_bounded(drops, table):
    drop = bring_to(drops, DropState.REJECTED)
    table.change(f"drop#{drop.drop_id}", {"reason": LONG}, None)
    assert len(str(drops.get(drop.drop_id).reason).encode()) <= MAX_MESSAGE


def test_a_note_says_why_a_drop_could_not_be_collected_without_moving_it(drops, jobs):
    scoring = bring_to(drops, DropState.SCORING, jobs=jobs)
    drops.note_unscored(scoring, "2 rows missing")
    assert drops.get(scoring.drop_id) == replace(scoring, reason="2 rows missing")


def test_a_scored_drop_says_where_its_result_is_and_by_which_version(drops, jobs):
    drop = bring_to(drops, DropState.SCORING, jobs=jobs)
    drops.note_unscored(drop, "an earlier try")
    drop = drops.score(drop, MODEL, replace(DONE, counts=Counts(10, 8, 2)), LATER)
    assert (drop.result_uri, drop.rejects_uri, drop.code_version) == ("s3://r/p", "s3://r/r", "1.2")
    assert (drop.reason, drop.announced) == (None, False)
    assert (drop.rows_in, drop.rows_scored, drop.rows_rejected) == (10, 8, 2)


@pytest.mark.parametrize("number", [0.0, 5e-324, 0.1, 1 / 3, 1.7976931348623157e308])
def test_a_scored_drop_s_errors_are_kept_to_the_last_bit(drops, jobs, number):
    """DynamoDB's numbers have 38 digits, the smallest 1E-130 and the largest just under 1E126."""
    drop = bring_to(drops, DropState.SCORING, jobs=jobs)
    errors = ErrorStatistics(9, number, number, number, number)
    assert drops.score(drop, MODEL, replace(DONE, errors=errors), LATER).errors == errors
    assert drops.get(drop.drop_id).errors == errors


def test_a_drop_without_actuals_has_no_errors(drops, jobs):
    assert bring_to(drops, DropState.SCORED, jobs=jobs).errors is None


def test_a_failed_drop_that_the_operator_revives_starts_anew(drops, jobs):
    failed = bring_to(drops, DropState.FAILED, jobs=jobs)
    drops.note_announced(failed)
    revived = drops.revive(drops.get(failed.drop_id), LATER)
    assert (revived.reason, revived.job, revived.lone_failures, revived.announced) == (None, None, 0, False)
    assert drops.take_up(revived, LATER, SOON).attempt == failed.attempt + 1


def test_the_history_has_every_state_with_its_moment_and_reason(drops, jobs):
    drop = bring_to(drops, DropState.FAILED, jobs=jobs)
    assert [step.state for step in drop.history] == ["PREPARING", "PREPARED", "SCORING", "FAILED"]
    assert (drop.history[0], drop.history[-1]) == (
        Step(DropState.PREPARING, NOW),
        Step(DropState.FAILED, NOW, "failed twice"),
    )


@pytest.mark.parametrize("state", DropState)
def test_only_what_is_open_stands_in_the_index(drops, jobs, dynamodb, state):
    drop = bring_to(drops, state, jobs=jobs)
    item = raw(dynamodb, drop)
    assert ("work" in item) == ("due" in item) == (state is not DropState.SCORING)
    if state.final:
        drops.note_announced(drop)
        assert not {"work", "due"} & set(raw(dynamodb, drop))


@pytest.mark.parametrize("state", [DropState.WAITING, DropState.PREPARING])
def test_a_drop_is_found_once_it_is_due_and_not_before(drops, state):
    drop = bring_to(drops, state)
    due = NOW + timedelta(minutes=5) if state is DropState.PREPARING else NOW
    assert drops.due(state, due - timedelta(milliseconds=1), 10) == []
    assert drops.due(state, due, 10) == [drop]


def test_a_waiting_drop_can_be_looked_at_later(drops):
    drop = bring_to(drops, DropState.WAITING)
    drops.postpone(drop, LATER)
    assert drops.due(DropState.WAITING, NOW, 10) == []
    assert [d.drop_id for d in drops.due(DropState.WAITING, LATER, 10)] == [drop.drop_id]
    drops.take_up(drop, LATER, SOON)
    with pytest.raises(Conflict):
        drops.postpone(drop, LATER)


def test_a_final_state_that_was_not_announced_comes_up_after_a_while(drops):
    drop = bring_to(drops, DropState.REJECTED)
    assert drops.unannounced(NOW, 10) == []
    assert drops.unannounced(NOW + timedelta(seconds=60), 10) == [drop]
    drops.note_announced(drop)
    assert drops.unannounced(LATER, 10) == []
    assert drops.get(drop.drop_id).announced


def test_prepared_drops_are_found_at_once(drops):
    drop = bring_to(drops, DropState.PREPARED)
    bring_to(drops, DropState.WAITING, version="other")
    assert drops.due(DropState.PREPARED, NOW, 10) == [drop]


def test_those_of_many_drops_that_are_there_are_read_together(drops):
    there = [bring_to(drops, DropState.PREPARING, version=f"v{n}") for n in range(3)]
    found = drops.get_all([*(drop.drop_id for drop in there), "there is none"])
    assert sorted(found, key=str) == sorted(there, key=str)
    assert drops.get_all([]) == []


def test_a_drop_that_nobody_knows_is_none(drops):
    assert drops.get("0" * 20) is None
