"""FAILED drops and held versions: found in the ledger, brought back through the sweep function's own door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import Stubber

from dropscore.domain.catalogue import Arrived
from dropscore.domain.drop import DropState
from ops import sweeping
from ops.errors import BadChoice, FunctionFailed
from ops.failed import arn_of, failed_drops, held_versions, reasons
from ops.ledger import day_of
from tests.ops.builders import SweepDouble, real_client
from tests.unit.builders import ARN

EVER = Arrived()
MINUTE = timedelta(minutes=1)


def test_failed_drops_are_found_by_day_and_prefix_and_no_others(world, stock):
    first = stock.add(DropState.FAILED, timedelta(), "a/1.parquet")
    second = stock.add(DropState.FAILED, MINUTE, "b/2.parquet")
    stock.add(DropState.SCORED, timedelta(), "a/3.parquet")

    def found(arrived=EVER, prefix=""):
        return [drop.drop_id for drop in failed_drops(world.stack, arrived, prefix)]

    assert found() == [second.drop_id, first.drop_id]
    assert found(prefix="a/") == [first.drop_id]
    assert found(Arrived(until=second.arrived_at)) == [first.drop_id]
    assert found(day_of("2020-01-01")) == []


def test_a_day_is_one_of_utc():
    assert day_of("2026-11-22") == Arrived(
        datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)
    )
    with pytest.raises(ValueError, match=r"22\.11"):
        day_of("22.11.2026")


def test_the_same_reason_in_different_jobs_is_one(stock):
    drops = [stock.add(DropState.FAILED, timedelta()) for _ in range(3)]
    text = "scoring failed twice, alone in job dropscore-{}: AlgorithmError"
    for number, drop in enumerate(drops):
        object.__setattr__(drop, "reason", text.format(number) if number else "another")

    assert reasons(drops) == [("scoring failed twice, alone in its job: AlgorithmError", 2), ("another", 1)]


def test_the_function_is_asked_a_hundred_at_a_time(world):
    sweep = SweepDouble({"3": "left alone: it is SCORED, only FAILED drops are retried"})
    ids = [str(number) for number in range(250)]

    answers = list(sweeping.retry(world.with_clients(lambda_=sweep), ids))

    assert [len(request["retry"]) for request in sweep.asked] == [100, 100, 50]
    assert [drop_id for request in sweep.asked for drop_id in request["retry"]] == ids
    assert answers[0]["3"].startswith("left alone")


def test_a_function_that_fails_is_told_with_its_words(world):
    stack = world.with_clients(lambda_=SweepDouble(failure="the function's environment lacks PAUSED"))

    with pytest.raises(FunctionFailed, match=r"environment lacks PAUSED.*SweepLogs"):
        list(sweeping.retry(stack, ["1"]))


def test_a_version_is_released_by_its_arn(world):
    sweep = SweepDouble()

    assert sweeping.release(world.with_clients(lambda_=sweep), ARN) == "scores again"
    assert sweep.asked == [{"release": ARN}]


@pytest.fixture
def with_versions(world):
    """The stack with versions 6 and 7 in its group."""
    sagemaker = real_client("sagemaker")
    with Stubber(sagemaker) as stubber:
        summaries = [
            {
                "ModelPackageArn": ARN[:-1] + str(number),
                "ModelPackageGroupName": "dropscore",
                "ModelPackageVersion": number,
                "ModelApprovalStatus": "Approved",
                "ModelPackageStatus": "Completed",
                "CreationTime": datetime.now(UTC),
            }
            for number in (7, 6)
        ]
        stubber.add_response("list_model_packages", {"ModelPackageSummaryList": summaries})
        yield world.with_clients(sagemaker=sagemaker)


def test_held_versions_are_found_with_their_reasons(with_versions, ledger):
    ledger.versions.hold(ARN, "its jobs end without output: x")

    (held,) = held_versions(with_versions)

    assert (held.version, held.arn, held.reason) == (7, ARN, "its jobs end without output: x")


def test_a_version_s_number_is_enough(with_versions):
    assert arn_of(with_versions, 6) == ARN[:-1] + "6"


def test_a_number_that_there_is_not_is_refused(with_versions):
    with pytest.raises(BadChoice, match="no version 9"):
        arn_of(with_versions, 9)
