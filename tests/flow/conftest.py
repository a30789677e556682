"""One deployed stack for all flow tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.demo.model import install_sample_model
from local.stack import LocalStack
from tests.flow.flow import Flow


@pytest.fixture(scope="session")
def deployed() -> Iterator[Flow]:
    parameters = {
        "JobWindowSeconds": "2",
        "BatchWindowSeconds": "1",
        "MaxRowsPerDrop": "100000",
        "AlarmEmail": "operator@example.com",
        "ExpectDailyDrops": "true",
        "ApiRateLimit": "10000",
        "ApiBurstLimit": "5000",
        "RealtimeEndpoint": "enabled",
    }
    with LocalStack(parameters=parameters) as stack:
        yield Flow(stack, install_sample_model(stack))


@pytest.fixture
def flow(deployed: Flow) -> Iterator[Flow]:
    deployed.stack.reset_faults()
    yield deployed
    deployed.stack.reset_faults()
    assert deployed.dead_letters() == {"InboxDlqUrl": 0, "CollectDlqUrl": 0}
