"""The promises hold wherever a function is killed or hears no answer, in every scenario."""

from __future__ import annotations

import pytest

from tests.simulation.exhaustive import Lived, pairs, single_faults
from tests.simulation.scenarios import SCENARIOS, SMALLEST

pytestmark = pytest.mark.no_cover  # measuring would take as long again; tests/usecases covers the same lines

EVERY = 29
"""Of the pairs of kills every so many is tried here, and all of them by `make test-sim`."""


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_fault_at_any_side_effect_breaks_no_promise(scenario: str) -> None:
    lives = list(single_faults(scenario))

    assert len(lives) > 50, "nothing was tried"
    assert [told(life) for life in lives if life.broken] == []


def test_kills_at_two_side_effects_break_no_promise() -> None:
    lives = list(pairs(SMALLEST, EVERY))

    assert len(lives) > 50, "nothing was tried"
    assert [told(life) for life in lives if life.broken] == []


def told(life: Lived) -> str:
    return f"{life.broken}; again: {life.again}"
