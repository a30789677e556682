"""What is watched as it happens: results that are put, jobs that start, messages that are deleted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from dropscore.aws.clients import AwsError
from dropscore.aws.ledger import Conflict
from dropscore.domain.errors import DropscoreError
from dropscore.domain.keys import OUTPUT_SUFFIX
from tests.simulation.arrivals import NO_DROPS
from tests.simulation.lagging import demand
from tests.simulation.memory import MemoryBucket
from tests.simulation.sagemaker import NO_CAPACITY
from tests.simulation.world import World

EXPECTED = (Conflict, DropscoreError, *AwsError)
"""What a function may fail with when things go wrong around it; all else is its own defect."""


class _Results(dict[str, Any]):
    """Objects of which those below `predictions/` are never written over (promise 2)."""

    def __setitem__(self, key: str, value: Any) -> None:
        demand(not (key.startswith("predictions/") and key in self), f"{key} is written over")
        super().__setitem__(key, value)


def watch_results(bucket: MemoryBucket) -> None:
    """From now on hear of a result that is written over."""
    bucket.objects = _Results(bucket.objects)


@dataclass
class JobWatch:
    """SageMaker's jobs, and whom they have left unscored."""

    world: World

    def watch(self) -> None:
        """From now on no drop gets into a second job unless the first one left it unscored (promise 3)."""
        create = self.world.sagemaker.create_job

        def create_job(name: str, *args: Any) -> None:
            fresh = name not in self.world.sagemaker.jobs
            create(name, *args)
            if fresh:
                self._check_started(name)

        self.world.sagemaker.create_job = create_job

    def members(self) -> dict[str, set[str]]:
        """By job, the drops whose shards it reads."""
        return {name: _drops_of(job) for name, job in self.world.sagemaker.jobs.items()}

    def aws_failed(self) -> set[str]:
        """The jobs that AWS itself failed: they count against nobody."""
        jobs = self.world.sagemaker.jobs
        return {name for name, job in jobs.items() if job["reason"] == NO_CAPACITY}

    def failed_alone(self, drop_id: str) -> list[str]:
        """The jobs that had the drop alone and left it unscored, as far as one can see."""
        aws_failed = self.aws_failed()
        alone = [
            name
            for name, members in self.members().items()
            if members == {drop_id} and name not in aws_failed
        ]
        return [name for name in alone if not self._must_have_scored(drop_id, name)]

    def _check_started(self, name: str) -> None:
        jobs = self.world.sagemaker.jobs
        for drop_id in _drops_of(jobs[name]):
            for other, job in jobs.items():
                if other != name and drop_id in _drops_of(job):
                    demand(job["outcome"], f"{drop_id} in {name} is still in {other}")
                    demand(
                        not self._must_have_scored(drop_id, other), f"{drop_id} in {name}: {other} scored it"
                    )

    def _must_have_scored(self, drop_id: str, job: str) -> bool:
        """Whether the drop's rows came back whole, and nothing befell the reader over them."""
        work = self.world.adapters.work
        if drop_id in self.world.files.blamed:
            return False
        for shard in self.world.sagemaker.jobs[job]["shards"]:
            if shard.startswith(drop_id):
                key = f"transform/{job}/{shard}{OUTPUT_SUFFIX}"
                if key not in work.objects or f"features/{shard}" not in work.objects:
                    return False
                if len(work.objects[key][0].split()) < len(work.objects[f"features/{shard}"][0].split()):
                    return False
        return True


def held(world: World, body: str, ended: set[str]) -> bool:
    """Whether the ledger holds what a deleted message asked for, or another message still asks for it.

    Of an object that is no drop it has to hold nothing.

    `ended` are the jobs that had ended when the function was given the message.
    """
    there = [message.body for queue in world.queues.both for message in queue.messages]
    match message := json.loads(body):
        case {"Records": [{"s3": {"object": {"key": key, "versionId": version}}}]}:
            known = {(item["source_key"], item["source_version"]) for item in world.all_items("drop#")}
            here = (unquote_plus(key), version) in known
            return not here if unquote_plus(key) in NO_DROPS else here or body in there
        case {"job": job, "part": part}:
            item = world.table.items.get(f"job#{job}", {})
            same = [b for b in map(json.loads, there) if (b.get("job"), b.get("part")) == (job, part)]
            return _final(item) or part in item.get("parts_done", ()) or bool(same)
        case {"detail": {"TransformJobName": job}} | {"job": job}:
            item = world.table.items.get(f"job#{job}", {})
            return bool(item) and (job not in ended or "outcome" in item or _final(item))
        case _:
            return bool(message)


def _final(job: dict[str, Any]) -> bool:
    return job.get("state") in ("DONE", "FAILED")


def _drops_of(job: dict[str, Any]) -> set[str]:
    return {shard.split("/")[0] for shard in job["shards"]}
