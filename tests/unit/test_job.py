"""Jobs: when they are formed, how they are called, and what follows when one leaves drops unscored."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.domain.drop import DropState
from dropscore.domain.job import (
    GiveUp,
    Job,
    JobState,
    Member,
    Outcome,
    Plan,
    Retry,
    RetryLater,
    after_unscored,
    form_plans,
)
from tests.unit.builders import MODEL, NOW, OTHER_MODEL, ended_job, prepared_drop

WINDOW = timedelta(seconds=60)


def plans(drops, max_drops=3, window=WINDOW, max_bytes=1_000):
    formed = form_plans(drops, NOW, max_drops, window, max_bytes)
    return [[int(m.drop_id, 16) for m in plan.members] for plan in formed]


def test_a_job_waits_until_it_is_full_or_its_oldest_drop_has_waited_long_enough():
    assert plans([prepared_drop(n) for n in range(2)]) == []
    assert plans([prepared_drop(n) for n in range(3)]) == [[0, 1, 2]]
    assert plans([prepared_drop(0, waited=WINDOW), prepared_drop(1)]) == [[0, 1]]
    assert plans([prepared_drop(0, waited=WINDOW - timedelta(milliseconds=1)), prepared_drop(1)]) == []


def test_without_a_window_a_job_is_formed_at_once():
    assert plans([prepared_drop(0)], window=timedelta(0)) == [[0]]


def test_full_jobs_go_and_the_rest_waits_for_its_own_window():
    drops = [prepared_drop(n, waited=timedelta(seconds=10 - n)) for n in range(7)]
    assert plans(drops) == [[0, 1, 2], [3, 4, 5]]


def test_the_longest_waiting_are_scored_first():
    drops = [prepared_drop(n, waited=timedelta(seconds=n * 100)) for n in range(4)]
    assert plans(drops, max_drops=2) == [[2, 3], [0, 1]]


def test_a_job_takes_so_many_bytes_of_features_at_most_and_is_full_with_them():
    drops = [prepared_drop(n, feature_bytes=size) for n, size in enumerate((400, 400, 400, 300))]
    assert plans(drops, max_drops=10) == [[0, 1]]
    assert plans([*drops, prepared_drop(4, feature_bytes=300)], max_drops=10) == [[0, 1], [2, 3, 4]]


def test_a_drop_larger_than_a_job_may_be_is_alone_in_one():
    drops = [prepared_drop(0), prepared_drop(1, feature_bytes=5_000), prepared_drop(2, waited=-WINDOW)]
    assert plans(drops, max_drops=10, window=timedelta(0)) == [[0], [1]]


def test_a_plan_knows_how_much_there_is_to_score():
    drops = [prepared_drop(n, shards=n + 1, feature_bytes=10 * n) for n in range(3)]
    (plan,) = form_plans(drops, NOW, 3, WINDOW, 1_000)
    assert (plan.shards, plan.feature_bytes) == (6, 30)


def test_drops_of_different_model_versions_are_in_different_jobs():
    drops = [prepared_drop(n, waited=WINDOW, model=(MODEL, OTHER_MODEL)[n % 2]) for n in range(4)]
    formed = form_plans(drops, NOW, 10, WINDOW, 1)
    assert {plan.model: [m.drop_id[-1] for m in plan.members] for plan in formed} == {
        MODEL: ["0", "2"],
        OTHER_MODEL: ["1", "3"],
    }


def test_a_cohort_goes_at_once_and_on_its_own():
    drops = [
        prepared_drop(0),
        prepared_drop(1, cohort="j/a"),
        prepared_drop(2, cohort="j/b"),
        prepared_drop(3),
    ]
    assert plans(drops) == [[1], [2]]


@given(
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from(["", "j", "j/a"]), st.booleans()), max_size=30),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_every_drop_is_in_one_plan_at_most_and_the_order_they_are_found_in_changes_nothing(
    found, most, shuffle
):
    drops = [
        prepared_drop(
            n, waited=timedelta(seconds=seconds), cohort=cohort, model=OTHER_MODEL if other else MODEL
        )
        for n, (seconds, cohort, other) in enumerate(found)
    ]
    formed = form_plans(drops, NOW, most, WINDOW, 1)
    members = [member for plan in formed for member in plan.members]
    assert len(set(members)) == len(members)
    assert all(0 < len(plan.members) <= most for plan in formed)
    assert all(list(plan.members) == sorted(plan.members) for plan in formed)
    # nobody who has waited long enough, or is of a cohort, is left behind
    planned = {member.drop_id for member in members}
    due = {d.drop_id for d in drops if d.cohort or NOW - d.prepared_at >= WINDOW}
    assert due <= planned
    shuffled = shuffle.sample(drops, len(drops))
    again = form_plans(shuffled, NOW, most, WINDOW, 1)
    assert {plan.job_name("p") for plan in again} == {plan.job_name("p") for plan in formed}


def test_a_drop_without_a_model_version_is_a_defect():
    with pytest.raises(AssertionError, match="without a model version"):
        form_plans([prepared_drop(0, model=None)], NOW, 1, WINDOW, 1)


MEMBERS = (Member("ab", 1, 0), Member("cd", 2, 1))


def test_a_job_s_name_is_the_same_for_the_same_members_and_fits_sagemaker():
    name = Plan(MODEL, MEMBERS).job_name("dropscore")
    assert name == Plan(MODEL, MEMBERS).job_name("dropscore")
    assert re.fullmatch(r"dropscore-[0-9a-f]{20}", name)
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", Plan(MODEL, MEMBERS).job_name("a" * 24))


@pytest.mark.parametrize(
    "other",
    [
        Plan(OTHER_MODEL, MEMBERS),
        Plan(MODEL, MEMBERS[:1]),
        Plan(MODEL, (MEMBERS[0], replace(MEMBERS[1], attempt=3))),
        Plan(MODEL, (MEMBERS[0], replace(MEMBERS[1], tries=2))),
    ],
)
def test_another_version_member_preparation_or_try_is_another_job(other):
    assert other.job_name("p") != Plan(MODEL, MEMBERS).job_name("p")


def test_a_member_is_written_and_read():
    assert Member.parse(str(Member("ab", 12, 3))) == Member("ab", 12, 3)


def test_parts_hold_25_drops_and_together_all_of_them():
    members = tuple(Member(f"{n:03d}", 1, 0) for n in range(60))
    job = Job("j", JobState.STARTED, MODEL, members, NOW)
    assert [len(part) for part in job.parts] == [25, 25, 10]
    assert sum(job.parts, ()) == members


def test_a_job_is_final_once_it_is_done_or_failed():
    job = Job("j", JobState.PLANNED, MODEL, MEMBERS, NOW)
    assert [state for state in JobState if replace(job, state=state).final] == [
        JobState.DONE,
        JobState.FAILED,
    ]


# --- what follows when a job leaves drops unscored ------------------------------------------------------


def cohorts(job, unscored):
    """By drop number: the cohort it is retried with, or None when it is given up."""
    verdicts = after_unscored(job, unscored)
    assert set(verdicts) == {drop.drop_id for drop in unscored}
    return {int(i, 16): v.cohort if isinstance(v, Retry) else None for i, v in verdicts.items()}


def test_where_some_outputs_exist_the_rest_is_retried_in_halves():
    drops = [prepared_drop(n) for n in range(5)]
    job = ended_job(drops, outputs=2)
    assert cohorts(job, drops[1:]) == {
        1: "dropscore-first/a",
        2: "dropscore-first/a",
        3: "dropscore-first/b",
        4: "dropscore-first/b",
    }


def test_where_no_output_exists_all_are_retried_together():
    drops = [prepared_drop(n) for n in range(3)]
    assert cohorts(ended_job(drops, outputs=0), drops) == dict.fromkeys(range(3), "dropscore-first")


def test_together_once_only_then_in_halves():
    """Two drops that fail whatever they are put out with must not go round together for ever."""
    drops = [prepared_drop(n, cohort="dropscore-first", tries=2) for n in range(2)]
    job = ended_job(drops, outputs=0, name="dropscore-second")
    assert cohorts(job, drops) == {0: "dropscore-second/a", 1: "dropscore-second/b"}


def test_a_half_without_output_is_retried_together_once_too():
    drops = [prepared_drop(n, cohort="dropscore-first/a") for n in range(2)]
    job = ended_job(drops, outputs=0, name="dropscore-second")
    assert cohorts(job, drops) == dict.fromkeys(range(2), "dropscore-second")


@pytest.mark.parametrize("outputs", [0, 1])
def test_a_drop_that_fails_alone_has_one_more_try(outputs):
    drop = prepared_drop(0, cohort="x/a")
    job = ended_job([drop], outputs=outputs, failure_reason="AlgorithmError: bad")
    assert cohorts(job, [drop]) == {0: "dropscore-first"}
    verdicts = after_unscored(job, [replace(drop, lone_failures=1)])
    assert verdicts == {
        drop.drop_id: GiveUp("scoring failed twice, alone in job dropscore-first: AlgorithmError: bad")
    }


def test_lone_failures_do_not_count_in_company():
    drops = [prepared_drop(n, lone_failures=5) for n in range(2)]
    assert cohorts(ended_job(drops, outputs=1), drops) == {0: "dropscore-first/a", 1: "dropscore-first/b"}


@pytest.mark.parametrize(
    ("failure_reason", "noted", "expected"),
    [
        ("AlgorithmError", "1 rows missing", "AlgorithmError"),
        (None, "1 rows missing", "1 rows missing"),
        (None, None, "job dropscore-first ended Failed"),
    ],
)
def test_a_drop_is_given_up_in_sagemaker_s_words_where_there_are_any(failure_reason, noted, expected):
    drop = prepared_drop(0, lone_failures=1, reason=noted)
    job = ended_job([drop], outputs=0, failure_reason=failure_reason, outcome=Outcome.FAILED)
    assert after_unscored(job, [drop])[drop.drop_id].reason.endswith(f": {expected}")


@pytest.mark.parametrize("failure_reason", [None, "by hand"])
def test_a_stopped_job_says_that_it_was_stopped_whatever_its_outputs_lack(failure_reason):
    drop = prepared_drop(0, lone_failures=1, reason="0 outputs called a.csv.out, expected one")
    job = ended_job([drop], outputs=0, failure_reason=failure_reason, outcome=Outcome.STOPPED)
    said = "job dropscore-first was stopped" + (f": {failure_reason}" if failure_reason else "")
    assert after_unscored(job, [drop])[drop.drop_id].reason.endswith(f": {said}")


@pytest.mark.parametrize(
    "reason", ["CapacityError: Unable to provision", "InternalServerError: We encountered"]
)
@pytest.mark.parametrize("outputs", [0, 1])
def test_aws_s_own_failures_are_retried_together_later_and_later(reason, outputs):
    minutes = []
    for failures in range(6):
        drops = [prepared_drop(n, aws_failures=failures, lone_failures=1) for n in range(3)]
        job = ended_job(drops, outputs=outputs, failure_reason=reason, outcome=Outcome.FAILED, ended_at=NOW)
        verdicts = after_unscored(job, drops)
        assert {type(verdict) for verdict in verdicts.values()} == {RetryLater}
        assert len({(verdict.cohort, verdict.due) for verdict in verdicts.values()}) == 1
        minutes.append((verdicts[drops[0].drop_id].due - NOW).total_seconds() / 60)
    assert minutes == [10, 20, 40, 60, 60, 60]


def test_words_of_aws_s_failures_elsewhere_in_a_reason_are_the_model_s():
    drop = prepared_drop(0)
    reason = "AlgorithmError: CapacityError: the model says"
    job = ended_job([drop], outputs=0, failure_reason=reason, outcome=Outcome.FAILED)
    assert isinstance(after_unscored(job, [drop])[drop.drop_id], Retry)


@pytest.mark.parametrize(
    ("before", "whole_before"), [("", False), ("dropscore-x", True), ("dropscore-x/a", False)]
)
def test_a_retry_after_aws_s_failure_keeps_whether_they_were_retried_whole(before, whole_before):
    """Or a group that fails by itself, and by AWS in between, would never be halved."""
    drops = [prepared_drop(n, cohort=before) for n in range(2)]
    job = ended_job(
        drops, outputs=0, failure_reason="CapacityError: x", outcome=Outcome.FAILED, name="dropscore-2"
    )
    again = [replace(drop, cohort=after_unscored(job, drops)[drop.drop_id].cohort) for drop in drops]
    failed = ended_job(again, outputs=0, name="dropscore-3")
    assert (len(set(cohorts(failed, again).values())) == 2) is whole_before


def test_a_repetition_decides_the_same_for_those_that_are_left():
    drops = [prepared_drop(n) for n in range(9)]
    job = ended_job(drops, outputs=3)
    whole = cohorts(job, drops)
    assert cohorts(job, drops[4:]) == {n: whole[n] for n in range(4, 9)}


@given(
    number=st.integers(1, 40),
    poison=st.sets(st.integers(0, 39), min_size=1, max_size=6),
    atomic=st.booleans(),
)
def test_every_drop_is_scored_unless_it_fails_alone_and_no_job_is_repeated_without_end(
    number, poison, atomic
):
    """GIVEN drops of which some cannot be scored; `atomic`: one of them takes its whole job with it."""
    waiting = [prepared_drop(n) for n in range(number)]
    scored, given_up, jobs = set(), set(), 0
    while waiting:
        for plan in form_plans(waiting, NOW, 100, timedelta(0), 1):
            jobs += 1
            members = {member.drop_id for member in plan.members}
            of_job = [drop for drop in waiting if drop.drop_id in members]
            bad = [drop for drop in of_job if int(drop.drop_id, 16) in poison]
            unscored = of_job if bad and atomic else bad
            scored |= {d.drop_id for d in of_job if d not in unscored}
            job = ended_job(of_job, outputs=len(of_job) - len(unscored), name=plan.job_name("p"))
            verdicts = after_unscored(job, unscored)
            waiting = [drop for drop in waiting if drop.drop_id not in members]
            for drop in unscored:
                match verdicts[drop.drop_id]:
                    case Retry(cohort):
                        alone = len(of_job) == 1
                        waiting.append(
                            replace(
                                drop,
                                cohort=cohort,
                                tries=drop.tries + 1,
                                lone_failures=drop.lone_failures + alone,
                                state=DropState.PREPARED,
                            )
                        )
                    case GiveUp():
                        given_up.add(drop.drop_id)
        assert jobs < 200, "jobs without end"
    assert {int(i, 16) for i in given_up} == {n for n in poison if n < number}
    assert len(scored) + len(given_up) == number


def test_shuffled_members_are_halved_by_their_place_in_the_job():
    drops = [prepared_drop(n) for n in range(4)]
    shuffled = random.Random(3).sample(drops, 4)  # noqa: S311 - a fixed shuffle
    assert cohorts(ended_job(shuffled, outputs=1), shuffled) == cohorts(ended_job(drops, outputs=1), drops)


def test_a_result_has_the_date_of_the_first_job_of_its_version_that_may_have_put_it():
    drop = prepared_drop()
    job = replace(ended_job([drop], outputs=1), scored_date="2026-03-05")
    assert job.result_date(drop) == "2026-03-05"
    assert job.result_date(replace(drop, result_dates={MODEL.package_arn: "2026-03-04"})) == "2026-03-04"
    assert (
        job.result_date(replace(drop, result_dates={OTHER_MODEL.package_arn: "2026-03-04"})) == "2026-03-05"
    )
