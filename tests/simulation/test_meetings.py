"""The promises hold whenever one of two living invocations goes on, and a schedule is the same each time."""

from __future__ import annotations

import pytest

from tests.simulation.meetings import MEETINGS, Met, every_switch, met, random_switches
from tests.simulation.turns import AtRandom, Once

pytestmark = pytest.mark.no_cover  # measuring would take as long again; tests/usecases covers the same lines

EVERY = 6
DAILY = 4


@pytest.mark.parametrize("meeting", MEETINGS)
def test_every_sixth_switch_between_two_invocations_breaks_no_promise(
    meeting: str, simulation_seed: int
) -> None:
    assert broken([*every_switch(meeting, EVERY, simulation_seed)]) == []


@pytest.mark.parametrize("meeting", MEETINGS)
def test_two_invocations_that_take_turns_break_no_promise_today(meeting: str, simulation_seed: int) -> None:
    seeds = range(simulation_seed * DAILY, (simulation_seed + 1) * DAILY)

    assert broken([*random_switches(meeting, seeds)]) == []


@pytest.mark.slow
@pytest.mark.parametrize("meeting", MEETINGS)
def test_any_switch_between_two_invocations_breaks_no_promise(meeting: str) -> None:
    assert broken([*every_switch(meeting)]) == []


@pytest.mark.slow
@pytest.mark.parametrize("meeting", MEETINGS)
def test_two_invocations_that_take_turns_break_no_promise(meeting: str) -> None:
    assert broken([*random_switches(meeting, range(60))]) == []


def test_a_switch_lets_the_other_one_go_on_to_its_end() -> None:
    first, second = (met("two_dispatches", Once(first, 5)).order for first in (0, 1))

    assert first.startswith("00001")
    assert first.lstrip("0").rstrip("0") == "1" * first.count("1")
    assert second.startswith("11110")


def test_a_seed_has_two_invocations_take_the_same_turns_each_time() -> None:
    one, again = (met("a_part_and_the_sweep", AtRandom(3)) for _ in range(2))

    assert one.order == again.order
    assert "10" in one.order
    assert "01" in one.order


def broken(meetings: list[Met]) -> list[str]:
    assert len({meeting.order for meeting in meetings}) > 1, "nothing was tried"
    return [f"{meeting.broken}; again: {meeting.again}" for meeting in meetings if meeting.broken]
