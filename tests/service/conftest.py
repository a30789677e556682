"""Adapters over moto's AWS: nothing leaves the process, and nobody's own credentials are looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from dropscore.aws.clients import Clients
from dropscore.aws.ledger import Drops, Jobs, OpenWork, Table
from tests.service.builders import create_ledger_table


@pytest.fixture(scope="session")
def made_clients():
    """The clients of the functions, each made once: it is what takes longest."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_CONFIG_FILE"):
            environment.delenv(name, raising=False)
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        clients = Clients()
        made = {name: getattr(clients, name)() for name in ("s3", "dynamodb")}
        # A client is made when something is asked of it: here, where the region is known.
        assert {client.meta.region_name for client in made.values()} == {"eu-central-1"}
        return made


@pytest.fixture
def clients(made_clients) -> Iterator[dict]:
    """The clients in front of an empty AWS."""
    with mock_aws():
        yield made_clients


@pytest.fixture
def s3(clients):
    """An S3 client with two buckets: `inbox`, versioned, and `work`, without versions."""
    client = clients["s3"]
    for bucket in ("inbox", "work"):
        client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    client.put_bucket_versioning(Bucket="inbox", VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture
def dynamodb(clients):
    """A DynamoDB client with the ledger's table."""
    create_ledger_table(clients["dynamodb"])
    return clients["dynamodb"]


@pytest.fixture
def table(dynamodb) -> Table:
    return Table(dynamodb, "ledger")


@pytest.fixture
def index(table) -> OpenWork:
    return OpenWork(table)


@pytest.fixture
def drops(table, index) -> Drops:
    return Drops(table, index)


@pytest.fixture
def jobs(table, index, drops) -> Jobs:
    return Jobs(table, index, drops)
