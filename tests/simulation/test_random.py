"""The promises hold in random lives; `python -m tests.simulation --seed <seed>` lives one again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulation.random_lives import random_life

pytestmark = pytest.mark.no_cover  # measuring would take as long again; tests/usecases covers the same lines


DAILY = 40


@pytest.mark.parametrize("number", range(DAILY))
def test_the_promises_hold_whatever_happens_today(number: int, simulation_seed: int) -> None:
    life = random_life(simulation_seed * DAILY + number)

    assert life.broken is None, f"again: {life.again}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(300))
def test_the_promises_hold_whatever_happens(seed: int) -> None:
    life = random_life(seed)

    assert life.broken is None, f"again: {life.again}"


def test_a_seed_lives_the_same_life_in_every_process() -> None:
    lives = {_told("97", hash_seed) for hash_seed in ("1", "2")}

    assert len(lives) == 1
    assert len(lives.pop().splitlines()) > 50


def _told(seed: str, hash_seed: str) -> str:
    command = [sys.executable, "-m", "tests.simulation", "--seed", seed]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
