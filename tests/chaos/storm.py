"""What goes wrong, again and again until calm returns: kills, throttling, events lost and doubled."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Self

from local.stack import LocalStack
from tests.chaos.processes import Family, Process
from tests.flow.flow import Flow

AIM_SECONDS = 0.6
"""How long the killer waits for somebody to be at work."""

STARTS_SHARE = 0.1
"""How many of the strikes may hit a function that is just starting."""

READERS_TO_LOSE = 2
"""A third reader that died under one function might have died over the same file, which would be blamed."""

EVENTS = ("drop_events", "duplicate_events")
"""Troubles with what SageMaker tells; the others are operations to throttle."""

DIED = "Worker process died"
"""What MiniStack says of an invocation whose process ended before it answered."""


class Recurring(threading.Thread):
    """Does something at random times in a `with` block; what it raises ends it, and is raised there."""

    def __init__(
        self, act: Callable[[], object], rng: Random, least: float, most: float, first: float = 0
    ) -> None:
        super().__init__(daemon=True)
        self._first = first
        self._act = act
        self._rng = rng
        self._pause = (least, most)
        self._ended = threading.Event()
        self._error: BaseException | None = None

    def run(self) -> None:
        """Act until told to end."""
        try:
            self._ended.wait(self._first)
            while not self._ended.wait(self._rng.uniform(*self._pause)):
                self._act()
        except BaseException as error:  # noqa: BLE001 - raised again where the block ends
            self._error = error

    def __enter__(self) -> Self:
        self.start()
        return self

    def goes_on(self) -> bool:
        """True, or raises what has ended it."""
        if self._error:
            raise self._error
        return True

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()
        self.goes_on()


class Killer:
    """SIGKILLs processes of functions, and of what these have started, preferably those at work."""

    def __init__(self, family: Family, rng: Random) -> None:
        self._family = family
        self._rng = rng
        self._lost: Counter[int] = Counter()
        self.struck: Counter[str] = Counter()

    def strike(self) -> None:
        """Kill whoever is at work now, or in a moment."""
        busy = self._at_work()
        if not busy:
            return
        victim, role, function = self._rng.choice(busy)
        if victim.kill():
            self.struck[f"{role}s killed"] += 1
            self._lost[function] += role == "reader"

    def _at_work(self) -> list[tuple[Process, str, int]]:
        """Those that use the processor while being watched; functions in their start only now and then.

        A start takes far more of it than most work: the killer would hit little else, and nothing begin.
        """
        before = {process.pid: process.cpu for process, _, _ in self._targets()}
        starts_too = self._rng.random() < STARTS_SHARE
        until = time.monotonic() + AIM_SECONDS
        while time.monotonic() < until:
            time.sleep(0.02)
            busy = [
                target
                for target in self._targets()
                if target[0].cpu > before.get(target[0].pid, target[0].cpu)
                and (starts_too or target[0].has_called)
            ]
            if busy:
                return busy
        return []

    def _targets(self) -> list[tuple[Process, str, int]]:
        found = []
        for function, below in self._family.functions():
            found.append((function, "function", function.pid))
            if self._lost[function.pid] < READERS_TO_LOSE:
                found += [(reader, "reader", function.pid) for reader in below]
        return found


class Weather:
    """Throttles SageMaker, and loses and doubles what it tells, each so often in all, a little at a time.

    While some of it is left the next call is throttled, and the next event lost or doubled: however late the
    first job starts, it does not get by unharmed.
    """

    MOST_AT_ONCE = 3

    def __init__(self, stack: LocalStack, rng: Random, plan: Mapping[str, int]) -> None:
        self._stack = stack
        self._rng = rng
        self._left = dict(plan)
        self._armed: dict[str, int] = {}
        self.struck: Counter[str] = Counter()

    def change(self) -> None:
        """Note what of the last trouble came about, and arm anew."""
        self._note()
        self._armed = {what: self._some(left) for what, left in self._left.items()}
        throttle = {what: count for what, count in self._armed.items() if what not in EVENTS}
        events = {what: self._armed[what] for what in EVENTS}
        self._stack.change_faults(throttle=throttle, **events)

    def _some(self, left: int) -> int:
        return self._rng.randint(1, min(left, self.MOST_AT_ONCE)) if left else 0

    def _note(self) -> None:
        faults: dict[str, Any] = self._stack.faults()
        for what, armed in self._armed.items():
            came = armed - (faults[what] if what in EVENTS else faults["throttle"][what])
            self.struck[what] += came
            self._left[what] -= came


class Operator:
    """Sweeps impatiently; a sweep may be throttled or take too long, and while it storms die."""

    EXCUSES = ("ThrottlingException", "timed out")

    def __init__(self, flow: Flow) -> None:
        self._client = flow.stack.client("lambda")
        names = [entry["FunctionName"] for entry in self._client.list_functions()["Functions"]]
        (self._name,) = [name for name in names if "SweepFunction" in name]
        self.storms = True
        self.died = 0

    def sweep(self) -> None:
        """Sweep once."""
        storms = self.storms
        answer = self._client.invoke(FunctionName=self._name)
        body = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            excused = storms or any(excuse in str(body) for excuse in self.EXCUSES)
            assert excused, f"a sweep failed after the storm: {body}"
            self.died += DIED in str(body)
