"""A stack in moto's AWS, as the operator's commands find it through CloudFormation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from ops.connection import Connection
from ops.ledger import Ledger
from ops.stack import Stack
from tests.ops.builders import PARAMETERS, REGION, World
from tests.service.builders import create_ledger_table
from tests.service.stock import Stock


@pytest.fixture
def world() -> Iterator[World]:
    """An empty stack: buckets, queues, ledger, log groups; what moto has not, a test puts in its place."""
    with mock_aws():
        connection = Connection(boto3.Session("testing", "testing", region_name=REGION), REGION, "dropscore")
        s3, sqs, logs = (connection.client(name) for name in ("s3", "sqs", "logs"))
        for bucket in ("inbox", "results", "models", "work"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket="inbox", VersioningConfiguration={"Status": "Enabled"})
        queues = ("InboxQueue", "CollectQueue", "InboxDlq", "CollectDlq", "UndeliveredDlq")
        resources = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in queues}
        for group in ("PrepareLogs", "CollectLogs", "SweepLogs"):
            logs.create_log_group(logGroupName=group)
            resources[group] = group
        create_ledger_table(connection.client("dynamodb"))
        resources |= {
            "InboxBucket": "inbox",
            "ResultsBucket": "results",
            "ModelsBucket": "models",
            "WorkBucket": "work",
            "LedgerTable": "ledger",
            "SweepFunction": "sweep",
        }
        stack = Stack(connection, "dropscore", "CREATE_COMPLETE", "", dict(PARAMETERS), {}, resources)
        yield World(stack)


@pytest.fixture
def stock(world: World) -> Stock:
    """Drops that arrive from an hour ago on."""
    return Stock(world.stack.ledger(), datetime.now(UTC) - timedelta(hours=1))


@pytest.fixture
def ledger(world: World) -> Ledger:
    return Ledger(world.stack.ledger())
