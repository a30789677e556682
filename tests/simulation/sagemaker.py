"""SageMaker: the registry and the transforms in one, with quotas, broken versions and poison shards."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dropscore.aws.transforms import CannotStart, ModelMissing, QuotaTooLow, TransformStatus
from dropscore.domain.errors import ServiceBusy
from dropscore.domain.job import Outcome
from dropscore.domain.model import Package
from tests.simulation.memory import MemoryBucket
from tests.simulation.stack import GROUP

NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different type."
)


@dataclass(eq=False)
class SageMaker:
    """Registry and transforms in one: what the adapters of both say to the use cases.

    `broken` are versions whose jobs put out nothing, `poison` are drops whose shards fail, `short` are drops
    of whose outputs a row is missing, in that many jobs to come. Until `no_capacity_until` AWS has
    no instances.
    `quota` counts jobs; below `least_instances` it has room for none.
    """

    work: MemoryBucket
    clock: Callable[[], datetime]
    packages: list[Package] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    quota: int = 100
    refuses: str | None = None
    broken: set[int] = field(default_factory=set)
    poison: dict[str, int] = field(default_factory=dict)
    short: dict[str, int] = field(default_factory=dict)
    no_capacity_until: datetime | None = None
    least_instances: int = 1
    failure: str = "AlgorithmError: See job logs for more information"
    group: str = GROUP

    def newest_approved(self) -> Package | None:
        approved = [p for p in self.packages if p.approved and p.group == self.group]
        return max(approved, key=lambda p: p.version, default=None)

    def describe(self, name: str) -> Any:
        if name.startswith("arn:"):
            return next((p for p in self.packages if p.arn == name), None)
        job = self.jobs.get(name)
        return TransformStatus(job["outcome"], job["reason"], job["created"]) if job else None

    def create_model(self, name: str, package_arn: str) -> None:
        package = self.describe(package_arn)
        if package is None or not package.approved:
            raise CannotStart(f"SageMaker: ValidationException: {package_arn} is not there, or not approved")
        self.models.setdefault(name, package_arn)

    def create_job(
        self, name: str, model_name: str, manifest_uri: str, output_uri: str, instances: int
    ) -> None:
        if self.refuses:
            raise CannotStart(self.refuses)
        if model_name not in self.models:
            raise ModelMissing(f"Could not find model {model_name}")
        assert output_uri == self.work.uri(f"transform/{name}/")
        if name in self.jobs:
            return
        if self.quota < self.least_instances:
            raise QuotaTooLow(f"the quota is {self.quota}, a job needs {self.least_instances}")
        if len(self.running) >= self.quota:
            raise ServiceBusy("SageMaker: ResourceLimitExceeded")
        key = manifest_uri.removeprefix(self.work.uri(""))
        if key not in self.work.objects:
            raise CannotStart(f"SageMaker: ValidationException: No S3 objects found under {manifest_uri}")
        manifest = json.loads(self.work.read(key))
        self.jobs[name] = {
            "model": self.models[model_name],
            "shards": manifest[1:],
            "instances": instances,
            "outcome": None,
            "reason": None,
            "created": self.clock(),
        }

    def stop(self, name: str) -> None:
        if name in self.running:
            self.jobs[name].update(outcome=Outcome.STOPPED)

    @property
    def running(self) -> list[str]:
        return [name for name, job in self.jobs.items() if job["outcome"] is None]

    def finish(self, name: str) -> None:
        """Let a job run to its end: a prediction is half the row number."""
        job = self.jobs[name]
        if any(f"features/{shard}" not in self.work.objects for shard in job["shards"]):
            job.update(outcome=Outcome.FAILED, reason="ClientError: no objects found")  # they have expired
            return
        if self.no_capacity_until and self.clock() < self.no_capacity_until:
            job.update(outcome=Outcome.FAILED, reason=NO_CAPACITY)
            return
        version = int(job["model"].rsplit("/", 1)[1])
        failed = version in self.broken
        for shard in [] if failed else job["shards"]:
            drop_id = shard.split("/")[0]
            if self._strikes(self.poison, drop_id):
                failed = True
                continue
            lines = self.work.read(f"features/{shard}").decode().splitlines()
            rows = [int(line.split(",")[0]) for line in lines]
            if self._strikes(self.short, drop_id):
                rows = rows[1:]
            out = "".join(f"{row},{row / 2}\n" for row in reversed(rows))
            self.work.put(f"transform/{name}/{shard}.out", out.encode(), "text/csv")
        reason = self.failure if failed else None
        job.update(outcome=Outcome.FAILED if failed else Outcome.COMPLETED, reason=reason)

    @staticmethod
    def _strikes(faults: dict[str, int], drop_id: str) -> bool:
        if faults.get(drop_id, 0) <= 0:
            return False
        faults[drop_id] -= 1
        return True
