"""Exercises for the grants of CollectRole."""

from __future__ import annotations

from typing import Any

from dropscore.domain.messages import CollectPart
from tests.doors.exercises import BY_HEAD, Act, Exercise, ledger, logging, polling
from tests.doors.grants import grants
from tests.doors.house import PARTLY_BAD, Dropped, House


def job_ended(house: House) -> Act:
    """A job has come to an end: its outputs are listed and handed out."""
    job, _ = house.ended_job()
    return lambda: house.collect({"job": job})


def collect_part(house: House) -> Act:
    """A drop's output becomes its result."""
    job, dropped = house.ended_job()
    return collected(house, job, dropped)


def collect_part_with_rejects(house: House) -> Act:
    job, dropped = house.ended_job(PARTLY_BAD)
    return collected(house, job, dropped)


def collect_what_is_written(house: House) -> Act:
    """The result is there, from a try that was cut off before it was committed."""
    act = collect_part(house)
    with house.without(grants()["CollectRole Ledger dynamodb:UpdateItem LedgerTable"]):
        act()
    return act


def retry(house: House) -> Act:
    """A job ended without output: its drop is PREPARED again, and dispatched soon."""
    job, dropped = house.ended_job(rows=0)
    house.undo.callback(house.versions.release, house.model.version.arn)
    house.collect({"job": job})
    return lambda: house.collect(CollectPart(job, 0, {dropped.drop_id: []}).body())


def collected(house: House, job: str, dropped: Dropped) -> Act:
    house.collect({"job": job})
    part: dict[str, Any] = CollectPart(job, 0, {dropped.drop_id: [house.output_of(dropped)]}).body()
    return lambda: house.collect(part)


_ENDED = [
    *ledger("CollectRole", "GetItem", "UpdateItem"),
    "CollectRole ReadJob sagemaker:DescribeTransformJob transform-job/JobPrefix-*",
    "CollectRole ListOutputsAndTellMissingFromForbidden s3:ListBucket WorkBucket",
    "CollectRole HandOnToCollect sqs:SendMessage CollectQueue",
]
_PARTS = [
    *ledger("CollectRole", "BatchGetItem"),
    "CollectRole ReadOutputs s3:GetObject WorkBucket/context/*",
    "CollectRole ReadOutputs s3:GetObject WorkBucket/transform/*",
    "CollectRole WriteAndVerifyResults s3:PutObject ResultsBucket/predictions/*",
    "CollectRole Announce events:PutEvents event-bus/default",
]

EXERCISES = {
    **dict.fromkeys(_ENDED, Exercise(job_ended)),
    **dict.fromkeys(_PARTS, Exercise(collect_part)),
    "CollectRole WriteAndVerifyResults s3:GetObject ResultsBucket/predictions/*": Exercise(
        collect_what_is_written, BY_HEAD
    ),
    "CollectRole WriteRejects s3:PutObject ResultsBucket/rejects/*": Exercise(collect_part_with_rejects),
    "CollectRole HandOnToPrepare sqs:SendMessage InboxQueue": Exercise(retry),
    **{
        f"CollectRole Poll sqs:{action} CollectQueue": polling("CollectFunction", action)
        for action in ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage")
    },
    **{
        f"CollectRole WriteLogs logs:{action} CollectLogs": logging("CollectFunction")
        for action in ("CreateLogStream", "PutLogEvents")
    },
}
