"""Nothing is granted in vain: whatever is taken away, something fails, and says what is missing."""

from __future__ import annotations

import re

import pytest

from tests.doors import of_collect, of_jobs, of_predict, of_prepare, of_results_api, of_sweep
from tests.doors.grants import grants
from tests.doors.house import House
from tests.doors.not_enforced import NOT_ENFORCED

EXERCISES = {
    **of_prepare.EXERCISES,
    **of_sweep.EXERCISES,
    **of_collect.EXERCISES,
    **of_jobs.EXERCISES,
    **of_results_api.EXERCISES,
    **of_predict.EXERCISES,
}


def test_every_grant_is_exercised_or_said_not_to_be_enforced() -> None:
    assert EXERCISES.keys() & NOT_ENFORCED.keys() == set()
    assert sorted([*EXERCISES, *NOT_ENFORCED]) == sorted(grants())


@pytest.mark.parametrize("name", EXERCISES)
def test_without_it_something_fails_and_says_so(house: House, name: str) -> None:
    grant, exercise = grants()[name], EXERCISES[name]
    evidence = exercise.evidence or f"is not authorized to perform: {re.escape(grant.action)} "
    act = exercise.begin(house)

    with house.without(grant):
        denied = act()

    assert re.search(evidence, denied), denied
    if exercise.again:
        assert not re.search(evidence, act())
