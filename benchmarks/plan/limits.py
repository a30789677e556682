"""How many files a day each step and each service takes at most: the smallest of these breaks first."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.plan.arrivals import hours
from benchmarks.plan.code import AT_ONCE, PART_DROPS, SPREAD
from benchmarks.plan.dispatching import looking_seconds
from benchmarks.plan.requests import LEDGER_WRITES, requests_per_drop
from benchmarks.plan.workload import DAY, Work

S3_WRITES, S3_READS = 3_500, 5_500
PARTITION_WRITES = 1_000
TABLE_WRITES = 40_000
LAMBDA_CONCURRENCY = 1_000
QUEUE_CONCURRENCY = 1_000
EVENTS = 10_000
JOBS_CREATED = 1
"""What AWS documents, a second or at once; `Limit.source` of each says where. The last is assumed."""


@dataclass(frozen=True)
class Limit:
    """A step, and what it takes.

    Attributes
    ----------
    files_per_day
        At most.
    lever
        What raises it.
    source
        Who says so; empty where it follows from the stack's parameters.
    """

    name: str
    files_per_day: float
    lever: str
    source: str = ""


def limits(work: Work) -> list[Limit]:
    """All of them, the tightest first.

    What queues wait before takes the files of a day in a day. What refuses when it is asked too often has to
    take them in the hours in which they come.
    """
    return sorted([*_steps(work), *_services(work)], key=lambda limit: limit.files_per_day)


def _steps(work: Work) -> list[Limit]:
    stack, drops = work.stack, work.drops_per_job
    taking = work.speeds.start_seconds + work.job_seconds(drops) + work.speeds.event_seconds
    parts = -(-drops // PART_DROPS)
    taking += -(-parts // stack.collect_concurrency) * min(drops, PART_DROPS) * work.collect_seconds
    prepare = work.prepare_seconds + work.speeds.invocation_seconds / stack.batch_size
    collect = work.collect_seconds + work.speeds.invocation_seconds / PART_DROPS
    return [
        Limit("MaxJobsPerDay", stack.max_jobs_per_day * drops, "MaxJobsPerDay, JobMaxDrops"),
        Limit(
            "MaxRunningJobs, or the account's quota",
            work.jobs_at_once * DAY / taking * drops,
            "JobMaxDrops, MaxRunningJobs, a quota of more instances, MaxInstances",
        ),
        Limit("one dispatch at a time", DAY * _dispatched_a_second(work), "JobMaxDrops, larger files"),
        Limit(
            "PrepareConcurrency",
            stack.prepare_concurrency * DAY / prepare,
            "PrepareConcurrency, larger files",
        ),
        Limit(
            "CollectConcurrency",
            stack.collect_concurrency * DAY / collect,
            "CollectConcurrency, larger files",
        ),
    ]


def _dispatched_a_second(work: Work) -> float:
    """Drops, by a dispatch that finds as many as it looks at."""
    jobs = max(1, AT_ONCE // work.drops_per_job)
    taking = looking_seconds(work, AT_ONCE) + jobs * work.dispatch_seconds(work.drops_per_job)
    return jobs * work.drops_per_job / taking


def _services(work: Work) -> list[Limit]:
    seconds = hours(work.workload.profile) * 3_600
    asked = requests_per_drop(work, work.drops_per_job)
    item = -(-work.speeds.drop_item_bytes // 1_024)
    both = work.prepare_seconds + work.collect_seconds
    prepare_reads = 1 + work.reads
    return [
        Limit(
            "Lambda: concurrency of an account",
            LAMBDA_CONCURRENCY * DAY / both,
            "a quota; larger files",
            "1,000 by default, 10 in new accounts: Lambda quotas, developer guide",
        ),
        Limit(
            "Lambda: concurrency of one queue",
            QUEUE_CONCURRENCY * DAY / max(work.prepare_seconds, work.collect_seconds),
            "larger files; a second stack",
            "1,000 at most: Configuring scaling behavior for SQS event source mappings, developer guide",
        ),
        Limit(
            "SageMaker: rate of CreateTransformJob",
            JOBS_CREATED * seconds * work.drops_per_job,
            "JobMaxDrops",
            "not published; 1 a second is assumed",
        ),
        Limit(
            "S3: writes below predictions/<day>",
            S3_WRITES * seconds,
            "larger files; S3 splits a prefix that stays busy",
            "3,500 a second and prefix: Best practices design patterns, user guide",
        ),
        Limit(
            "S3: reads of the inbox below one prefix",
            S3_READS * seconds / prepare_reads,
            "prefixes of the inbox's keys; larger files",
            "5,500 a second and prefix: the same",
        ),
        Limit(
            f"DynamoDB: a partition of the index work, one of {SPREAD}",
            SPREAD * PARTITION_WRITES * seconds / (2 * item),
            "larger files; SPREAD in the code",
            "1,000 writes a second and partition: Quotas in Amazon DynamoDB, developer guide",
        ),
        Limit(
            "DynamoDB: writes to the table",
            TABLE_WRITES * seconds / ((LEDGER_WRITES + 1) * item),
            "a quota",
            "40,000 a second and table by default, 4,000 at once where it is new: the same",
        ),
        Limit(
            "EventBridge: PutEvents",
            EVENTS * seconds / asked["PutEvents"],
            "a quota",
            "10,000 a second in us-east-1: Amazon EventBridge quotas, user guide",
        ),
    ]
