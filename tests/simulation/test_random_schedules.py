"""The promises hold under random schedules: one seed, one life of a small world, again and again the same.

A seed that fails is lived again by `SEED=<number> pytest tests/simulation/test_random_schedules.py`; the test
says then what happened. `SEEDS=<first>-<last>` lives others than the usual ones.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random

import pyarrow as pa
import pytest

from dropscore.domain.drop import DropState
from dropscore.domain.job import Outcome
from tests.simulation.lagging import Broken
from tests.simulation.promises import Dropped, Promises
from tests.simulation.unruly import UnrulyWorld
from tests.simulation.world import parquet, transform_event

STEPS = 65
KEYS = ("data/company_id=1/a.parquet", "data/company_id=2/b.parquet", "c.parquet", "d.parquet")


def _seeds() -> range:
    if one := os.environ.get("SEED"):
        return range(int(one), int(one) + 1)
    first, last = os.environ.get("SEEDS", "0-149").split("-")
    return range(int(first), int(last) + 1)


class Schedule:
    """What happens in a world, drawn from a seed."""

    def __init__(self, world: UnrulyWorld) -> None:
        self.world = world
        self.rng = world.rng
        self.promises = Promises(world)
        self.promises.watch_jobs()
        self.sources: dict[str, tuple[str, str]] = {}
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
            self.tell_again: 4,
            self.lose_a_message: 2,
            self.turn_the_registry: 2,
            self.turn_the_brakes: 3,
            self.trouble_the_jobs: 4,
            self.refuse_events: 2,
            self.start_afresh: 2,
            self.let_the_operator_act: 2,
            self.delete_a_source: 1,
        }

    def step(self) -> None:
        self.world.appear()
        self.world.expire()
        act = self.rng.choices(list(self.acts), [*self.acts.values()])[0]
        act()

    def settle(self) -> None:
        """Nothing goes wrong any more and time passes, until there is nothing left to do."""
        world = self.world
        world.note("calm")
        world.calm()
        world.set_brakes(paused=False, max_running=10, max_per_day=1000)
        world.sagemaker.quota, world.sagemaker.refuses = 100, None
        world.events.refuses = 0
        if self.rng.random() < 0.8:
            world.approve(len(world.sagemaker.packages) + 1)
        for _ in range(100):
            world.now += timedelta(minutes=7)
            for _ in range(8):
                world.appear()
                if world.queues.inbox:
                    self._deliver(world.queues.inbox, len(world.queues.inbox))
                while world.queues.collect:
                    self._deliver(world.queues.collect, 1)
                self.finish_a_job()
                world.now += timedelta(seconds=3)
            world.sweep()
            if self.promises.at_rest():
                return

    def put_some(self) -> None:
        for _ in range(self.rng.choice((1, 1, 2, 5))):
            self.put()

    def put(self) -> None:
        rows, bad, body = self.rng.choice(
            (
                (4, 0, None),
                (2, 0, None),
                (5, 0, None),
                (3, 0, None),
                (1, 0, None),
                (4, 1, None),
                (4, 3, None),
                (0, 0, None),
                (9, 0, b"no parquet"),
            )
        )
        clock = parquet_times(rows, bad)
        key = self.rng.choice(KEYS)
        drop_id = self.world.put(key, body or parquet(rows, ts=clock))
        self.promises.dropped[drop_id] = Dropped(rows, bad, readable=body is None)
        self.sources[drop_id] = key, list(self.world.inbox.versions[key])[-1]
        self.world.note(f"put {drop_id} of {rows} rows, {bad} bad, {body}")

    def deliver_inbox(self) -> None:
        self._deliver(self.world.queues.inbox, self.rng.randint(1, 10))

    def deliver_collect(self) -> None:
        self._deliver(self.world.queues.collect, 1)

    def finish_a_job(self) -> None:
        if running := self.world.sagemaker.running:
            name = self.rng.choice(running)
            self._end(name)
            outcome = self.world.sagemaker.jobs[name]["outcome"]
            times = self.rng.choice((0, 1, 1, 1, 2))
            self.world.note(f"job {name} ends {outcome}, told {times} times")
            for _ in range(times):
                late = timedelta(seconds=self.rng.choice((0, 0, 0, 1000)))
                body = json.dumps(transform_event(name, outcome))
                self.world.hidden.append((self.world.now + late, self.world.queues.collect, body))

    def sweep(self) -> None:
        self.world.sweep()

    def wait_seconds(self) -> None:
        self.world.now += timedelta(seconds=self.rng.randint(1, 59))

    def wait_minutes(self) -> None:
        self.world.now += timedelta(minutes=self.rng.randint(1, 40))

    def wait_hours(self) -> None:
        self.world.now += timedelta(hours=self.rng.randint(1, 12))

    def wait_days(self) -> None:
        self.world.now += timedelta(days=self.rng.choice((1, 2, 8, 15)))

    def tell_again(self) -> None:
        """A notification or a message comes once more."""
        if self.sources:
            self.world.notify(*self.rng.choice(list(self.sources.values())))
        if self.world.sagemaker.jobs:
            name = self.rng.choice(list(self.world.sagemaker.jobs))
            self.world.queues.collect.append(json.dumps(transform_event(name)))

    def lose_a_message(self) -> None:
        """Received in vain too often: it lies in a dead letter queue. What only S3 knows is redriven."""
        for queue in (self.world.queues.inbox, self.world.queues.collect):
            own = [body for body in queue if "Records" not in json.loads(body)]
            if own:
                self.world.note(f"lost: {own[0]}")
                queue.remove(own[0])

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
        trouble = self.rng.choice(("poison", "short", "broken", "whole", "refuses", "no models", "cured"))
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
            case "cured" | "whole":
                sagemaker.broken = set()
        self.world.note(f"jobs: {trouble}")

    def refuse_events(self) -> None:
        self.world.events.refuses = self.rng.randint(1, 4)

    def start_afresh(self) -> None:
        """A new execution environment, which remembers nothing."""
        self.world.index._remembered.clear()

    def let_the_operator_act(self) -> None:
        failed = [
            d for d in self.sources if (drop := self.world.drops.get(d)) and drop.state is DropState.FAILED
        ]
        arns = [package.arn for package in self.world.sagemaker.packages]
        self.promises.revived |= set(failed)

        def act(context) -> object:
            app = self.world.application
            sweep = app.sweep(app.deadline(context.milliseconds))
            return sweep.retry(failed), [sweep.release(arn) for arn in arns]

        self.world.invoke("operator", self.world.forgiving(act), [])

    def delete_a_source(self) -> None:
        if self.sources:
            key, version = self.rng.choice(list(self.sources.values()))
            self.world.inbox.versions[key].pop(version, None)

    def _end(self, name: str) -> None:
        """A job runs to its end; one whose shards have expired finds nothing to read."""
        job = self.world.sagemaker.jobs[name]
        if all(f"features/{shard}" in self.world.adapters.work.objects for shard in job["shards"]):
            self.world.sagemaker.finish(name)
        else:
            job.update(outcome=Outcome.FAILED, reason="ClientError: no objects found")

    def _deliver(self, queue: list[str], count: int) -> None:
        """Hand over messages in no order; some come once more later, for SQS delivers at least once."""
        picked = self.rng.sample(queue, min(count, len(queue)))
        for body in picked:
            queue.remove(body)
            if self.world.chances.doubled and self.rng.random() < 0.1:
                queue.append(body)
        if picked:
            self.world.deliver(queue, picked)


def parquet_times(rows: int, bad: int) -> pa.Array:
    """Minutes, of which the first `bad` are missing."""
    return pa.array([None if row < bad else row * 60_000 for row in range(rows)], pa.timestamp("ms"))


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("seed", _seeds())
def test_the_promises_hold_whatever_happens(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world = UnrulyWorld(monkeypatch, Random(seed))  # noqa: S311  # it makes no secrets
    schedule = Schedule(world)
    world.act = schedule.step
    if seed % 8:
        world.approve()
    try:
        for _ in range(STEPS):
            schedule.step()
        schedule.settle()
        schedule.promises.kept()
    except (Broken, Exception) as error:
        told = "\n".join(world.trace)
        raise AssertionError(f"{told}\nSEED={seed}: {error}") from error
