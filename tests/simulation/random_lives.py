"""Random lives: one seed, one life of an unruly world, again and again the same."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.simulation.exhaustive import silence
from tests.simulation.lagging import Broken
from tests.simulation.schedule import Schedule


@dataclass(frozen=True)
class RandomLife:
    """How a seed's life went.

    Attributes
    ----------
    died
        How many messages were received in vain until they were dead.
    trace
        What happened, a line each.
    broken
        Which promise was broken, and how; None when all held.
    """

    seed: int
    died: int
    trace: tuple[str, ...]
    broken: str | None

    @property
    def again(self) -> str:
        """How to live it again, with its trace."""
        return f"python -m tests.simulation --seed {self.seed}"


def random_life(seed: int) -> RandomLife:
    """Live a seed's life."""
    told = None
    with pytest.MonkeyPatch.context() as monkeypatch, silence():
        schedule = Schedule(monkeypatch, seed)
        try:
            schedule.live()
        except (Broken, Exception) as error:  # noqa: BLE001 - whatever it is, it breaks a promise
            told = f"{type(error).__name__}: {error}"
    return RandomLife(seed, schedule.died, tuple(schedule.world.trace), told)
