"""The simulated stack: nothing is lost, it takes as long as by hand, and more of anything is no slower."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.plan.arrivals import arrivals
from benchmarks.plan.flow import WARM_UP, Flow, Flowed, Totals
from benchmarks.plan.workload import DAY, Profile, Speeds, Stack, Work, Workload
from dropscore.domain.fleet import Fleet

NOTHING = Totals(*[0] * 12)
PLENTY = 10**9
HUNDREDS = Stack(job_max_drops=100, job_window_seconds=60, max_jobs_per_day=200, max_concurrent_transforms=1)
MEASURED = Speeds()
BY_HAND = Speeds(
    s3_seconds=0,
    dynamodb_seconds=0,
    invocation_seconds=1,
    prepare_seconds=0,
    collect_seconds=0,
    prepare_drop_seconds=0.1,
    collect_drop_seconds=0.2,
    dispatch_seconds=3,
    start_seconds=240,
    object_seconds=0.5,
    rows_per_second=1_000,
    event_seconds=2,
)


def work(files=1_000, rows=100, stack=HUNDREDS, speeds=MEASURED, **workload):
    return Work(Workload(files, rows, **workload), stack, speeds)


def at(second, files):
    """So many files on the measured day, at that second of it, and none on others."""
    return lambda day: iter([(day * DAY + second, files)] if day == WARM_UP else [])


def latencies(planned, arrive):
    return Flow(planned, arrive).run().latencies


def test_ten_files_take_as_long_as_by_hand():
    # GIVEN ten files that arrive at once, 40 s after midnight
    # WHEN they go their way: 5 s until the batch is gathered, 1 s and 10 of 0.1 s to prepare them; a minute,
    # a second and the message's own 5 s until a job is formed; 3 s to start it, 240 s until it scores, 10 of
    # 0.5 + 0.1 s; 2 s until its end is told, 1 s to list its outputs, 1 s and 10 of 0.2 s to collect them
    expected = 5 + 2 + 66 + 3 + 240 + 6 + 2 + 1 + 3
    # THEN
    assert latencies(work(speeds=BY_HAND), at(40, 10)) == [(expected, 10)]


def test_the_sweep_comes_before_the_message_when_it_is_due():
    # GIVEN the same, 48 s after midnight: PREPARED at 55 s, so that the sweep at 120 s finds them due
    # THEN they wait 65 s, and not 66
    assert latencies(work(speeds=BY_HAND), at(48, 10)) == [(5 + 2 + 65 + 3 + 240 + 6 + 2 + 1 + 3, 10)]


def test_without_start_up_and_limits_it_takes_the_windows_and_the_work():
    unlimited = {"max_running_jobs": PLENTY, "prepare_concurrency": PLENTY, "collect_concurrency": PLENTY}
    stack = replace(HUNDREDS, job_window_seconds=0, **unlimited)
    speeds = replace(BY_HAND, start_seconds=0, dispatch_seconds=0, event_seconds=0, invocation_seconds=0)
    preparing, scoring, collecting = 10 * 0.1, 10 * 0.6, 10 * 0.2
    expected = stack.batch_window_seconds + preparing + scoring + collecting
    assert latencies(work(stack=stack, speeds=speeds), at(40, 10)) == [(expected, 10)]


def test_a_full_job_does_not_wait_for_its_window():
    stack = replace(HUNDREDS, job_max_drops=10)
    assert latencies(work(stack=stack, speeds=BY_HAND), at(40, 10)) == [(5 + 2 + 3 + 240 + 6 + 6, 10)]


def test_jobs_beyond_those_that_may_run_wait_for_one_to_end():
    # GIVEN two jobs' worth of files, of which one may run at a time
    stack = replace(HUNDREDS, job_max_drops=10, max_running_jobs=1)
    first = 5 + 3 + 3 + 240 + 6 + 6
    # WHEN the first ends, a message comes, a second later and once it is gathered
    second = first + 6 + 3 + 240 + 6 + 6
    # THEN
    assert latencies(work(stack=stack, speeds=BY_HAND), at(40, 20)) == [(first, 10), (second, 10)]


def test_jobs_beyond_the_days_number_wait_for_another_day():
    stack = replace(HUNDREDS, job_max_drops=10, max_jobs_per_day=1)
    flowed = Flow(work(stack=stack, speeds=BY_HAND), at(40, 20)).run()
    assert flowed.capped
    assert flowed.left_over == 10
    assert flowed.latencies == [(5 + 3 + 3 + 240 + 6 + 6, 10)]


def test_files_that_do_not_fit_an_invocations_time_are_prepared_by_the_next():
    # GIVEN files that take 100 s each: three begin in the first 210 of 300 s
    speeds = replace(BY_HAND, prepare_drop_seconds=100)
    # WHEN five arrive at once, the window of those handed back is over, too
    found = latencies(work(stack=replace(HUNDREDS, job_max_drops=1), speeds=speeds), at(40, 5))
    # THEN the first three come out of one invocation, the others of another
    assert sum(files for seconds, files in found if seconds < 5 + 301 + 300) == 3


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("files", [7, 40_000])
def test_every_file_is_scored_or_counted_where_it_waits(profile, files):
    flowed = Flow(work(files, profile=profile)).run()
    assert flowed.end.scored + flowed.end.left == flowed.end.arrived
    assert sum(of_some for _, of_some in flowed.latencies) + flowed.unscored == files


def test_what_cannot_be_done_in_a_day_is_left_over_each_day():
    flowed = Flow(work(30_000, stack=HUNDREDS)).run()
    assert flowed.left_over == pytest.approx(10_000, rel=0.05)


def test_a_backlog_that_does_not_grow_is_not_called_one():
    assert Flow(work(10_000, stack=replace(HUNDREDS, max_jobs_per_day=5_000))).run().left_over == 0


@pytest.fixture(scope="module")
def busy():
    """A stack that is kept busy, and what became of its files."""
    stack = replace(HUNDREDS, max_jobs_per_day=PLENTY, job_max_drops=1_000)
    planned = work(60_000, 50_000, stack=stack, speeds=replace(Speeds(), rows_per_second=100_000))
    flowed = Flow(planned).run()
    assert not flowed.left_over
    return planned, flowed


@pytest.mark.parametrize(
    "more",
    [
        {"fleet": Fleet(4, 4)},
        {"max_running_jobs": 8},
        {"max_concurrent_transforms": 2},
        {"prepare_concurrency": 10},
        {"collect_concurrency": 8},
    ],
    ids=str,
)
def test_more_of_anything_is_no_slower(busy, more):
    planned, before = busy
    after = Flow(replace(planned, stack=replace(planned.stack, **more))).run()
    for share in (0.5, 0.9, 0.99):  # some file finds a dispatch a second later than before
        assert after.percentile(share) <= before.percentile(share) * 1.01


def test_more_instances_are_faster(busy):
    planned, before = busy
    after = Flow(replace(planned, stack=replace(planned.stack, fleet=Fleet(4, 4)))).run()
    assert after.percentile(0.5) < before.percentile(0.5) - 30


def test_percentiles_are_those_of_the_nearest_rank():
    flowed = Flowed([(1.0, 50), (2.0, 49), (9.0, 1)], 0, NOTHING, NOTHING, 0, 0, capped=False)
    assert [flowed.percentile(share) for share in (0.5, 0.51, 0.99, 0.991, 1)] == [1, 2, 2, 9, 9]


def test_a_plan_is_the_same_each_time_and_another_for_another_seed():
    def told(seed):
        return Flow(work(5_000, seed=seed)).run().latencies

    assert told(1) == told(1)
    assert told(1) != told(2)


@pytest.mark.parametrize(
    ("profile", "first", "last"),
    [(Profile.EVEN, 0, 24), (Profile.BUSINESS_HOURS, 8, 18), (Profile.NIGHTLY, 2, 3)],
)
def test_files_arrive_in_the_hours_of_their_profile(profile, first, last):
    found = [*arrivals(Workload(10_000, 1, profile), day=3)]
    assert sum(files for _, files in found) == 10_000
    moments = [(moment - 3 * DAY) / 3_600 for moment, _ in found]
    assert first <= min(moments)
    assert max(moments) < last
    assert max(moments) - min(moments) > 0.9 * (last - first)
    assert moments == sorted(moments)


def test_a_hundred_million_files_a_day_are_no_more_cohorts_than_a_million():
    def cohorts(files):
        return len([*arrivals(Workload(files, 1), day=0)])

    assert cohorts(100_000_000) == cohorts(1_000_000)
