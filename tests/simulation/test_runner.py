"""The runner says how many crash points it has tried, what was broken, and how to live it again."""

from __future__ import annotations

import pytest

from dropscore.sweep import Sweep, Swept
from tests.simulation.__main__ import main


def test_the_last_line_counts_crash_points_and_violations(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--scenario", "one_drop", "--at", "3:before,11:after"])

    assert code == 0
    assert capsys.readouterr().out.splitlines()[-1] == "crash points tried: 1, violations: 0"


def test_a_violation_is_told_with_how_to_live_it_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sweep, "run", lambda _: Swept(0, 0, 0, 0, 0))

    code = main(["--scenario", "one_drop", "--at", "11:after"])

    told = capsys.readouterr().out
    assert code == 1
    assert "again: python -m tests.simulation --scenario one_drop --at 11:after" in told
    assert told.splitlines()[-1] == "crash points tried: 1, violations: 1"


def test_a_seed_alone_is_traced_and_several_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3"]) == 0
    traced = capsys.readouterr().out
    assert main(["--seed", "3", "--runs", "2"]) == 0
    counted = capsys.readouterr().out

    assert "prepare" in traced
    assert "random lives: 2, 0 violations" in counted
    assert "prepare" not in counted


def test_one_switch_between_two_invocations_is_told_with_their_turns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--meeting", "two_dispatches", "--switch", "1:2:61"]) == 0

    turns, tally, _ = capsys.readouterr().out.splitlines()
    assert turns.startswith("10")
    assert tally == "two_dispatches: 1 schedules, 0 violations"
