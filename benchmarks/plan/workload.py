"""What is planned for: the files, the stack's parameters, and how fast each of its steps is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from math import ceil

from benchmarks.plan.code import ROW_GROUP, TAIL_BYTES
from dropscore.domain.fleet import Fleet

DAY = 86_400
"""Seconds."""

MEBIBYTE = 1024 * 1024


class Profile(StrEnum):
    """When in the day files arrive."""

    EVEN = "even"
    BUSINESS_HOURS = "business-hours"
    NIGHTLY = "nightly"


@dataclass(frozen=True)
class Workload:
    """The files of a day."""

    files_per_day: int
    rows_per_file: int
    profile: Profile = Profile.EVEN
    seed: int = 0

    @property
    def rows_per_day(self) -> int:
        """Rows of all files."""
        return self.files_per_day * self.rows_per_file


@dataclass(frozen=True)
class Stack:
    """The template's parameters that matter here, with its defaults; a test holds them to `template.yaml`.

    Attributes
    ----------
    fleet
        MinInstances and MaxInstances.
    prepare_concurrency, collect_concurrency
        `PrepareConcurrency` and `CollectConcurrency`: functions of a kind at once.
    quota
        Instances that the account may have in transform jobs at once; None where it is no limit.
    """

    instance_type: str = "ml.m5.large"
    fleet: Fleet = field(default_factory=lambda: Fleet(1, 1))
    max_concurrent_transforms: int = 2
    shard_megabytes: int = 4
    job_max_drops: int = 1_000
    job_window_seconds: float = 300
    max_running_jobs: int = 4
    max_jobs_per_day: int = 400
    max_job_hours: float = 6
    batch_size: int = 100
    batch_window_seconds: float = 5
    prepare_concurrency: int = 4
    collect_concurrency: int = 3
    memory_megabytes: int = 1_769
    storage_megabytes: int = 2_048
    timeout_seconds: float = 300
    sweep_seconds: float = 60
    work_retention_days: int = 14
    quota: int | None = None


@dataclass(frozen=True)
class Speeds:
    """How long each step takes, and how large what it writes is.

    **measured** is by this repository's benchmarks, on one CPU, which is what 1,769 MB get on Lambda
    ("Configure Lambda function memory", developer guide); **documented** by AWS; **assumed** is neither.

    Attributes
    ----------
    s3_seconds
        A request to S3. Documented: 100 to 200 ms for small objects ("Performance design patterns for Amazon
        S3", user guide).
    dynamodb_seconds
        A request to DynamoDB. Documented: single-digit milliseconds; a transaction of 100 takes ten such.
    invocation_seconds
        What each invocation does beside its drops: the model's version, the feature spec, the messages.
        Assumed.
    prepare_seconds, collect_seconds
        CPU of a million rows. Measured: `convert`, `collect`.
    prepare_drop_seconds, collect_drop_seconds
        CPU of a drop beside its rows, clients included. Measured: `flow` bounds them.
    dispatch_seconds
        Of a job, beside its drops: the registry, the manifest, CreateTransformJob. Assumed.
    start_seconds
        From CreateTransformJob to the first record. SageMaker's documentation says minutes. A recorded
        event says 189 s to TransformStartTime (DIAGNijmegen/rse-grand-challenge, its test of
        `_set_duration`: 1654683838000 and 1654684027000); loading the model comes on top.
    billed_start_seconds
        How much of it lies after TransformStartTime, and is billed (DescribeTransformJob, API reference).
        Assumed.
    object_seconds
        Of an object in a job, beside its rows: SageMaker reads it and writes its output. Assumed: two
        requests to S3.
    rows_per_second
        Of one CPU in the container. Measured: 110,000 rows in 0.27 s, a linear model.
    event_seconds
        From a job's end to the message in CollectQueue. Assumed.
    source_bytes, feature_bytes, context_bytes, output_bytes, result_bytes
        Of a row: in the dropped file, in a shard, in what collect needs beside it, in an output, in the
        result. Measured: a sensor's month.
    drop_item_bytes
        Of a drop in the ledger when it is scored. Measured: a test.
    log_bytes
        Of a drop, in the logs of the functions. Measured: `flow` bounds it.
    """

    s3_seconds: float = 0.1
    dynamodb_seconds: float = 0.01
    invocation_seconds: float = 0.5
    prepare_seconds: float = 0.25
    collect_seconds: float = 0.25
    prepare_drop_seconds: float = 0.02
    collect_drop_seconds: float = 0.02
    dispatch_seconds: float = 2.0
    start_seconds: float = 240
    billed_start_seconds: float = 60
    object_seconds: float = 0.2
    rows_per_second: float = 110_000 / 0.27
    event_seconds: float = 2
    source_bytes: float = 9
    feature_bytes: float = 15
    context_bytes: float = 4
    output_bytes: float = 26
    result_bytes: float = 20
    drop_item_bytes: int = 1_800
    log_bytes: int = 3_000


VCPUS = {"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "9xlarge": 36, "12xlarge": 48}
"""Of an instance by its size ("Amazon EC2 instance types", m5 and c5); others count as 96."""

MOST_VCPUS = 96


@dataclass(frozen=True)
class Work:
    """What one file and one job of a workload cost in time."""

    workload: Workload
    stack: Stack
    speeds: Speeds

    @cached_property
    def shards(self) -> int:
        """Of one drop: whole row groups, about `shard_megabytes` each."""
        of_group = ROW_GROUP * self.speeds.feature_bytes
        rows = max(1, round(self.stack.shard_megabytes * MEBIBYTE / of_group)) * ROW_GROUP
        return max(1, ceil(self.workload.rows_per_file / rows))

    @cached_property
    def feature_bytes(self) -> int:
        """Of one drop's shards."""
        return int(self.workload.rows_per_file * self.speeds.feature_bytes)

    @cached_property
    def drops_per_job(self) -> int:
        """As many as one job takes: `job_max_drops`, or as many as have the most bytes that it may have."""
        by_size = self.stack.fleet.most_bytes // max(1, self.feature_bytes)
        return max(1, min(self.stack.job_max_drops, by_size))

    @cached_property
    def jobs_at_once(self) -> int:
        """MaxRunningJobs, or as many as the account's quota has instances for."""
        if self.stack.quota is None:
            return self.stack.max_running_jobs
        return min(self.stack.max_running_jobs, self.stack.quota // self.instances(self.drops_per_job))

    def instances(self, drops: int) -> int:
        """Of a job of so many drops."""
        return self.stack.fleet.instances(drops * self.feature_bytes, drops * self.shards)

    def job_seconds(self, drops: int) -> float:
        """How long a job of so many drops scores, once its instances have started.

        SageMaker deals objects out to instances by key; each is scored by one.
        """
        instances = self.instances(drops)
        shards = ceil(drops * self.shards / instances)
        rows = self.workload.rows_per_file / self.shards
        size = self.stack.instance_type.rpartition(".")[2]
        at_once = min(self.stack.max_concurrent_transforms, VCPUS.get(size, MOST_VCPUS))
        return shards * (self.speeds.object_seconds + rows / self.speeds.rows_per_second) / at_once

    @cached_property
    def prepare_seconds(self) -> float:
        """Of one drop: what is read, written and noted, as if one after the other, and its rows."""
        requests = (1 + self.reads + self.shards + 1) * self.speeds.s3_seconds
        rows = self.workload.rows_per_file / 1e6 * self.speeds.prepare_seconds
        return requests + 2 * self.speeds.dynamodb_seconds + self.speeds.prepare_drop_seconds + rows

    @cached_property
    def collect_seconds(self) -> float:
        """Of one drop: context, outputs, result, the ledger, the event, and its rows."""
        requests = (self.context_reads + self.shards + 1) * self.speeds.s3_seconds
        rows = self.workload.rows_per_file / 1e6 * self.speeds.collect_seconds
        return requests + 2 * self.speeds.dynamodb_seconds + self.speeds.collect_drop_seconds + rows

    def dispatch_seconds(self, drops: int) -> float:
        """Of a job: its drops are read three times and claimed once, a hundred at a time."""
        return self.speeds.dispatch_seconds + ceil(drops / 100) * 13 * self.speeds.dynamodb_seconds

    @property
    def reads(self) -> int:
        """Requests for a file's rows, beside the one for its end: about one a megabyte."""
        size = self.workload.rows_per_file * self.speeds.source_bytes
        return 0 if size <= TAIL_BYTES else ceil(size / MEBIBYTE)

    @property
    def context_reads(self) -> int:
        """Requests for what collect needs beside the outputs: the end, and each shard's rows."""
        size = self.workload.rows_per_file * self.speeds.context_bytes
        return 1 if size <= TAIL_BYTES else 1 + self.shards
