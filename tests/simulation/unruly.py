"""A world in which everything goes wrong that may: calls are cut off, refused, made twice, answered late.

Invocations run inside each other's calls, which is how they run at the same time here: the adapters are
atomic per call. What DynamoDB's index says lags behind. Clocks differ by seconds.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError, ReadTimeoutError

from dropscore.aws.clients import AwsError
from dropscore.aws.ledger import Conflict
from dropscore.aws.ledger.expressions import Item
from dropscore.bootstrap import Application
from dropscore.domain.errors import DropscoreError, ServiceBusy
from dropscore.handlers import collect as collect_door
from dropscore.handlers import invocation
from dropscore.handlers import prepare as prepare_door
from tests.simulation.lagging import LaggingTable, demand
from tests.simulation.world import Context, Killed, World

VISIBILITY = timedelta(seconds=1800)
EXPIRY = timedelta(days=14)

CALLS = {
    "table": ("get", "get_all", "change", "transact", "query_index"),
    "work": ("open", "read", "put", "put_once", "names"),
    "results": ("put", "put_once", "metadata"),
    "models": ("read",),
    "inbox": ("current", "open"),
    "registry": ("newest_approved", "describe", "create_model", "create_job", "stop"),  # and transforms
    "queues": ("resume", "dispatch", "hand_back_to_prepare", "collect_jobs", "collect_parts"),
    "events": ("put",),
}
ONCE = frozenset({"transact", "put"})
"""What botocore's repetition does not do twice: a transaction has a token; a put twice is a put."""


EXPECTED = (Conflict, DropscoreError, *AwsError)
"""What a function may fail with when things go wrong around it; all else is its own defect."""


OFTEN = frozenset({"table.get", "table.query_index"})
"""Calls that there are so many of that troubles of others would hardly be seen."""


@dataclass
class Chances:
    """How likely each trouble is, per call; all zero once calm has come."""

    killed: float = 0
    refused: float = 0
    unanswered: float = 0
    doubled: float = 0
    joined: float = 0
    lagging: float = 0
    skew: float = 0

    @classmethod
    def of(cls, rng: Random) -> Chances:
        """Some troubles often, some seldom, some not at all."""
        often = {name: rng.choice((0, 0.01, 0.05)) for name in ("killed", "refused", "unanswered", "doubled")}
        return cls(
            **often,
            joined=rng.choice((0, 0.05, 0.15)),
            lagging=rng.choice((0, 0.5, 0.9)),
            skew=rng.choice((0, 5)),
        )


@dataclass
class Invocation:
    """A running function."""

    until: datetime
    skew: timedelta
    bodies: list[str] = field(default_factory=list)
    inbox: bool = False
    dead: bool = False


