"""The promises hold wherever a function is killed or hears no answer, in every scenario."""

from __future__ import annotations

import pytest

from tests.simulation.exhaustive import Lived, chosen, pairs, single_faults
from tests.simulation.faults import Fault
from tests.simulation.scenarios import SCENARIOS, SMALLEST

pytestmark = pytest.mark.no_cover  # measuring would take as long again; tests/usecases covers the same lines

EVERY = 6
"""Of the crash points every so many is tried each day, and so all of them in so many days."""


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_fault_at_every_sixth_side_effect_breaks_no_promise(scenario: str, simulation_seed: int) -> None:
    lives = list(single_faults(scenario, every=EVERY, seed=simulation_seed))

    assert len(lives) > 10, "nothing was tried"
    assert [told(life) for life in lives if life.broken] == []


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_fault_at_any_side_effect_breaks_no_promise(scenario: str) -> None:
    lives = list(single_faults(scenario))

    assert len(lives) > 100, "nothing was tried"
    assert [told(life) for life in lives if life.broken] == []


@pytest.mark.slow
def test_kills_at_any_two_side_effects_break_no_promise() -> None:
    lives = list(pairs(SMALLEST))

    assert len(lives) > 1_000, "nothing was tried"
    assert [told(life) for life in lives if life.broken] == []


def test_successive_seeds_have_every_crash_point_once() -> None:
    kinds = tuple(Fault)
    days = [point for seed in range(EVERY) for point in chosen(20, kinds, EVERY, 739_000 + seed)]

    assert sorted(days) == [(number, fault) for number in range(1, 21) for fault in sorted(kinds)]


def told(life: Lived) -> str:
    return f"{life.broken}; again: {life.again}"
