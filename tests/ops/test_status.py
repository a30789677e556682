"""How things stand: counted in bounds, and with what to do next."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from botocore.stub import ANY, Stubber

from dropscore.domain.drop import DropState
from dropscore.domain.source import NoDrop
from ops import queues
from ops.inbox import skipped_since
from ops.ledger import Count
from ops.status import look
from tests.ops.builders import FakeConnection, real_client
from tests.service.stock import Stock

HOUR = timedelta(hours=1)


def test_drops_are_counted_by_state(stock, ledger):
    for state, number in ((DropState.WAITING, 2), (DropState.SCORED, 3), (DropState.FAILED, 1)):
        for _ in range(number):
            stock.add(state, timedelta())

    counts = {state: ledger.count(state, datetime.now(UTC) - timedelta(days=7)) for state in DropState}

    assert {state: count.number for state, count in counts.items() if count.number} == {
        DropState.WAITING: 2,
        DropState.SCORED: 3,
        DropState.FAILED: 1,
    }


def test_counting_ends_at_the_limit_and_says_so(stock, ledger):
    for _ in range(4):
        stock.add(DropState.WAITING, timedelta())
        stock.add(DropState.SCORED, timedelta())
    since = datetime.now(UTC) - timedelta(days=7)

    assert ledger.count(DropState.WAITING, since, limit=3) == Count(3, more=True)
    assert ledger.count(DropState.SCORED, since, limit=3) == Count(3, more=True)
    assert ledger.count(DropState.SCORED, since, limit=4) == Count(4)
    assert str(Count(500, more=True)) == "500+"


def test_final_drops_are_counted_only_since_then_open_ones_always(world, ledger):
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=7)
    around = Stock(world.stack.ledger(), noon)
    around.add(DropState.SCORED, -timedelta(days=2))
    around.add(DropState.SCORED, -HOUR)  # of the same day
    around.add(DropState.PREPARED, -HOUR)
    around.add(DropState.SCORED, HOUR)
    around.add(DropState.SCORED, timedelta(days=6))

    assert ledger.count(DropState.SCORED, noon) == Count(2)
    assert ledger.count(DropState.PREPARED, noon) == Count(1)


def test_the_whole_says_what_to_do_next(world, stock):
    stock.add(DropState.WAITING, timedelta())
    stock.add(DropState.FAILED, timedelta())
    scoring = stock.add(DropState.SCORING, timedelta())
    world.send("InboxDlq", {"dispatch": True})
    sagemaker = real_client("sagemaker")
    with Stubber(sagemaker) as stubber:
        for _ in range(2):
            stubber.add_client_error("describe_transform_job", "ValidationException")
        found = look(world.with_clients(sagemaker=sagemaker), days=7)

    assert found.drops[DropState.FAILED].number == 1
    assert {job.name for job in found.jobs} >= {scoring.job}
    assert found.jobs_today == (2 if stock.start.date() == found.now.date() else 0)
    assert {job.at_sagemaker for job in found.jobs} == {None}
    text = "\n".join(found.needs)
    for word in ("approve a version", "ops retry", "ops redrive"):
        assert word in text
    json.dumps(found.document())


def test_nothing_needs_anybody_at_rest(world, stock):
    stock.add(DropState.REJECTED, timedelta())

    assert look(world.stack, days=7).needs == []


def test_objects_that_are_no_drops_are_counted_by_reason_since_then(world):
    world.count_no_drops(timedelta(days=8), ObjectsSkippedHidden=100)
    world.count_no_drops(timedelta(days=2), ObjectsSkippedHidden=2, ObjectsSkippedSuffix=1)
    world.count_no_drops(HOUR, ObjectsSkippedHidden=3)

    found = look(world.stack, days=7)

    assert found.no_drops == {NoDrop.HIDDEN: 5, NoDrop.SUFFIX: 1}
    assert json.loads(json.dumps(found.document()))["no_drops"] == {"hidden": 5, "suffix": 1}


def test_where_nothing_makes_metrics_of_log_lines_the_number_is_not_known(world):
    stack = replace(world.stack, connection=FakeConnection({}, embedded=True))
    now = datetime.now(UTC)

    assert skipped_since(stack, now - HOUR, now) is None


def test_a_queue_s_age_is_cloudwatch_s_latest_and_unknown_where_there_is_none(world):
    world.send("InboxQueue", "{}", "{}")
    world.send("CollectDlq", "{}")
    cloudwatch = real_client("cloudwatch")
    with Stubber(cloudwatch) as stubber:
        ages = {"q0": [120.0, 60.0], "q1": [7.0], "q2": [], "q3": [], "q4": []}
        told = {"MetricDataResults": [{"Id": name, "Values": values} for name, values in ages.items()]}
        stubber.add_response(
            "get_metric_data",
            told,
            {"StartTime": ANY, "EndTime": ANY, "MetricDataQueries": ANY, "ScanBy": "TimestampDescending"},
        )
        found = {depth.name: depth for depth in queues.depths(world.with_clients(cloudwatch=cloudwatch))}

    assert (found["InboxQueue"].total, found["InboxQueue"].oldest_seconds) == (2, 120.0)
    assert found["CollectQueue"].oldest_seconds is None  # empty by now, whatever the metric said
    assert (found["CollectDlq"].total, found["CollectDlq"].oldest_seconds) == (1, None)
