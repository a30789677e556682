"""The adapters of the simulated world, and what the contract's tests do and see around them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from dropscore.aws.events import Events
from dropscore.domain.job import Outcome
from dropscore.domain.model import Package
from tests.local.builders import ENVIRONMENT
from tests.simulation.lagging import LaggingTable
from tests.simulation.memory import MemoryBucket, MemoryInbox, MemoryTable
from tests.simulation.queues import Queues
from tests.simulation.sagemaker import SageMaker
from tests.simulation.world import EventBus

FAILURE = "AlgorithmError: See job logs for more information"
"""What SageMaker says of a job that has failed; the simulated one knows no other words."""


def now() -> datetime:
    return datetime.now(UTC)


class MemorySide:
    """Makes the adapters of tests/simulation."""

    def table(self) -> MemoryTable:
        return MemoryTable()

    def bucket(self) -> MemoryBucket:
        return MemoryBucket("work-bucket")

    def inbox(self, *, versioned: bool = True) -> MemoryInbox:
        return MemoryInbox("inbox-bucket", versioned=versioned)

    def queues(self) -> MemoryQueues:
        return MemoryQueues()

    def events(self) -> MemoryEvents:
        return MemoryEvents()

    def sagemaker(self) -> MemorySageMaker:
        return MemorySageMaker()


class LaggingSide(MemorySide):
    """The same, with the unruly world's table, whose index is up to date for once."""

    def table(self) -> LaggingTable:
        return LaggingTable(Random(0), now, lambda: 0)  # noqa: S311 - no secret


class MemoryQueues:
    """The two queues; the only place here that knows how the simulated world keeps its messages."""

    def __init__(self) -> None:
        self.adapter = Queues(now)

    def received(self, queue: str) -> list[str]:
        """The bodies of all messages that can be seen now; they are hidden then."""
        return [message.body for message in getattr(self.adapter, queue).receive()]


class MemoryEvents:
    """EventBridge, and who listens to it."""

    def __init__(self) -> None:
        self._bus = EventBus()
        self.adapter = Events(self._bus)

    def refuse_next(self, number: int) -> None:
        self._bus.refuses = number

    def told(self, number: int) -> list[tuple[str, dict[str, Any]]]:
        """The first `number` events that have come through, each its detail type and detail."""
        return self._bus.told[:number]


class MemorySageMaker:
    """Registry and transforms, and who registers, approves and runs."""

    def __init__(self) -> None:
        self.work = MemoryBucket("work-bucket")
        self.registry = self.transforms = self._sagemaker = SageMaker(self.work, now)

    def register(
        self, approval: str = "Approved", group: str | None = None, image: str = "image:1", **metadata: str
    ) -> str:
        """Register the next version of the group (or of another); its ARN."""
        group = group or self.registry.group
        packages = self._sagemaker.packages
        version = 1 + max((one.version for one in packages if one.group == group), default=0)
        arn = f"arn:aws:sagemaker:us-east-1:000000000000:model-package/{group}/{version}"
        package = Package(arn, group, version, approval == "Approved", image, metadata)
        place = self.work.uri("model.tar.gz")
        packages.append(replace(package, model_data_url=place, environment=ENVIRONMENT))
        return arn

    def decide(self, arn: str, approval: str) -> None:
        packages = self._sagemaker.packages
        approved = approval == "Approved"
        packages[:] = [replace(one, approved=approved) if one.arn == arn else one for one in packages]

    def delete(self, arn: str) -> None:
        packages = self._sagemaker.packages
        packages[:] = [one for one in packages if one.arn != arn]

    def package_of(self, model: str) -> str:
        return self._sagemaker.models[model]

    def put_shard(self, drop_id: str, rows: list[int], *, poison: bool = False) -> str:
        """Write a shard; its place in a manifest."""
        place = f"{drop_id}/1/{drop_id}-1-00000.csv"
        body = "".join(f"{row},1.5,2\n" for row in rows)
        self.work.put(f"features/{place}", body.encode(), "text/csv")
        self._sagemaker.poison[drop_id] = int(poison)
        return place

    def hold_jobs(self) -> None:
        """Jobs do not end by themselves for now: here they never do."""

    def fail_jobs(self) -> None:
        """The next job puts out nothing and fails."""
        self._sagemaker.broken.update(one.version for one in self._sagemaker.packages)

    def allow_instances(self, number: int) -> None:
        """The account's quota, whatever runs already; here each job has one instance."""
        self._sagemaker.quota = number

    def ended(self, name: str) -> Outcome:
        """How the job has ended, once it has."""
        if name in self._sagemaker.running:
            self._sagemaker.finish(name)
        outcome = self._sagemaker.describe(name).outcome
        assert outcome is not None
        return outcome
