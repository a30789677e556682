"""A world in which everything goes wrong that may: calls are cut off, refused, made twice, answered late.

Invocations run inside each other's calls, which is how they run at the same time here: the adapters are
atomic per call. What DynamoDB's index says lags behind. Clocks differ by seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, NoReturn

from botocore.exceptions import ClientError

from dropscore.bootstrap import Application
from dropscore.domain.errors import ServiceBusy
from dropscore.domain.outcome import FileOutcome
from tests.simulation.faults import Killed, as_adapters_say, unanswered
from tests.simulation.lagging import LaggingTable
from tests.simulation.queues import Message, Queue
from tests.simulation.reader import Died, InlineFiles, Overdue
from tests.simulation.watching import EXPECTED
from tests.simulation.world import Context, World

EXPIRY = timedelta(days=14)

CALLS = {
    "table": ("get", "get_all", "change", "transact", "query_index"),
    "work": ("open", "ranges", "read", "put", "put_once", "names"),
    "results": ("put", "put_once", "metadata"),
    "models": ("open", "read"),
    "inbox": ("current", "open"),
    "registry": ("newest_approved", "describe", "create_model", "create_job", "stop"),  # and transforms
    "queues": ("resume", "dispatch", "hand_back_to_prepare", "collect_jobs", "collect_parts"),
    "events": ("put_events",),
}
ONCE = frozenset({"transact", "put"})
"""What botocore's repetition does not do twice: a transaction has a token; a put twice is a put."""

OFTEN = frozenset({"table.get", "table.query_index"})
"""Calls that there are so many of that troubles of others would hardly be seen."""

_AT_THE_SAME_TIME = 3
"""Functions that run at once at most."""


@dataclass
class Chances:
    """How likely each trouble is, per call; all zero once calm has come."""

    killed: float = 0
    refused: float = 0
    unanswered: float = 0
    doubled: float = 0
    reader: float = 0
    joined: float = 0
    lagging: float = 0
    skew: float = 0

    @classmethod
    def of(cls, rng: Random) -> Chances:
        """Some troubles often, some seldom, some not at all."""
        often = {name: rng.choice((0, 0.01, 0.05)) for name in ("refused", "unanswered", "doubled", "reader")}
        return cls(
            **often,
            killed=rng.choice((0, 0.01, 0.05, 0.2)),
            joined=rng.choice((0, 0.05, 0.15)),
            lagging=rng.choice((0, 0.5, 0.9)),
            skew=rng.choice((0, 5)),
        )


@dataclass
class Invocation:
    """A running function, and the messages that it was given."""

    until: datetime
    skew: timedelta
    queue: Queue | None
    messages: Sequence[Message]
    dead: bool = False
    reading: bool = False


@dataclass(eq=False)
class UnrulyFiles(InlineFiles):
    """The reader, which may die at any of its calls, or be killed there because the time is over."""

    world: UnrulyWorld

    def work(self, do: Callable[[], FileOutcome]) -> FileOutcome:
        run = self.world.running[-1]
        assert run is not None
        run.reading = True
        try:
            return do()
        finally:
            run.reading = False


