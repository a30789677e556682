"""What a drop costs in requests: counted where they arrive, so that it cannot creep up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from local.demo.model import install_sample_model
from local.stack import LocalStack
from tests.flow.flow import Flow, parquet, wait_for

pytestmark = pytest.mark.slow

DROPS = 100
FUNCTIONS = ("PrepareRole", "CollectRole")


def asked(flow: Flow) -> Counter[str]:
    """How many requests prepare and collect have sent so far, by service."""
    counted: Counter[str] = Counter()
    for request in flow.stack.requests():
        if any(role in request["caller"] for role in FUNCTIONS):
            counted[request["service"]] += request["count"]
    return counted


@pytest.fixture(scope="module")
def flow() -> Iterator[Flow]:
    """A stack whose files wait for each other, as on AWS: a job is asked for, too."""
    with LocalStack({"JobWindowSeconds": "2", "BatchWindowSeconds": "1"}) as stack:
        yield Flow(stack, install_sample_model(stack))


@pytest.fixture
def spent(flow: Flow) -> Counter[str]:
    """What a hundred drops that came together have cost in a warm function, until nothing was left to do."""
    flow.wait(flow.put("data/requests/warm.parquet", parquet()))
    before = asked(flow)
    drop_ids = [flow.put(f"data/requests/{number}.parquet", parquet(1_440)) for number in range(DROPS)]
    drops = flow.wait(*drop_ids, limit=400)
    assert {drop.state for drop in drops} == {"SCORED"}
    wait_for(
        lambda: all(drop and drop.announced for drop in flow.found(drop_ids)), lambda: "not all are announced"
    )
    return asked(flow) - before


def test_a_small_drop_takes_eight_requests_to_s3_and_six_to_dynamodb_at_most(spent: Counter[str]) -> None:
    a_drop = {service: count / DROPS for service, count in spent.items()}
    assert 6 <= a_drop["s3"] <= 8  # fewer: they are not counted
    assert 4 <= a_drop["dynamodb"] <= 6
    assert a_drop["sqs"] + a_drop["sagemaker"] + a_drop["events"] <= 1
