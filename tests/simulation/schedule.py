"""A random life: what happens in an unruly world, drawn from a seed, again and again the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

from dropscore.domain import messages
from dropscore.domain.drop import DropState
from dropscore.handlers import sweep as sweep_door
from tests.simulation.arrivals import NO_DROPS, readings, transform_event
from tests.simulation.promises import GONE, Dropped, Promises
from tests.simulation.queues import Queue
from tests.simulation.unruly import UnrulyWorld

STEPS = 65
KEYS = (
    "data/company_id=1/a.parquet",
    "data/company_id=__HIVE_DEFAULT_PARTITION__/b.parquet",
    "c.parquet",
    "d.parquet",
)
FILES = ((4, 0), (2, 0), (5, 0), (3, 0), (1, 0), (4, 1), (4, 3), (0, 0), None)
"""Rows and bad rows of what the user puts in; None is no Parquet."""

EXCUSES = re.compile(f"{GONE.pattern}|without an answer")
"""Why a drop without a fault may be rejected where functions are killed again and again."""


class Schedule:
    """What happens in a world, drawn from its random numbers."""

    def __init__(self, monkeypatch: Any, seed: int) -> None:
        self.rng = Random(seed)  # noqa: S311 - it makes no secrets
        self.world = UnrulyWorld(monkeypatch, self.rng)
        self.world.act = self.step
        chances = self.world.chances
        cut_off = chances.killed or chances.reader or chances.joined
        self.promises = Promises(self.world, excused=EXCUSES if cut_off else GONE)
        self.promises.watch(monkeypatch)
        self.sources: dict[str, tuple[str, str]] = {}
        self.died = 0
        self.acts: dict[Callable[[], None], int] = {
            self.put_some: 8,
            self.deliver_inbox: 24,
            self.deliver_collect: 24,
            self.finish_a_job: 12,
            self.sweep: 14,
            self.wait_seconds: 8,
            self.wait_minutes: 8,
            self.wait_hours: 2,
            self.wait_days: 1,
            self.wait_for_messages: 8,
            self.tell_again: 4,
            self.tell_of_a_stranger: 1,
            self.turn_the_registry: 2,
            self.turn_the_brakes: 3,
            self.trouble_the_jobs: 4,
            self.trouble_the_reader: 2,
            self.refuse_an_object: 2,
            self.delay_puts: 2,
            self.land_puts: 2,
            self.refuse_events: 2,
            self.start_afresh: 2,
            self.let_the_operator_act: 2,
            self.delete_a_source: 1,
        }
        if seed % 8:
            self.world.approve()
        if seed % 3 == 0:  # as if every drop had more outputs than a message names
            monkeypatch.setattr(messages, "MAX_NAMES_BYTES", 0)

    def live(self) -> None:
        """Live from the first step to the check of the promises."""
        for _ in range(STEPS):
            self.step()
        self.settle()
        self.promises.kept()

    def step(self) -> None:
        self.world.expire()
        act = self.rng.choices(list(self.acts), [*self.acts.values()])[0]
        act()

    def settle(self) -> None:
        """Nothing goes wrong any more and time passes, until there is nothing left to do."""
        world = self.world
        world.note("calm")
        world.calm()
        world.set_brakes(paused=False, max_running=10, max_per_day=1000)
        world.sagemaker.quota, world.sagemaker.refuses, world.events.refuses = 100, None, 0
        world.sagemaker.no_capacity_until = None
        world.inbox.refuses.clear()
        world.results.late = 0
        world.results.land()
        if self.rng.random() < 0.8:
            world.approve(len(world.sagemaker.packages) + 1)
        for _ in range(100):
            self._redrive()
            for _ in range(8):
                while world.queues.inbox:
                    self._deliver(world.queues.inbox, 10)
                while world.queues.collect:
                    self._deliver(world.queues.collect, 1)
                world.now += timedelta(seconds=3)
                if not world.sagemaker.running:
                    break
                self.finish_a_job()
            self.sweep()
            if self.promises.at_rest():
                return
            world.now += timedelta(minutes=7)

    def put_some(self) -> None:
        for _ in range(self.rng.choice((1, 1, 2, 5))):
            self._put()

    def deliver_inbox(self) -> None:
        self._deliver(self.world.queues.inbox, self.rng.randint(1, 10))

    def deliver_collect(self) -> None:
        self._deliver(self.world.queues.collect, 1)

    def finish_a_job(self) -> None:
        if running := self.world.sagemaker.running:
            name = self.rng.choice(running)
            self.world.sagemaker.finish(name)
            outcome = self.world.sagemaker.jobs[name]["outcome"]
            times = self.rng.choice((0, 1, 1, 1, 2))
            self.world.note(f"job {name} ends {outcome}, told {times} times")
            for _ in range(times):
                late = timedelta(seconds=self.rng.choice((0, 0, 0, 1000)))
                self.world.queues.collect.send([json.dumps(transform_event(name, outcome))], late)

    def sweep(self) -> None:
        self.world.survive(self.world.sweep)

    def wait_seconds(self) -> None:
        self.world.now += timedelta(seconds=self.rng.randint(1, 59))

    def wait_minutes(self) -> None:
        self.world.now += timedelta(minutes=self.rng.randint(1, 40))

    def wait_hours(self) -> None:
        self.world.now += timedelta(hours=self.rng.randint(1, 12))

    def wait_days(self) -> None:
        self.world.now += timedelta(days=self.rng.choice((1, 2, 8, 15)))

    def wait_for_messages(self) -> None:
        """Until a message that was received in vain can be seen again."""
        hidden = [message.visible_at for queue in self.world.queues.both for message in queue.hidden]
        self.world.now = min(hidden, default=self.world.now)

    def tell_again(self) -> None:
        """A notification or a message comes once more."""
        if self.sources:
            self.world.notify(*self.rng.choice(list(self.sources.values())))
        if self.world.sagemaker.jobs:
            name = self.rng.choice(list(self.world.sagemaker.jobs))
            self.world.queues.collect.append(json.dumps(transform_event(name)))

    def tell_of_a_stranger(self) -> None:
        """An event about a job that the ledger will never know: received until it is dead."""
        self.world.queues.collect.append(json.dumps(transform_event("dropscore-stranger", "Stopped")))

    def turn_the_registry(self) -> None:
        packages = self.world.sagemaker.packages
        if len(packages) < 4 and self.rng.random() < 0.4:
            usable = {} if self.rng.random() < 0.8 else {"feature_spec_uri": None}
            self.world.approve(len(packages) + 1, **usable)
        elif packages:
            place = self.rng.randrange(len(packages))
            package = packages[place]
            if package.approved:
                self.world.reject_version(package.version)
            else:
                packages[place] = type(package)(**{**vars(package), "approved": True})
        self.world.note(f"approved: {[p.version for p in packages if p.approved]}")

    def turn_the_brakes(self) -> None:
        world = self.world
        world.set_brakes(
            paused=self.rng.random() < 0.2,
            max_drops=self.rng.choice((1, 2, 3, 100)),
            max_running=self.rng.choice((1, 2, 10)),
            max_per_day=self.rng.choice((1, 5, 100, 100)),
            window=timedelta(seconds=self.rng.choice((0, 0, 60, 600))),
        )
        world.sagemaker.quota = self.rng.choice((0, 1, 2, 100, 100))
        world.note(f"{world.settings.brakes}, quota {world.sagemaker.quota}")

    def trouble_the_jobs(self) -> None:
        sagemaker = self.world.sagemaker
        known = list(self.sources) or ["none"]
        trouble = self.rng.choice(
            ("poison", "short", "broken", "refuses", "no models", "no capacity", "cured", "cured")
        )
        match trouble:
            case "poison":
                sagemaker.poison[self.rng.choice(known)] = self.rng.choice((1, 2, 99))
            case "short":
                sagemaker.short[self.rng.choice(known)] = self.rng.choice((1, 2, 99))
            case "broken":
                sagemaker.broken = {self.rng.randint(1, 4)}
            case "refuses":
                sagemaker.refuses = self.rng.choice((None, "SageMaker: AccessDenied"))
            case "no models":
                sagemaker.models.clear()
            case "no capacity":
                sagemaker.no_capacity_until = self.world.now + timedelta(hours=self.rng.randint(1, 24))
            case "cured":
                sagemaker.broken, sagemaker.no_capacity_until = set(), None
        self.world.note(f"jobs: {trouble}")

    def trouble_the_reader(self) -> None:
        """Some files kill whoever reads them, now or for good."""
        files = self.world.files
        match self.rng.choice(("next", "unreadable", "unjoinable", "cured")):
            case "next":
                files.dies = 1
            case "unreadable":
                files.unreadable = {*self.rng.sample(sorted(self.sources), min(1, len(self.sources)))}
            case "unjoinable":
                files.unjoinable = {*self.rng.sample(sorted(self.sources), min(1, len(self.sources)))}
            case "cured":
                files.unreadable, files.unjoinable = set(), set()

    def refuse_an_object(self) -> None:
        """S3 does not give what is under a key, for now."""
        refuses = self.world.inbox.refuses
        refuses.clear()
        if self.rng.random() < 0.7:
            refuses[self.rng.choice(KEYS)] = self.rng.choice(("AccessDenied", "InvalidObjectState"))
        self.world.note(f"S3 refuses: {refuses}")

    def delay_puts(self) -> None:
        """The next readers are killed while they put their results."""
        self.world.results.late = self.rng.choice((0, 1, 1, 2))

    def land_puts(self) -> None:
        self.world.results.land()

    def refuse_events(self) -> None:
        self.world.events.refuses = self.rng.randint(1, 4)

    def start_afresh(self) -> None:
        """A new execution environment, which remembers nothing."""
        self.world.index._remembered.clear()

    def let_the_operator_act(self) -> None:
        items = self.world.all_items("drop#")
        failed = sorted(item["drop_id"] for item in items if item["state"] == DropState.FAILED)
        self.promises.revived |= {*failed}
        requests = [{"retry": failed}, *({"release": p.arn} for p in self.world.sagemaker.packages)]
        for request in requests:
            self.world.survive(self.world.invoke, sweep_door, request)

    def delete_a_source(self) -> None:
        if self.sources:
            key, version = self.rng.choice(list(self.sources.values()))
            self.world.inbox.versions[key].pop(version, None)

    def _put(self) -> None:
        if self.rng.random() < 0.1:
            key = self.rng.choice(NO_DROPS)
            self.world.put(key, readings(2))
            self.world.note(f"put {key}, which is no drop")
            return
        file = self.rng.choice(FILES)
        key = self.rng.choice(KEYS)
        late = timedelta(seconds=self.rng.choice((0, 0, 0, 2, 4000)))
        rows, bad = file or (9, 0)
        drop_id = self.world.put(key, readings(rows, bad) if file else b"no parquet", late)
        self.promises.dropped[drop_id] = Dropped(rows, bad, readable=file is not None)
        self.sources[drop_id] = key, list(self.world.inbox.versions[key])[-1]
        self.world.note(f"put {drop_id}: {file}")

    def _deliver(self, queue: Queue, most: int) -> None:
        if messages := queue.receive(most):
            self.world.survive(self.world.deliver, queue, messages)

    def _redrive(self) -> None:
        """The operator has S3's dead notifications come again; our own messages the sweep makes up for."""
        inbox, collect = self.world.queues.both
        self.died += len(inbox.dead) + len(collect.dead)
        for message in [message for message in inbox.dead if "Records" in json.loads(message.body)]:
            inbox.redrive(message)
        inbox.dead.clear()
        collect.dead.clear()