class UnrulyWorld(World):
    """The world, with its troubles; `act` is what may happen while a call is under way."""

    running: list[Invocation | None]

    def __init__(self, monkeypatch: Any, rng: Random, **environment: str) -> None:
        self.chances = Chances.of(rng)
        self.rng = rng
        self.act: Callable[[], None] = lambda: None
        self.trace: list[str] = []
        self.written: dict[str, datetime] = {}
        table = LaggingTable(rng, lambda: self.now, lambda: self.chances.lagging)
        super().__init__(monkeypatch, table, rng, **environment)
        self.given: tuple[Queue | None, Sequence[Message]] = None, ()
        for name, calls in CALLS.items():
            here = {"results": self.results, "events": self.events}
            adapter = here.get(name) or getattr(self.adapters, name)
            for call in calls:
                setattr(adapter, call, self._troubled(f"{name}.{call}", getattr(adapter, call)))

    def make_files(self) -> InlineFiles:
        return UnrulyFiles(self)

    @property
    def application(self) -> Application:
        run = self.running[-1]
        assert run is not None
        return Application(self.adapters, self.settings, lambda: self.now + run.skew)

    @property
    def at_once(self) -> int:
        """How many functions are running."""
        return sum(run is not None for run in self.running)

    def calm(self) -> None:
        """From now on nothing goes wrong."""
        self.chances = Chances()

    def invoke(self, door: Any, event: dict[str, Any]) -> Any:
        """Run a function, and note how it went.

        Raises
        ------
        Killed
            It was cut off: what a dead function says is not heard.
        """
        context = Context()
        context.milliseconds = self.rng.choice((300_000, 300_000, 300_000, 100_000, 60_060))
        until = self.now + timedelta(milliseconds=context.milliseconds)
        skew = timedelta(seconds=self.rng.uniform(-self.chances.skew, self.chances.skew))
        run = Invocation(until, skew, *self.given)
        self.given = None, ()
        what = f"{door.__name__.rsplit('.', 1)[1]} {[message.body for message in run.messages] or event}"
        self.note(f"{what} begins {context.milliseconds}")
        self.running.append(run)
        answer: Any = "cut off"
        try:
            answer = door.handler(event, context)
        except EXPECTED as error:
            answer = f"failed: {error!r}"
            raise
        finally:
            self.running.pop()
            self.note(f"{what} ends: {'cut off' if run.dead else answer}")
        if run.dead:
            raise Killed
        return answer

    def deliver(self, queue: Queue, messages: Sequence[Message]) -> dict[str, Any]:
        """Hand a function messages; some come once more, for SQS delivers at least once."""
        for message in messages:
            if self._strikes("a message", "doubled"):
                queue.copy(message)
        self.given = queue, messages
        return super().deliver(queue, messages)

    def expire(self) -> None:
        """Let the work bucket forget what it has had for long, but for what waits to be collected.

        For that to be forgotten, no sweep and no message must have come through for two weeks.
        """
        objects = self.adapters.work.objects
        self.written = {key: self.written.get(key, self.now) for key in objects}
        old = [key for key in objects if self.now - self.written[key] > EXPIRY]
        if not old:
            return
        scoring = {item["drop_id"] for item in self.all_items("drop#") if item["state"] == "SCORING"}
        jobs = {f"transform/{item['job']}" for item in self.all_items("job#") if item["state"] == "STARTED"}
        for key in old:
            if not scoring & {*key.split("/")} and not key.startswith((*jobs,)):
                del objects[key]

    def note(self, what: str) -> None:
        self.trace.append(f"{self.now:%d %H:%M:%S} {'  ' * self.at_once}{what}")

    def _troubled(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def troubled(*args: Any, **kwargs: Any) -> Any:
            run = self.running[-1] if self.running else None
            if run is None:
                return call(*args, **kwargs)
            self._before(run, name)
            self.running.append(None)
            try:
                answer = self._made(name, lambda: call(*args, **kwargs))
            finally:
                self.running.pop()
            self._after(run, name)
            return answer

        return troubled

    def _made(self, name: str, call: Callable[[], Any]) -> Any:
        answer = call()
        if name.split(".")[1] not in ONCE and self._strikes(name, "doubled"):
            return False if name.endswith("put_once") else call()
        return answer

    def _before(self, run: Invocation, name: str) -> None:
        self._pass_time(run)
        self._cut_off(run, name)
        if self._strikes(name, "refused"):
            busy = ServiceBusy("SQS refused 1 of 2 messages" if "queues" in name else "under way")
            throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slowly"}}, name)
            raise self.rng.choice((busy, as_adapters_say(name, throttled)))

    def _after(self, run: Invocation, name: str) -> None:
        self._cut_off(run, name)
        if self._strikes(name, "unanswered"):
            raise unanswered(name)

    def _cut_off(self, run: Invocation, name: str) -> None:
        """Let others run meanwhile; then perhaps the function is killed, or its reader."""
        if self._strikes(name, "joined"):
            self._join(run)
        if self._strikes(name, "killed"):
            self._kill(run)
        if run.reading and self._strikes(name, "reader"):
            raise self.rng.choice((Died, Died, Overdue))

    def _pass_time(self, run: Invocation) -> None:
        if self.chances.killed and self.rng.random() < 0.05:
            self.now += timedelta(seconds=self.rng.choice((1, 1, 1, 5, 40)))
        self.now += timedelta(milliseconds=10)
        if run.dead or self.now >= run.until:
            self._kill(run)

    def _join(self, run: Invocation) -> None:
        if self.at_once >= _AT_THE_SAME_TIME:
            return
        with self._aside():
            if run.queue and self.rng.random() < 0.3:  # at least once, even at the same time
                self.survive(self._deliver_copies, run.queue, run.messages)
                self.now += timedelta(seconds=2)
                self.survive(self.sweep)
            for _ in range(self.rng.choice((1, 1, 2, 6))):
                if self.now < run.until:
                    self.act()
        if self.now >= run.until:
            self._kill(run)

    def _deliver_copies(self, queue: Queue, messages: Sequence[Message]) -> None:
        self.deliver(queue, [queue.receive_again(message) for message in messages])

    def survive(self, call: Callable[..., Any], *args: Any) -> None:
        """Make the call: a function that dies or fails takes nothing else with it."""
        with suppress(Killed, *EXPECTED):
            call(*args)

    def _kill(self, run: Invocation) -> NoReturn:
        run.dead = True
        raise Killed

    def _strikes(self, name: str, trouble: str) -> bool:
        chance = getattr(self.chances, trouble)
        if not chance or self.rng.random() >= (chance / 10 if name in OFTEN else chance):
            return False
        self.note(f"{trouble}: {name}")
        return True

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """What happens meanwhile is not the running function's doing."""
        self.running.append(None)
        try:
            yield
        finally:
            self.running.pop()
