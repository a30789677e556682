"""Faults at chosen calls: a function is killed before or after a side effect, or hears no answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

from botocore.exceptions import ReadTimeoutError

from dropscore.aws.transforms import _refusal

if TYPE_CHECKING:
    from tests.simulation.world import World


class Killed(BaseException):
    """The function's process is gone."""


class Fault(StrEnum):
    """What befalls a call that changes something outside of the function."""

    BEFORE = "before"
    """The function is killed before it."""

    AFTER = "after"
    """The function is killed once it has taken effect."""

    TIMED_OUT = "timed-out"
    """It takes effect, and the function hears no answer."""


KILLS = (Fault.BEFORE, Fault.AFTER)

Faults = Mapping[int, Fault]
"""By the number of a side effect in a world's life, from 1, what befalls it."""


def unanswered(call: str) -> Exception:
    """What a call raises that no answer came to."""
    return as_adapters_say(call, ReadTimeoutError(endpoint_url=call))


def as_adapters_say(call: str, error: Exception) -> Exception:
    """An error of botocore's as the use cases hear of it from the call's adapter."""
    return _refusal(error) if call.endswith((".create_model", ".create_job")) else error


class FaultPlan:
    """Counts the side effects of a world's functions, and has the planned faults befall them."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.faults = faults
        self.calls = 0
        self._world = world
        self._dead: set[int] = set()
        adapters = world.adapters
        changing = {
            "table": (adapters.table, ("change", "transact")),
            "work": (adapters.work, ("put",)),
            "results": (world.results, ("put", "put_once")),
            "transforms": (adapters.transforms, ("create_model", "create_job", "stop")),
            "inbox queue": (world.queues.inbox, ("send",)),
            "collect queue": (world.queues.collect, ("send",)),
            "events": (world.events, ("put_events",)),
        }
        for name, (adapter, calls) in changing.items():
            for call in calls:
                setattr(adapter, call, self._counted(f"{name}.{call}", getattr(adapter, call)))

    @property
    def struck(self) -> bool:
        """Whether all that was planned has come to pass."""
        return all(number <= self.calls for number in self.faults)

    def end(self) -> None:
        """From now on nothing befalls anything."""
        self.faults = {}

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            if not self._world.running:
                return call(*args, **kwargs)
            if self._world.running[-1] in self._dead:
                raise Killed
            self.calls += 1
            fault = self.faults.get(self.calls)
            if fault is Fault.BEFORE:
                self._kill()
            answer = call(*args, **kwargs)
            if fault is Fault.AFTER:
                self._kill()
            if fault is Fault.TIMED_OUT:
                raise unanswered(name)
            return answer

        return counted

    def _kill(self) -> NoReturn:
        """A dead function does nothing more, whatever it would do while it ends."""
        self._dead.add(self._world.running[-1])
        raise Killed
