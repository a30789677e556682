"""The runner: every crash point, every switch between two invocations, many random lives, or one again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from tests.simulation.exhaustive import Lived, lived, pairs, single_faults
from tests.simulation.faults import Fault, Faults
from tests.simulation.meetings import MEETINGS, Met, every_switch, met, random_switches
from tests.simulation.random_lives import RandomLife, random_life
from tests.simulation.scenarios import SCENARIOS, SMALLEST
from tests.simulation.turns import AtRandom, Once

MEETINGS_EACH = 100
RUNS = 1000
EVERY = 250
"""Random lives between two lines of progress."""


@dataclass
class Tally:
    """What has been tried, and how often a promise was broken."""

    crash_points: int = 0
    violations: int = 0
    dead_messages: int = 0

    def crashed(self, what: str, lives: Iterable[Lived]) -> None:
        """Live them, and say how it went."""
        tried = broken = 0
        for life in lives:
            tried += bool(life.faults)
            broken += life.broken is not None
            self._tell(life)
        self.crash_points += tried
        _say(f"{what}: {tried} crash points, {broken} violations")

    def met(self, what: str, meetings: Iterable[Met]) -> None:
        """Have them meet, and say how it went."""
        tried = broken = 0
        for meeting in meetings:
            tried += 1
            broken += meeting.broken is not None
            self._tell(meeting)
        _say(f"{what}: {tried} schedules, {broken} violations")

    def ran(self, lives: Iterable[RandomLife]) -> None:
        """Live them, and say now and then how it goes."""
        done = broken = 0
        for done, life in enumerate(lives, 1):
            broken += life.broken is not None
            self.dead_messages += life.died
            self._tell(life)
            if done % EVERY == 0:
                _say(f"random lives: {done}, {broken} violations, {self.dead_messages} dead messages")
        if done % EVERY:
            _say(f"random lives: {done}, {broken} violations, {self.dead_messages} dead messages")

    def _tell(self, life: Lived | RandomLife | Met) -> None:
        if life.broken is not None:
            self.violations += 1
            _say(f"VIOLATION: {life.broken}\n  again: {life.again}")


def main(arguments: list[str]) -> int:
    """Run; 1 when a promise was broken."""
    asked = _parser().parse_args(arguments)
    tally = Tally()
    if not _once(tally, asked):
        _all(tally, asked)
    _say(f"crash points tried: {tally.crash_points}, violations: {tally.violations}")
    return int(tally.violations > 0)


def _once(tally: Tally, asked: argparse.Namespace) -> bool:
    """Live the one life that was asked for; False where it was more than one."""
    if asked.at is not None:
        tally.crashed(asked.scenario or SMALLEST, [lived(asked.scenario or SMALLEST, asked.at)])
    elif asked.meeting and (asked.switch or asked.seed is not None):
        meeting = met(asked.meeting, asked.switch or AtRandom(asked.seed))
        _say(meeting.order)
        tally.met(asked.meeting, [meeting])
    elif asked.seed is not None and asked.runs is None:
        life = random_life(asked.seed)
        _say("\n".join(life.trace))
        tally.ran([life])
    else:
        return False
    return True


def _all(tally: Tally, asked: argparse.Namespace) -> None:
    if asked.seed is None and asked.meeting is None:
        for name in [asked.scenario] if asked.scenario else SCENARIOS:
            tally.crashed(name, single_faults(name))
            if name == SMALLEST:
                tally.crashed(f"{name}, pairs", pairs(name))
    if asked.seed is None and asked.scenario is None:
        for name in [asked.meeting] if asked.meeting else MEETINGS:
            _meet(tally, name)
    if asked.meeting is None:
        tally.ran(_random_lives(asked))


def _meet(tally: Tally, name: str) -> None:
    tally.met(name, every_switch(name))
    tally.met(f"{name}, at random", random_switches(name, range(MEETINGS_EACH)))


def _random_lives(asked: argparse.Namespace) -> Iterator[RandomLife]:
    runs = asked.runs if asked.runs is not None else 0 if asked.scenario else RUNS
    first = asked.seed or 0
    return map(random_life, range(first, first + runs))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.simulation", description=__doc__)
    parser.add_argument("--runs", type=int, help=f"how many random lives (default {RUNS})")
    parser.add_argument(
        "--seed",
        type=int,
        help="the first seed of --runs, without crash points; alone: live it, and trace it",
    )
    parser.add_argument("--meeting", choices=MEETINGS, help="only these two at a time; with --seed once")
    parser.add_argument(
        "--switch", type=_switch, metavar="FIRST:STEP:SECONDS", help="of --meeting only this switch"
    )
    parser.add_argument("--scenario", choices=SCENARIOS, help="only this one's crash points")
    parser.add_argument(
        "--at", type=_faults, metavar="K:FAULT,…", help=f"only these faults; FAULT is {' or '.join(Fault)}"
    )
    return parser


def _faults(text: str) -> Faults:
    faults = (part.split(":") for part in text.split(",") if part)
    return {int(number): Fault(fault) for number, fault in faults}


def _switch(text: str) -> Once:
    first, step, seconds = map(int, text.split(":"))
    return Once(first, step, timedelta(seconds=seconds))


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - it is what a runner is for


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