class UnrulyWorld(World):
    """The world, with its troubles; `act` is what may happen while a call is under way."""

    def __init__(self, monkeypatch: Any, rng: Random, **environment: str) -> None:
        self.chances = Chances.of(rng)
        table = LaggingTable(rng, lambda: self.now, lambda: self.chances.lagging)
        super().__init__(monkeypatch, table, **environment)
        self.history = table.history
        self.rng = rng
        self.act: Callable[[], None] = lambda: None
        self.trace: list[str] = []
        self.running: list[Invocation | None] = []
        self.written: dict[str, datetime] = {}
        self.hidden: list[tuple[datetime, list[str], str]] = []
        self.troubles = 0
        monkeypatch.setattr(invocation.logger, "exception", self._returned)
        for name, calls in CALLS.items():
            adapter = self.results if name == "results" else getattr(self.adapters, name)
            for call in calls:
                setattr(adapter, call, self._troubled(f"{name}.{call}", getattr(adapter, call)))

    @property
    def application(self) -> Application:
        run = self.running[-1]
        assert run is not None
        return Application(self.adapters, self.settings, lambda: self.now + run.skew)

    def calm(self) -> None:
        """From now on nothing goes wrong."""
        self.chances = Chances()

    def invoke(self, what: str, call: Callable[[Context], Any], bodies: list[str]) -> Any:
        """Run a function; None when it was cut off."""
        context = Context()
        context.milliseconds = self.rng.choice((300_000, 300_000, 300_000, 100_000, 60_060))
        skew = timedelta(seconds=self.rng.uniform(-self.chances.skew, self.chances.skew))
        run = Invocation(
            self.now + timedelta(milliseconds=context.milliseconds),
            skew,
            bodies,
            inbox=what.startswith("prepare"),
        )
        depth = len([one for one in self.running if one])
        self.note(f"{what} begins {context.milliseconds}")
        self.running.append(run)
        try:
            answer = call(context)
        except Killed:
            answer = None
        finally:
            self.running.pop()
        if run.dead:  # what a dead function says is not heard
            answer = None
        self.note(f"{what} ends: {'cut off' if answer is None else answer}", depth)
        return answer

    def sweep(self) -> Any:
        return self.invoke("sweep", self.forgiving(self._sweep), [])

    def deliver(self, queue: list[str], picked: list[str]) -> None:
        """Hand a function some messages; those that it does not acknowledge come back."""
        door = prepare_door if queue is self.queues.inbox else collect_door
        since = self.now
        records = [
            {"eventSource": "aws:sqs", "messageId": str(n), "body": body} for n, body in enumerate(picked)
        ]
        ended = {name for name, job in self.sagemaker.jobs.items() if job["outcome"]}
        try:
            answer = self.invoke(
                f"{door.__name__[19:]} {picked}",
                lambda context: door.handler({"Records": records}, context),
                picked,
            )
        except EXPECTED as error:  # the whole batch comes back
            self.note(f"failed: {error!r}")
            answer = None
        failed = (
            set(range(len(picked)))
            if answer is None
            else {int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]}
        )
        for place, body in enumerate(picked):
            if place in failed:
                self.hidden.append((since + self.rng.choice((timedelta(), VISIBILITY)), queue, body))
            else:
                self._check_held(body, ended)

    def appear(self) -> None:
        """Messages whose time has come can be seen again."""
        with self._aside():
            due = [body for at, body in self.queues.delayed if at <= self.now]
            self.queues.delayed = [(at, body) for at, body in self.queues.delayed if at > self.now]
            self.queues.inbox += due
            for at, queue, body in list(self.hidden):
                if at <= self.now:
                    self.hidden.remove((at, queue, body))
                    queue.append(body)

    def expire(self) -> None:
        """Let the work bucket forget what it has had for long, but for what waits to be collected.

        For that to be forgotten, no sweep and no message must have come through for two weeks.
        """
        objects = self.adapters.work.objects
        self.written = {key: self.written.get(key, self.now) for key in objects}
        scoring = {item["drop_id"] for item in self.all_items("drop#") if item["state"] == "SCORING"}
        jobs = {f"transform/{item['job']}" for item in self.all_items("job#") if item["state"] == "STARTED"}
        for key in [key for key in objects if self.now - self.written[key] > EXPIRY]:
            if not scoring & {*key.split("/")} and not key.startswith((*jobs,)):
                del objects[key]

    def note(self, what: str, depth: int | None = None) -> None:
        depth = len([one for one in self.running if one]) if depth is None else depth
        self.trace.append(f"{self.now:%d %H:%M:%S} {'  ' * depth}{what}")

    def forgiving(self, call: Callable[[Context], Any]) -> Callable[[Context], Any]:
        """The call, whose failure is one of its answers: whoever made it makes it again some time."""

        def forgiven(context: Context) -> Any:
            try:
                return call(context)
            except EXPECTED as error:
                return f"failed: {error!r}"

        return forgiven

    def _sweep(self, context: Context) -> Any:
        app = self.application
        return app.sweep(app.deadline(context.milliseconds)).run()

    def _returned(self, *_: Any, **__: Any) -> None:
        error = sys.exception()
        self.note(f"a message goes back: {error!r}")
        demand(isinstance(error, EXPECTED), f"a message failed: {error!r}\n{traceback.format_exc()}")

    def _troubled(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def troubled(*args: Any, **kwargs: Any) -> Any:
            run = self.running[-1] if self.running else None
            if run is None:
                return call(*args, **kwargs)
            self._before(run, name)
            with self._aside():
                answer = self._made(name, lambda: call(*args, **kwargs))
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
        if self._strikes(name, "joined"):
            self._join(run)
        if self._strikes(name, "killed"):
            run.dead = True
            raise Killed
        if self._strikes(name, "refused"):
            raise self.rng.choice(
                (
                    ServiceBusy("SQS refused 1 of 2 messages" if "queues" in name else "under way"),
                    ClientError({"Error": {"Code": "ThrottlingException", "Message": "slowly"}}, name),
                )
            )

    def _after(self, run: Invocation, name: str) -> None:
        if self._strikes(name, "joined"):
            self._join(run)
        if self._strikes(name, "killed"):
            run.dead = True
            raise Killed
        if self._strikes(name, "unanswered"):
            raise ReadTimeoutError(endpoint_url=name)

    def _pass_time(self, run: Invocation) -> None:
        if self.chances.killed and self.rng.random() < 0.05:
            self.now += timedelta(seconds=self.rng.choice((1, 1, 1, 5, 40)))
        self.now += timedelta(milliseconds=10)
        if run.dead or self.now >= run.until:
            run.dead = True
            raise Killed

    def _join(self, run: Invocation) -> None:
        if len([one for one in self.running if one]) >= 3:
            return
        with self._aside():
            if run.bodies and self.rng.random() < 0.3:  # SQS delivers at least once, even at the same time
                self.deliver(self.queues.inbox if run.inbox else self.queues.collect, run.bodies)
                self.now += timedelta(seconds=2)
                self.sweep()
            for _ in range(self.rng.choice((1, 1, 2, 6))):
                if self.now < run.until:
                    self.act()
        if self.now >= run.until:
            run.dead = True
            raise Killed

    def _strikes(self, name: str, trouble: str) -> bool:
        chance = getattr(self.chances, trouble)
        if self.rng.random() >= (chance / 10 if name in OFTEN else chance):
            return False
        self.troubles += 1
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

    def _check_held(self, body: str, ended: set[str]) -> None:
        """Promise 5: what was asked for by a message that is deleted now, the ledger holds."""
        flying = [one for run in self.running if run for one in run.bodies]
        there = [*flying, *self.queues.inbox, *self.queues.collect, *(one for _, _, one in self.hidden)]
        match message := json.loads(body):
            case {"Records": [{"s3": {"object": {"key": key, "versionId": version}}}]}:
                known = {(i["source_key"], i["source_version"]) for i in self.all_items("drop#")}
                held = (unquote_plus(key), version) in known or body in there
            case {"job": job, "part": part}:
                item = self.table.items[f"job#{job}"]
                same = [b for b in map(json.loads, there) if (b.get("job"), b.get("part")) == (job, part)]
                held = item["state"] in ("DONE", "FAILED") or part in item.get("parts_done", ()) or same
            case {"detail": {"TransformJobName": job}} | {"job": job} if job in ended:
                item = self.table.items[f"job#{job}"]
                held = "outcome" in item or item["state"] in ("DONE", "FAILED")
            case _:
                held = True
        demand(held, f"acknowledged, and the ledger does not hold it: {message}")

    def all_items(self, prefix: str) -> list[Item]:
        """The ledger's items whose key begins so."""
        return [item for pk, item in self.table.items.items() if pk.startswith(prefix)]
