"""A world for each test of the schemas; one deployed stack for those of the example."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.demo.model import install_sample_model
from local.stack import LocalStack
from tests.flow.flow import Flow
from tests.simulation.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture(scope="session")
def flow() -> Iterator[Flow]:
    with LocalStack(parameters={"JobWindowSeconds": "0", "BatchWindowSeconds": "1"}) as stack:
        yield Flow(stack, install_sample_model(stack))
