"""What holds for every test: what `make test` leaves to `make test-all`, and the one deployed stack."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.flow.flow import Flow

TESTS = Path(__file__).parent

SLOW_FOLDERS = frozenset(
    {"artifact", "benchmarks", "chaos", "demo", "doors", "fuzz", "isolation", "local", "openapi", "page"}
)
"""All tests of these folders are marked slow. Elsewhere single tests are."""

STACK = {
    "JobWindowSeconds": "0",
    "BatchSize": "10",
    "BatchWindowSeconds": "0",
    "MaxRowsPerDrop": "100000",
    "AlarmEmail": "operator@example.com",
    "ExpectDailyDrops": "true",
    "ApiRateLimit": "10000",
    "ApiBurstLimit": "5000",
    "RealtimeEndpoint": "enabled",
}
"""The parameters of the deployed stack: nothing waits for company."""

# A first call that imports something, on a machine that others use too, is not what these tests are about.
settings.register_profile("dropscore", deadline=None)
settings.load_profile("dropscore")


def pytest_configure() -> None:
    """Choose the day's seed once, for all worker processes."""
    os.environ.setdefault("SIMULATION_SEED", str(datetime.now(UTC).toordinal()))


def pytest_report_header() -> str:
    return f"simulation: SIMULATION_SEED={os.environ['SIMULATION_SEED']}"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import what `make test` leaves out."""
    if config.option.markexpr == "not slow" and collection_path.parent == TESTS:
        return collection_path.name in SLOW_FOLDERS or None
    return None


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what `-m` does not want
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, and keep together what shares a stack or a file: one worker runs each group."""
    for item in items:
        if item.path.relative_to(TESTS).parts[0] in SLOW_FOLDERS:
            item.add_marker(pytest.mark.slow)
        group = "stack" if uses_stack(item) else str(item.path.relative_to(TESTS))
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(
        key=uses_stack, reverse=True
    )  # they wait more than they work: the other worker has time meanwhile


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fail where pytest-xdist does not see the groups, or each test would deploy a stack of its own."""
    if getattr(session.config.option, "loadgroup", False):
        assert all("@" in item.nodeid for item in session.items)


def uses_stack(item: pytest.Item) -> bool:
    return "deployed" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def simulation_seed() -> int:
    """Another one each day, so that every crash point has its turn."""
    return int(os.environ["SIMULATION_SEED"])


@pytest.fixture(scope="session")
def deployed() -> Iterator[Flow]:
    """The template deployed to the embedded AWS, with an approved model, for all tests that need no other."""
    from local.demo.model import install_sample_model
    from local.stack import LocalStack
    from tests.flow.flow import Flow

    with LocalStack(parameters=STACK) as stack:
        yield Flow(stack, install_sample_model(stack))


@pytest.fixture
def flow(deployed: Flow) -> Iterator[Flow]:
    """The deployed stack without faults; no message may end in a dead letter queue."""
    deployed.stack.reset_faults()
    yield deployed
    deployed.stack.reset_faults()
    assert deployed.dead_letters() == {"InboxDlqUrl": 0, "CollectDlqUrl": 0}
