"""What holds in the end, whatever has happened: the five promises of the design."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from dropscore.approved import CurrentModel
from dropscore.aws.ledger import Versions
from dropscore.domain.drop import FINAL_STATES, TRANSITIONS, Drop, DropState
from dropscore.domain.errors import ModelUnusable
from dropscore.domain.results import OUTPUT_SUFFIX
from tests.simulation.lagging import demand
from tests.simulation.unruly import UnrulyWorld

MOST_TRIES = 12
"""Jobs of a drop before it is given up: halving what one of these tests puts in, whole tries between."""


@dataclass
class Dropped:
    """What the user put in."""

    rows: int
    bad_rows: int
    readable: bool = True


@dataclass
class Promises:
    """The promises about the drops of a world."""

    world: UnrulyWorld
    dropped: dict[str, Dropped] = field(default_factory=dict)
    revived: set[str] = field(default_factory=set)

    def watch_jobs(self) -> None:
        """From now on no drop gets into a second job unless the first one left it unscored."""
        create = self.world.sagemaker.create_job

        def create_job(name: str, *args: Any) -> None:
            fresh = name not in self.world.sagemaker.jobs
            create(name, *args)
            if fresh:
                self._check_started(name)

        self.world.sagemaker.create_job = create_job

    def kept(self) -> None:
        """Check all that can be checked once the world has come to rest."""
        for drop_id, put in self.dropped.items():
            drop = self.world.drop(drop_id)
            self._check_history(drop)
            self._check_results(drop)
            if drop.state.final:
                self._check_final(drop, put)
            else:
                demand(self._may_wait(drop), f"{drop} is stuck")
        self._check_jobs()
        for _ in range(2):
            swept = self.world.sweep()
            demand(set(vars(swept).values()) == {0}, f"the sweep does not come to rest: {swept}")

    def at_rest(self) -> bool:
        """Whether nothing is left to do: no messages, no jobs, and every drop where it may stay."""
        world = self.world
        known = [world.drops.get(drop_id) for drop_id in self.dropped]
        return (
            not world.queues.inbox + world.queues.collect + world.queues.delayed + world.hidden
            and not world.sagemaker.running
            and all(drop and (drop.announced if drop.state.final else self._may_wait(drop)) for drop in known)
            and all(item["state"] in ("DONE", "FAILED") for item in world.all_items("job#"))
        )

    def _may_wait(self, drop: Drop) -> bool:
        if drop.state is DropState.PREPARED and drop.model:
            return Versions(self.world.table).get(drop.model.package_arn).held is not None
        return drop.state is DropState.WAITING and not self._has_model()

    def _has_model(self) -> bool:
        try:
            CurrentModel(self.world.adapters.registry, self.world.adapters.models).get()
        except ModelUnusable:
            return False
        return True

    def _check_started(self, name: str) -> None:
        """Promises 3 and 2: whoever is in this job has been left unscored by every other."""
        jobs = self.world.sagemaker.jobs
        for drop_id in _drops_of(jobs[name]):
            for other, job in jobs.items():
                if other != name and drop_id in _drops_of(job):
                    demand(job["outcome"], f"{drop_id} in {name} is still in {other}")
                    demand(
                        not self._came_back_whole(drop_id, other), f"{drop_id} in {name}: {other} scored it"
                    )

    def _came_back_whole(self, drop_id: str, job: str) -> bool:
        work = self.world.adapters.work
        for shard in self.world.sagemaker.jobs[job]["shards"]:
            if shard.startswith(drop_id):
                key = f"transform/{job}/{shard}{OUTPUT_SUFFIX}"
                if key not in work.objects or f"features/{shard}" not in work.objects:
                    return False
                if len(work.objects[key][0].split()) < len(work.objects[f"features/{shard}"][0].split()):
                    return False
        return True

    def _check_final(self, drop: Drop, put: Dropped) -> None:
        told = Counter((detail["drop_id"], detail["state"]) for _, detail in self.world.events.told)
        was = [item["state"] for item in self.world.history[f"drop#{drop.drop_id}"]]
        demand(drop.announced, f"{drop} is not announced")
        for state in FINAL_STATES:
            demand(told[drop.drop_id, state.value] >= was.count(state), f"{drop}, {was}: {told}")
        if drop.state is DropState.SCORED:
            demand(put.readable, f"{drop} was never readable")
            self._check_rows(drop, put)
            return
        demand(drop.reason, f"{drop} does not say why")
        if drop.state is DropState.FAILED:
            lone = [
                name
                for name, job in self.world.sagemaker.jobs.items()
                if _drops_of(job) == {drop.drop_id} and not self._came_back_whole(drop.drop_id, name)
            ]
            demand(len(lone) >= 2, f"{drop} was given up after the jobs {lone}")
        elif put.readable and put.bad_rows <= put.rows / 2:
            excuse = re.search("source gone|without an answer", str(drop.reason))
            crashed = "gone" in str(drop.reason) or self.world.troubles
            demand(excuse and crashed, f"{drop} had no fault")

    def _check_rows(self, drop: Drop, put: Dropped) -> None:
        """Promise 4."""
        counted = (drop.rows_in, drop.rows_scored, drop.rows_rejected)
        demand(counted == (put.rows, put.rows - put.bad_rows, put.bad_rows), f"{drop}: {put}")
        scored = self.world.result(drop.drop_id)["row"].to_pylist()
        rejected = [r["row"] for r in self.world.rejects(drop.drop_id)] if drop.rejects_uri else []
        demand(sorted(scored + rejected) == list(range(put.rows)), f"{drop}: rows {scored} and {rejected}")
        predictions = self.world.result(drop.drop_id)["prediction"].to_pylist()
        demand(predictions == [row / 2 for row in scored], f"{drop}: predictions {predictions}")

    def _check_results(self, drop: Drop) -> None:
        """Promise 2."""
        names = self.world.results_of(drop.drop_id)
        versions = Counter(re.findall(r"model_version=(\d+)/", " ".join(names)))
        demand(max(versions.values(), default=0) <= 1, f"{drop} has the results {names}")
        if drop.state is DropState.SCORED:
            demand(any(str(drop.result_uri).endswith(name) for name in names), f"{drop}: {names}")
        elif drop.drop_id not in self.revived and self.dropped[drop.drop_id].rows:
            demand(not names, f"{drop} has the results {names}")

    def _check_history(self, drop: Drop) -> None:
        seen = [DropState(item["state"]) for item in self.world.history[f"drop#{drop.drop_id}"]]
        told = [DropState(e["state"]) for e in self.world.table.items[f"drop#{drop.drop_id}"]["history"]]
        demand(seen == told, f"{drop}: was {seen}, says {told}")
        for before, after in pairwise(seen):
            demand(after in TRANSITIONS[before], f"{drop}: {seen}")

    def _check_jobs(self) -> None:
        jobs = self.world.all_items("job#")
        demand(all(job["state"] in ("DONE", "FAILED") for job in jobs), f"open jobs: {jobs}")
        for job in jobs:
            started = self.world.sagemaker.jobs.get(job["job"])
            members = {member.split("/")[0] for member in job["members"]}
            demand(not started or _drops_of(started) == members, f"{job} started as {started}")
        for drop_id in set(self.dropped) - self.revived:
            tries = self.world.drop(drop_id).tries
            demand(tries <= MOST_TRIES, f"{drop_id} was in {tries} jobs")


def _drops_of(job: dict[str, Any]) -> set[str]:
    return {shard.split("/")[0] for shard in job["shards"]}
