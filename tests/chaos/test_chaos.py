"""Functions are killed, SageMaker throttles, events come twice or never: every drop ends right even so.

`make test-chaos` does it with 500 files. `SEED=<number>` makes the same files and the same plan of trouble;
what runs when the trouble comes is up to real processes, and never quite the same.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import chain

import numpy as np
import pytest

from tests.chaos.aftermath import Aftermath
from tests.chaos.conftest import FILES, MOST_DROPS, QUOTA, TROUBLE, WINDOW_SECONDS
from tests.flow.flow import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(360 + FILES)]


def test_the_storm_struck(aftermath: Aftermath) -> None:
    """Without that, nothing here would prove anything."""
    assert aftermath.struck["died at work"] > 0
    assert [trouble for trouble in TROUBLE if not aftermath.struck[trouble]] == []
    assert aftermath.struck["told twice"] == round(0.1 * FILES)


def test_every_file_is_one_drop_in_its_right_state(aftermath: Aftermath) -> None:
    assert set(aftermath.drops) == set(aftermath.dropped)
    for drop_id, file in aftermath.dropped.items():
        drop, fate = aftermath.drops[drop_id], file.fate
        assert (drop.source.key, drop.state) == (file.key, fate.state), drop
        assert fate.reason in str(drop.reason), drop
        assert bool(drop.reason) == bool(fate.reason), drop


def test_rows_in_are_rows_scored_and_rejected(aftermath: Aftermath) -> None:
    for drop_id, file in aftermath.dropped.items():
        drop, fate = aftermath.drops[drop_id], file.fate
        scored, rejected = len(fate.scored), len(fate.rejected)
        counted = (drop.rows_in, drop.rows_scored, drop.rows_rejected)
        assert counted == (scored + rejected, scored, rejected), drop
        told = [reject["row"] for reject in aftermath.flow.rejects(drop)] if drop.rejects_uri else []
        assert told == list(fate.rejected), drop


def test_a_scored_drop_has_one_result_and_others_have_none(aftermath: Aftermath) -> None:
    for drop in aftermath.drops.values():
        expected = [drop.result_uri] if drop.state == "SCORED" else []
        assert aftermath.results.get(drop.drop_id, []) == expected, drop
    assert set(aftermath.results) <= set(aftermath.drops)


def test_results_hold_the_model_s_own_prediction_of_each_row(aftermath: Aftermath) -> None:
    for drop_id in aftermath.results:
        result = aftermath.flow.result(aftermath.drops[drop_id])
        fate = aftermath.dropped[drop_id].fate
        assert result["row"].to_pylist() == fate.scored, drop_id
        if fate.moments:
            expected = aftermath.predictions([moment for _, moment in fate.moments])
            np.testing.assert_allclose(result["prediction"], expected, rtol=1e-9, err_msg=drop_id)


def test_a_drop_is_in_a_second_job_only_if_the_first_left_it_unscored(aftermath: Aftermath) -> None:
    for drop in aftermath.drops.values():
        *earlier, last = aftermath.transforms_of.get(drop.drop_id, [None])
        assert drop.job == last, drop
        assert drop.tries == len(earlier) + bool(last), drop
        assert {aftermath.transforms[name]["TransformJobStatus"] for name in earlier} <= {"Failed"}, drop


def test_jobs_are_as_few_as_their_window_makes_them(aftermath: Aftermath) -> None:
    """A full job takes `JobMaxDrops` drops; any other takes all that wait, the oldest for a window.

    So drops that were prepared within a window are in full jobs and one more. Half a window is left for those
    whose item was just being written when others were taken.
    """
    full = len(aftermath.drops) // MOST_DROPS
    windows, ends = 0, None
    for moment in sorted(drop.prepared_at for drop in aftermath.drops.values() if drop.prepared_at):
        if ends is None or moment >= ends:
            windows, ends = windows + 1, moment + timedelta(seconds=WINDOW_SECONDS / 2)
    assert len(aftermath.jobs) <= full + windows
    assert set(aftermath.transforms) == set(aftermath.jobs)


def test_no_more_jobs_ran_at_once_than_the_quota_allows(aftermath: Aftermath) -> None:
    assert aftermath.most_transforms_at_once() <= QUOTA


def test_every_job_is_closed_with_the_members_that_it_scored(aftermath: Aftermath) -> None:
    assert {job.state for job in aftermath.jobs.values()} <= {"DONE", "FAILED"}
    members = chain.from_iterable(job.members for job in aftermath.jobs.values() if job.state == "DONE")
    scored = [drop_id for drop_id, drop in aftermath.drops.items() if drop.job]
    assert sorted(member.drop_id for member in members) == sorted(scored)


def test_no_message_is_given_up(aftermath: Aftermath) -> None:
    assert {name: aftermath.messages(name) for name in ("InboxDlq", "CollectDlq", "UndeliveredDlq")} == {
        "InboxDlq": 0,
        "CollectDlq": 0,
        "UndeliveredDlq": 0,
    }


def test_another_sweep_finds_nothing_to_do(aftermath: Aftermath) -> None:
    assert set(aftermath.flow.sweep().values()) == {0}


def test_nothing_outlives_the_function_that_started_it(aftermath: Aftermath) -> None:
    wait_for(lambda: not aftermath.family.orphans(), lambda: str(aftermath.family.orphans()), limit=10)
