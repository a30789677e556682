"""What a drop and a job ask of AWS, read off the code, and the units of DynamoDB that they take.

Only the way that everything usually goes: one model version, no rejected row, no retry.
"""

from __future__ import annotations

from collections import Counter
from math import ceil

from benchmarks.plan.code import CLAIM_AT_ONCE, PART_DROPS
from benchmarks.plan.flow import Totals
from benchmarks.plan.workload import DAY, Stack, Work

Requests = Counter[str]
"""How many of each operation, by its name in boto3."""

EVENTS_AT_ONCE, MESSAGES_AT_ONCE, KEYS_AT_ONCE, NAMES_AT_ONCE = 10, 10, 100, 1_000
"""Of PutEvents, SendMessageBatch, BatchGetItem and ListObjectsV2 (API references)."""

LEDGER_WRITES = 5
"""Of a drop: opened, PREPARED, SCORING, SCORED, announced; the third in a transaction, which takes twice."""

SMALL_INDEX_WRITES = 10
"""Units of the indexes that have keys only. `arrivals`, `keys` and `versions`: one each. `states`: each
change of state takes the old key out and puts the new one in, but for the first.
"""

_SERVICES = {
    "GetObject": "s3",
    "PutObject": "s3",
    "ListObjectsV2": "s3",
    "UpdateItem": "dynamodb",
    "GetItem": "dynamodb",
    "BatchGetItem": "dynamodb",
    "TransactWriteItems": "dynamodb",
    "CreateTransformJob": "sagemaker",
    "DescribeTransformJob": "sagemaker",
    "SendMessageBatch": "sqs",
    "PutEvents": "events",
}

EMPTY_RECEIVES = 2 * 5 * DAY / 20
"""A day: Lambda polls each of the two queues with five pollers, waiting 20 s each time, while they are empty
("Using Lambda with Amazon SQS", developer guide)."""


def of_drop(work: Work) -> Requests:
    """What preparing and collecting one drop asks for, beside what its job and its invocations do."""
    return Requests(
        {
            "GetObject": 1 + work.reads + work.context_reads + work.shards,
            "PutObject": work.shards + 1 + 1,
            "UpdateItem": LEDGER_WRITES - 1,
        }
    )


def of_job(work: Work, drops: int) -> Requests:
    """What planning, starting, collecting and closing one job of so many drops asks for."""
    parts = ceil(drops / PART_DROPS)
    reads = ceil(drops / KEYS_AT_ONCE)
    return Requests(
        {
            "TransactWriteItems": 1 + ceil(drops / CLAIM_AT_ONCE),
            "BatchGetItem": 3 * reads + parts,
            "GetItem": 1 + 1 + parts + 1,
            "UpdateItem": 2 + 2 + parts + 2,
            "PutObject": 1,
            "ListObjectsV2": ceil(drops * work.shards / NAMES_AT_ONCE),
            "CreateTransformJob": 1,
            "DescribeTransformJob": 1,
            "SendMessageBatch": ceil(parts / MESSAGES_AT_ONCE),
            "PutEvents": parts * ceil(min(drops, PART_DROPS) / EVENTS_AT_ONCE),
        }
    )


def requests_per_drop(work: Work, drops_per_job: float) -> dict[str, float]:
    """What the functions ask for a drop in all, where jobs have so many drops on average.

    Without what a dispatch that starts nothing asks for, what an invocation does beside its drops, and what
    SageMaker asks of S3 itself: `benchmarks flow` measures the first two.
    """
    drops = max(1, round(drops_per_job))
    every, shared = of_drop(work), of_job(work, drops)
    return {name: every[name] + shared[name] / drops for name in sorted({*every, *shared})}


def planned_by_service(work: Work, drops_per_job: float) -> dict[str, float]:
    """The same by service, as `benchmarks flow` counts them."""
    found = dict.fromkeys(sorted({*_SERVICES.values()}), 0.0)
    for name, count in requests_per_drop(work, drops_per_job).items():
        found[_SERVICES[name]] += count
    return found


def of_sagemaker(work: Work) -> Requests:
    """What SageMaker asks of S3 for one drop: each shard is read, and its output uploaded in parts.

    "Amazon SageMaker AI uses the Amazon S3 Multipart Upload API to upload results" (developer guide, "Batch
    transform for inference"): begin, one part, complete.
    """
    return Requests({"GetObject": work.shards, "UploadPart": 3 * work.shards})


def write_units(work: Work, drops_per_job: float) -> float:
    """Write request units of DynamoDB for a drop: one for each 1 KB of an item, and in each index as well.

    The index `work` has whole items: a drop is put into it, moved, and taken out, twice. A job's item names
    its members, and each of its parts notes its end there, in the table and in that index.
    """
    item = ceil(work.speeds.drop_item_bytes / 1_024)
    drops = max(1, round(drops_per_job))
    job = ceil((1_000 + 30 * drops) / 1_024)
    of_drop_units = (LEDGER_WRITES + 1) * item + 6 * item + SMALL_INDEX_WRITES
    of_job_units = (13 + 2 * ceil(drops / PART_DROPS)) * job
    return of_drop_units + of_job_units / drops


def read_units(work: Work, day: Totals) -> float:
    """Read request units of a day: a consistent read takes one for each 4 KB, an index's half of that.

    Dispatch reads each PREPARED drop that it looks at twice, in the index and then in the table; a claim
    reads a drop twice, collect and closing once each.
    """
    item = ceil(work.speeds.drop_item_bytes / 4_096)
    looking = day.looked_at * (item + work.speeds.drop_item_bytes / 4_096 / 2)
    drops = day.scored / max(1.0, day.jobs)
    job = ceil((1_000 + 30 * drops) / 4_096)
    parts = ceil(drops / PART_DROPS)
    return looking + day.scored * 4 * item + day.jobs * (parts + 2) * job


def messages(stack: Stack, day: Totals) -> float:
    """Requests to SQS of a day: S3's own, what Lambda receives and deletes in tens, and parts of jobs."""
    drops = day.scored / max(1.0, day.jobs)
    parts = day.jobs * (1 + ceil(drops / PART_DROPS))
    received = ceil(stack.batch_size / MESSAGES_AT_ONCE) * day.prepares
    tens = max(day.arrived / MESSAGES_AT_ONCE, min(received, day.arrived))
    return day.arrived + 2 * tens + parts * (1 / MESSAGES_AT_ONCE + 2) + day.dispatches + EMPTY_RECEIVES
