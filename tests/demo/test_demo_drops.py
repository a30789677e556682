"""The demo's drops on their way: what is put, and how long is waited."""

import boto3
import pytest
from moto import mock_aws

from dropscore.domain.drop import DropState
from local.demo.drops import NotFinishedError, put, wait_until_final
from local.demo.files import DropFile


class MotoStack:
    """Stands for a running stack: an inbox and a ledger, and nobody who works."""

    outputs = {"InboxBucketName": "inbox", "LedgerTableName": "ledger"}  # noqa: RUF012 - never changed

    def __init__(self):
        self._session = boto3.Session("x", "x", region_name="us-east-1")

    def client(self, service):
        return self._session.client(service)


@pytest.fixture
def stack():
    with mock_aws():
        stack = MotoStack()
        stack.client("s3").create_bucket(Bucket="inbox")
        versions = {"Bucket": "inbox", "VersioningConfiguration": {"Status": "Enabled"}}
        stack.client("s3").put_bucket_versioning(**versions)
        stack.client("dynamodb").create_table(
            TableName="ledger",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield stack


def write_down(stack, source, state, **more):
    """The ledger's item of a drop."""
    item = {
        "pk": f"drop#{source.drop_id}",
        "drop_id": source.drop_id,
        "state": state.value,
        "source_bucket": source.bucket,
        "source_key": source.key,
        "source_version": source.version,
        "arrived_at": "2026-01-01T00:00:00.000Z",
        **more,
    }
    typed = {name: {"S": value} for name, value in item.items()}
    stack.client("dynamodb").put_item(TableName="ledger", Item={**typed, "source_versioned": {"BOOL": True}})


@pytest.fixture
def files(tmp_path):
    names = ["a b.parquet", "ü=%41.parquet"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    return [DropFile(tmp_path / name, name) for name in names]


def test_files_are_put_under_their_keys_and_become_the_version_that_s3_names(stack, files):
    counted = []

    sources = put(stack, files, counted.append)

    assert counted == [1, 2]
    for source, file in zip(sources, files, strict=True):
        stored = stack.client("s3").get_object(Bucket="inbox", Key=file.key, VersionId=source.version)
        assert stored["Body"].read() == file.path.read_bytes()


def test_drops_come_back_in_the_order_they_were_put_once_all_are_final(stack, files):
    sources = put(stack, files, lambda _: None)
    write_down(stack, sources[1], DropState.REJECTED, reason="broken")
    write_down(stack, sources[0], DropState.PREPARED)

    def finish(known):
        assert {drop.state for drop in known} == {DropState.PREPARED, DropState.REJECTED}
        write_down(stack, sources[0], DropState.SCORED)

    calls = iter([finish, lambda _: None])
    drops = wait_until_final(stack, sources, 30, lambda known: next(calls)(known))  # noqa: PLW0108 - a call each

    assert [(drop.source.key, drop.state) for drop in drops] == [
        ("a b.parquet", DropState.SCORED),
        ("ü=%41.parquet", DropState.REJECTED),
    ]


def test_waiting_ends_with_the_states_and_a_reason(stack, files):
    sources = put(stack, files, lambda _: None)
    write_down(stack, sources[0], DropState.WAITING, reason="no approved model")

    with pytest.raises(NotFinishedError, match=r"1 WAITING.*1 not in the ledger.*\(no approved model\)"):
        wait_until_final(stack, sources, 0.1, lambda _: None)
