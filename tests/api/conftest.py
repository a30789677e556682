"""The API over moto's AWS, asked as API Gateway asks it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws

from dropscore.api.app import ResultsApi
from dropscore.api.reading import Reading
from dropscore.aws.clients import ANSWERING, Clients
from dropscore.aws.ledger import Catalogue, Drops, Jobs, OpenWork, Table, Versions
from dropscore.aws.objects import Bucket
from dropscore.deadline import system_clock
from dropscore.settings import ApiAuth, ApiSettings
from tests.api.asking import Asking
from tests.api.registry import Registered
from tests.api.stack import BUCKET, Stack
from tests.service.builders import create_ledger_table


@pytest.fixture(scope="session")
def made_clients():
    """The clients of the function, each made once: it is what takes longest."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_CONFIG_FILE"):
            environment.delenv(name, raising=False)
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environment.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        clients = Clients(ANSWERING)
        made = {name: getattr(clients, name)() for name in ("s3", "dynamodb")}
        # A client is made when something is asked of it: here, where the region is known.
        assert {client.meta.region_name for client in made.values()} == {"eu-central-1"}
        return made


@pytest.fixture
def s3(made_clients):
    """An S3 client with the results bucket."""
    with mock_aws():
        made_clients["s3"].create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        create_ledger_table(made_clients["dynamodb"])
        yield made_clients["s3"]


@pytest.fixture
def registry() -> Registered:
    """The registry, without any version yet."""
    return Registered("dropscore")


@pytest.fixture
def reading(s3, made_clients, registry) -> Reading:
    table = Table(made_clients["dynamodb"], "ledger")
    index = OpenWork(table)
    drops = Drops(table, index)
    return Reading(
        drops=drops,
        jobs=Jobs(table, index, drops),
        versions=Versions(table),
        catalogue=Catalogue(table),
        registry=registry,
        results=Bucket(s3, BUCKET),
        settings=ApiSettings(BUCKET, "ledger", "dropscore", "abc123", ApiAuth.IAM),
    )


@pytest.fixture
def stack(reading) -> Stack:
    """What the other functions would have written."""
    return Stack(reading)


@pytest.fixture
def ask(reading) -> Asking:
    """Asks the API."""
    return Asking(ResultsApi(reading, system_clock))


@pytest.fixture
def reads(s3) -> Iterator[list[str]]:
    """What is asked of S3 from now on: the operation and the range of bytes."""
    asked: list[str] = []

    def note(request, **_):
        asked.append(f"{request.method} {request.headers.get('Range', b'').decode()}".strip())

    s3.meta.events.register("before-send.s3", note, unique_id="reads")
    yield asked
    s3.meta.events.unregister("before-send.s3", note, unique_id="reads")
