"""Two invocations that live at the same time: they take turns, one call of an adapter after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, Protocol

from dropscore.aws.ledger import OpenWork
from dropscore.bootstrap import Adapters, Application
from tests.simulation.faults import Killed
from tests.simulation.watching import EXPECTED
from tests.simulation.world import Context, World

CALLS = {
    "table": ("get", "get_all", "change", "transact"),
    "work": ("open", "ranges", "read", "put", "put_once", "names"),
    "results": ("put", "put_once", "metadata"),
    "models": ("open", "read"),
    "inbox": ("current", "open"),
    "registry": ("newest_approved", "describe"),
    "transforms": ("create_model", "create_job", "stop", "describe"),
    "queues": ("resume", "dispatch", "hand_back_to_prepare", "collect_jobs", "collect_parts"),
    "events": ("put",),
}
"""The steps. A look into the index is none: what it says is a hint, and what follows from it is checked."""

LIMIT_SECONDS = 60
"""How long a turn may take of the machine's time, before it is a defect of the simulation."""


class Switches(Protocol):
    """Who goes on when."""

    first: int
    """Which of the two begins."""

    def at(self, step: int) -> timedelta | None:
        """After how much time the other one goes on before the step, counted from 1; None: it does not."""


@dataclass(frozen=True)
class Once:
    """One goes on up to a step, the other to its end, and then the first again; at step 0 never."""

    first: int = 0
    step: int = 0
    elapsed: timedelta = timedelta(0)

    def at(self, step: int) -> timedelta | None:
        return self.elapsed if step == self.step else None

    def __str__(self) -> str:
        return f"--switch {self.first}:{self.step}:{self.elapsed.seconds}"


class AtRandom:
    """Often or seldom, at once or later, as a seed says."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rng = Random(seed)  # noqa: S311 - it makes no secrets
        self._chance = self._rng.choice((0.1, 0.3, 0.5, 0.9))
        self._seconds = self._rng.choice(((0,), (0, 0, 0, 1, 61), (0, 0, 20, 400)))
        self.first = self._rng.randrange(2)

    def at(self, step: int) -> timedelta | None:  # noqa: ARG002 - each is as likely
        return (
            timedelta(seconds=self._rng.choice(self._seconds)) if self._rng.random() < self._chance else None
        )

    def __str__(self) -> str:
        return f"--seed {self._seed}"


class Turns:
    """Whose turn it is. Whoever has it is the only one that does anything.

    Attributes
    ----------
    order
        Whose each step was that has been taken, a digit each.
    first_ended_after
        How many steps there were when one had ended.
    """

    def __init__(self, world: World, switches: Switches) -> None:
        self.order = ""
        self.first_ended_after = 0
        self._world = world
        self._switches = switches
        self._steps = 0
        self._changed = threading.Condition()
        self._living: list[int] = []
        self._whose = switches.first

    def run(self, calls: Sequence[Callable[[], Any]]) -> None:
        """Make the calls, each in a thread of its own, until all have ended.

        Raises
        ------
        BaseException
            What one of them failed with, unless a function may fail with it or was killed.
        """
        errors: list[BaseException] = []

        def live(who: int, call: Callable[[], Any]) -> None:
            try:
                self._wait_for(who)
                with suppress(Killed, *EXPECTED):
                    call()
            except BaseException as error:  # noqa: BLE001 - it is raised where the threads are joined
                errors.append(error)
            finally:
                self._end(who)

        self._living = [*range(len(calls))]
        threads = [
            threading.Thread(target=live, args=(who, call), daemon=True) for who, call in enumerate(calls)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * LIMIT_SECONDS)
            assert not thread.is_alive(), "an invocation does not end"
        if errors:
            raise errors[0]

    def step(self, who: int) -> None:
        """To be called before each step: perhaps the other one goes on first."""
        self._wait_for(who)
        self._steps += 1
        elapsed = self._switches.at(self._steps) if len(self._living) > 1 else None
        if elapsed is not None:
            self._world.now += elapsed
            self._give(next(other for other in self._living if other != who))
            self._wait_for(who)
        self.order += str(who)

    def _end(self, who: int) -> None:
        self.first_ended_after = self.first_ended_after or len(self.order)
        self._living.remove(who)
        for other in self._living:
            self._give(other)

    def _give(self, who: int) -> None:
        with self._changed:
            self._whose = who
            self._changed.notify_all()

    def _wait_for(self, who: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._whose == who, LIMIT_SECONDS), "a turn does not end"


class SharedWorld(World):
    """The world, in which two functions can run at once, each in an execution environment of its own."""

    def __init__(self, *args: Any, **environment: str) -> None:
        super().__init__(*args, **environment)
        self._turns: Turns | None = None
        self._of_thread = threading.local()

    def take_turns(self, calls: Sequence[Callable[[], Any]], turns: Turns) -> None:
        """Make calls, each of which runs one function, until all have ended."""
        self._turns = turns

        def run(who: int, call: Callable[[], Any]) -> None:
            self._of_thread.who = who
            call()

        turns.run([partial(run, who, call) for who, call in enumerate(calls)])

    @property
    def application(self) -> Application:
        found = super().application
        own = getattr(self._of_thread, "adapters", None)
        return found if own is None else replace(found, adapters=own)

    def invoke(self, door: Any, event: dict[str, Any]) -> Any:
        who = getattr(self._of_thread, "who", None)
        if who is None:
            return super().invoke(door, event)
        self._of_thread.adapters = self._stepwise(who)
        try:
            return super().invoke(door, event)
        finally:
            self._of_thread.adapters = None

    def _stepwise(self, who: int) -> Adapters:
        """The adapters, each call of which is a step; a new environment remembers nothing of the index."""
        until = self.now + timedelta(milliseconds=Context.milliseconds)

        def step() -> None:
            assert self._turns is not None
            self._turns.step(who)
            if self.now >= until:
                raise Killed

        wrapped = {
            name: _Stepwise(getattr(self.adapters, name), calls, step) for name, calls in CALLS.items()
        }
        return replace(self.adapters, **wrapped, index=OpenWork(wrapped["table"]))


class _Stepwise:
    """An adapter of which some calls are steps."""

    def __init__(self, adapter: Any, calls: Sequence[str], step: Callable[[], None]) -> None:
        self._adapter = adapter
        self._calls = calls
        self._step = step

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._adapter, name)
        if name not in self._calls:
            return found

        def stepwise(*args: Any, **kwargs: Any) -> Any:
            self._step()
            return found(*args, **kwargs)

        return stepwise
