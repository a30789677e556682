"""What the stand-in remembers, per account and region, for as long as the process lives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.sagemaker.variant import Variant

Document = dict[str, Any]


class JobStatus(StrEnum):
    """States of a transform or training job."""

    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self in {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED}


class EndpointStatus(StrEnum):
    """States of an endpoint."""

    CREATING = "Creating"
    UPDATING = "Updating"
    IN_SERVICE = "InService"
    FAILED = "Failed"
    DELETING = "Deleting"


@dataclass
class ModelPackageGroup:
    """A model package group; ``versions`` counts every version it ever had."""

    name: str
    arn: str
    request: Document
    versions: int = 0
    created: float = field(default_factory=time.time)

    @property
    def created_iso(self) -> str:
        """Creation time as ISO 8601."""
        return datetime.fromtimestamp(self.created, UTC).isoformat()


@dataclass
class ModelPackage:
    """A model package; ``details`` is what the registering request (and updates) said."""

    arn: str
    name: str
    group: str | None
    version: int | None
    approval: str
    details: Document
    created: float = field(default_factory=time.time)
    modified: float | None = None


@dataclass(frozen=True)
class ModelContainer:
    """Where a model's artifact is, and the environment its container gets."""

    image: str
    artifact: str | None
    environment: dict[str, str]


@dataclass(frozen=True)
class Model:
    """A model: the request that made it, and its one container."""

    name: str
    arn: str
    role_arn: str
    request: Document
    container: ModelContainer
    created: float = field(default_factory=time.time)


@dataclass
class TransformJob:
    """A transform job: its request, its state, and how to end its process."""

    name: str
    arn: str
    request: Document
    instances: int
    instance_type: str
    status: JobStatus = JobStatus.IN_PROGRESS
    failure_reason: str | None = None
    created: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    stop: Callable[[], None] = lambda: None


@dataclass
class TrainingJob:
    """A training job: its request, its state, what it has made, and how to end its process."""

    name: str
    arn: str
    request: Document
    status: JobStatus = JobStatus.IN_PROGRESS
    steps: list[tuple[str, float]] = field(default_factory=lambda: [("Starting", time.time())])
    failure_reason: str | None = None
    artifact: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    created: float = field(default_factory=time.time)
    started: float | None = None
    ended: float | None = None
    stop: Callable[[], None] = lambda: None

    def step(self, status: str) -> None:
        """Come to a secondary status."""
        self.steps.append((status, time.time()))


@dataclass(frozen=True)
class EndpointConfig:
    """An endpoint configuration: the request that made it."""

    name: str
    arn: str
    request: Document
    created: float = field(default_factory=time.time)

    @property
    def variant(self) -> Document:
        """Its one production variant."""
        variant: Document = self.request["ProductionVariants"][0]
        return variant


@dataclass
class Endpoint:
    """An endpoint: the configuration in force, the one that is on its way, and what serves."""

    name: str
    arn: str
    config: EndpointConfig
    status: EndpointStatus = EndpointStatus.CREATING
    failure_reason: str | None = None
    pending: EndpointConfig | None = None
    serving: Variant | None = None
    created: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)


@dataclass
class Store:
    """One account's SageMaker in one region."""

    account: str
    region: str
    groups: dict[str, ModelPackageGroup] = field(default_factory=dict)
    packages: dict[str, ModelPackage] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    jobs: dict[str, TransformJob] = field(default_factory=dict)
    training_jobs: dict[str, TrainingJob] = field(default_factory=dict)
    endpoint_configs: dict[str, EndpointConfig] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def tag(self, arn: str, tags: list[Document]) -> None:
        """Set tags of a resource."""
        if tags:
            self.tags.setdefault(arn, {}).update({tag["Key"]: tag["Value"] for tag in tags})

    def tags_of(self, arn: str) -> list[Document]:
        """A resource's tags, as the API words them."""
        return [{"Key": key, "Value": value} for key, value in self.tags.get(arn, {}).items()]


_stores: dict[tuple[str, str], Store] = {}
_stores_lock = threading.Lock()


def store_of(account: str, region: str) -> Store:
    """The store of an account in a region."""
    with _stores_lock:
        return _stores.setdefault((account, region), Store(account, region))
