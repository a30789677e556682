"""The composition root: adapters are built from the environment once, use cases once per invocation."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

from dropscore.announce import Announcer
from dropscore.approved import CurrentModel
from dropscore.artefacts import Artefacts
from dropscore.aws.clients import Clients
from dropscore.aws.events import Events
from dropscore.aws.ledger import Drops, Jobs, OpenWork, Table, Versions
from dropscore.aws.metrics import Metrics
from dropscore.aws.objects import Bucket, Inbox
from dropscore.aws.queues import Queues
from dropscore.aws.registry import Registry
from dropscore.aws.transforms import Transforms, TransformSettings
from dropscore.closing import Closing
from dropscore.collect import Collect
from dropscore.deadline import Clock, Deadline, system_clock
from dropscore.dispatch import Dispatch
from dropscore.files.isolation import IsolatedFileWork
from dropscore.files.worker import FileWorker
from dropscore.files.written import WrittenResults
from dropscore.logkeys import log_cold_start
from dropscore.prepare import Prepare
from dropscore.settings import Settings
from dropscore.starting import Starting
from dropscore.sweep import Sweep


@dataclass(frozen=True)
class Adapters:
    """What the use cases reach AWS through."""

    inbox: Inbox
    work: Bucket
    results: Bucket
    models: Bucket
    files: FileWorker
    table: Table
    index: OpenWork
    registry: Registry
    transforms: Transforms
    queues: Queues
    events: Events
    metrics: Metrics


@dataclass(frozen=True)
class Application:
    """Adapters, settings and a clock: all that use cases are made of."""

    adapters: Adapters
    settings: Settings
    clock: Clock

    def deadline(self, milliseconds_left: int) -> Deadline:
        """The deadline of an invocation."""
        return Deadline.after(self.clock, milliseconds_left)

    def prepare(self, deadline: Deadline) -> Prepare:
        """Prepare, for one invocation."""
        adapters = self.adapters
        return Prepare(
            drops=self._drops(),
            model=CurrentModel(adapters.registry, adapters.models),
            inbox=adapters.inbox,
            files=adapters.files,
            queues=adapters.queues,
            announcer=self._announcer(),
            dispatch=self.dispatch(deadline),
            metrics=adapters.metrics,
            deadline=deadline,
            suffixes=self.settings.inbox_suffixes,
        )

    def dispatch(self, deadline: Deadline) -> Dispatch:
        """Dispatch, for one invocation."""
        return Dispatch(
            table=self.adapters.table,
            drops=self._drops(),
            jobs=self._jobs(),
            starting=self._starting(deadline),
            brakes=self.settings.brakes,
            job_prefix=self.settings.job_prefix,
            fleet=self.settings.fleet,
            deadline=deadline,
        )

    def collect(self, deadline: Deadline) -> Collect:
        """Collect, for one invocation."""
        adapters = self.adapters
        drops = self._drops()
        return Collect(
            drops=drops,
            jobs=self._jobs(),
            transforms=adapters.transforms,
            work=adapters.work,
            queues=adapters.queues,
            files=adapters.files,
            closing=Closing(
                drops=drops,
                jobs=self._jobs(),
                versions=Versions(adapters.table),
                results=WrittenResults(adapters.results),
                queues=adapters.queues,
                announcer=self._announcer(),
                metrics=adapters.metrics,
                clock=self.clock,
            ),
            announcer=self._announcer(),
            deadline=deadline,
        )

    def sweep(self, deadline: Deadline) -> Sweep:
        """Sweep, for one invocation."""
        adapters = self.adapters
        return Sweep(
            index=adapters.index,
            drops=self._drops(),
            jobs=self._jobs(),
            versions=Versions(adapters.table),
            transforms=adapters.transforms,
            model=CurrentModel(adapters.registry, adapters.models),
            queues=adapters.queues,
            announcer=self._announcer(),
            dispatch=self.dispatch(deadline),
            metrics=adapters.metrics,
            max_job_duration=self.settings.brakes.max_duration,
            deadline=deadline,
        )

    def _starting(self, deadline: Deadline) -> Starting:
        adapters = self.adapters
        return Starting(
            drops=self._drops(),
            jobs=self._jobs(),
            versions=Versions(adapters.table),
            registry=adapters.registry,
            artefacts=Artefacts(adapters.models),
            transforms=adapters.transforms,
            work=adapters.work,
            metrics=adapters.metrics,
            job_prefix=self.settings.job_prefix,
            fleet=self.settings.fleet,
            deadline=deadline,
        )

    def _drops(self) -> Drops:
        return Drops(self.adapters.table, self.adapters.index)

    def _jobs(self) -> Jobs:
        return Jobs(self.adapters.table, self.adapters.index, self._drops())

    def _announcer(self) -> Announcer:
        return Announcer(self.adapters.events, self._drops(), self.adapters.metrics)


@lru_cache(maxsize=1)
def application() -> Application:
    """The application of this execution environment, built at its first invocation."""
    log_cold_start()
    settings = Settings.read(os.environ)
    return Application(aws_adapters(settings, Clients()), settings, system_clock)


def aws_adapters(settings: Settings, clients: Clients) -> Adapters:
    """The adapters that reach the real services."""
    s3 = clients.s3()
    table = Table(clients.dynamodb(), settings.ledger_table)
    transform_settings = TransformSettings(
        role_arn=settings.transform_role_arn,
        instance_type=settings.instance_type,
        max_payload_mb=settings.max_payload_mb,
        max_concurrent=settings.max_concurrent_transforms,
        kms_key_arn=settings.kms_key_arn,
    )
    return Adapters(
        inbox=Inbox(s3, settings.inbox_bucket),
        work=Bucket(s3, settings.work_bucket),
        results=Bucket(s3, settings.results_bucket),
        models=Bucket(s3, settings.models_bucket),
        files=IsolatedFileWork(settings.reader_memory_bytes),
        table=table,
        index=OpenWork(table),
        registry=Registry(clients.sagemaker(), settings.model_package_group),
        transforms=Transforms(clients.sagemaker(), transform_settings),
        queues=Queues(clients.sqs(), settings.inbox_queue_url, settings.collect_queue_url),
        events=Events(clients.events()),
        metrics=Metrics(settings.metrics_namespace, settings.service),
    )
