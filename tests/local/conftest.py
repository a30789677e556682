"""One embedded AWS for all tests of it, with a small stack of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.stack import LocalStack
from tests.local.builders import SHARD, EventLog, create_model, model_archive, put_shards, run_job

TOY = Path(__file__).parent / "toy" / "template.yaml"


@pytest.fixture(scope="session")
def embedded() -> Iterator[LocalStack]:
    with LocalStack(template_file=TOY) as stack:
        yield stack


@pytest.fixture
def aws(embedded: LocalStack) -> Iterator[LocalStack]:
    """The embedded AWS, no trouble asked for, and none left behind."""
    yield embedded
    embedded.reset_faults()


@pytest.fixture(scope="session")
def summing_model(embedded: LocalStack) -> str:
    """A model that adds up each row's features."""
    return create_model(embedded, model_archive())


@pytest.fixture(scope="session")
def events(embedded: LocalStack) -> EventLog:
    return EventLog(embedded)


@pytest.fixture(scope="session")
def scored(embedded: Any, summing_model: str) -> dict[str, Any]:
    """A job that has scored three shards."""
    source = put_shards(embedded, a=SHARD, b=b"7,1,1\n", empty=b"")
    return run_job(embedded, summing_model, source, Tags=[{"Key": "k", "Value": "v"}])


@pytest.fixture
def unscored(aws: Any) -> None:
    """Jobs end without a container, for tests of what is around them."""
    aws.change_faults(fail_jobs=1000)
