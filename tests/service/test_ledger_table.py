"""The table: what is for later; the index of open work, which forgets nothing that is open."""

from __future__ import annotations

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from dropscore.aws.ledger import DispatchLease, OpenWork, Table
from dropscore.aws.ledger.drops import OPEN_KINDS
from dropscore.aws.ledger.index import QUIET, SETTLED_AFTER
from dropscore.aws.ledger.items import SPREAD, partition
from dropscore.aws.ledger.jobs import JOB
from dropscore.aws.ledger.table import Put
from dropscore.domain.drop import DropState
from dropscore.domain.errors import ServiceBusy
from tests.service.builders import SOON, bring_to, stubbed
from tests.unit.builders import NOW

KINDS = (*OPEN_KINDS, JOB)


def test_a_change_that_only_removes_and_finds_no_item_leaves_none():
    """DynamoDB makes none then (scylladb/scylladb#5862), where moto and the embedded AWS make one."""
    with stubbed("dynamodb") as (client, stubber):
        stubber.add_response("update_item", {})
        assert Table(client, "ledger").change("x", {"n": None}, None) == {}


def cancelled(stubber, *codes):
    stubber.add_client_error(
        "transact_write_items",
        "TransactionCanceledException",
        "Transaction cancelled",
        modeled_fields={"CancellationReasons": [{"Code": code} for code in codes]},
    )


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_that_another_write_or_a_throttle_cancels_is_for_later(code):
    with stubbed("dynamodb") as (client, stubber):
        cancelled(stubber, "None", code, "ConditionalCheckFailed")
        with pytest.raises(ServiceBusy, match="Transaction cancelled"):
            Table(client, "ledger").transact([Put({"pk": "x"})])


def test_a_transaction_that_is_wrong_is_a_defect():
    with stubbed("dynamodb") as (client, stubber):
        cancelled(stubber, "None", "ValidationError")
        with pytest.raises(ClientError):
            Table(client, "ledger").transact([Put({"pk": "x"})])


def test_who_meets_the_lease_s_holder_planning_a_job_finds_the_lease_held():
    with stubbed("dynamodb") as (client, stubber):
        stubber.add_client_error("update_item", "TransactionConflictException", "Transaction is ongoing")
        assert DispatchLease.acquire(Table(client, "ledger"), "me", NOW, SOON) is None


def test_what_a_batch_read_leaves_out_is_asked_for_again():
    def keys(*names):
        return {"ledger": {"Keys": [{"pk": {"S": name}} for name in names], "ConsistentRead": True}}

    with stubbed("dynamodb") as (client, stubber):
        first = {"Responses": {"ledger": [{"pk": {"S": "a"}}]}, "UnprocessedKeys": keys("b")}
        stubber.add_response("batch_get_item", first, {"RequestItems": keys("a", "b")})
        second = {"Responses": {"ledger": [{"pk": {"S": "b"}}]}}
        stubber.add_response("batch_get_item", second, {"RequestItems": keys("b")})
        assert Table(client, "ledger").get_all(["a", "b"]) == [{"pk": "a"}, {"pk": "b"}]


def test_who_is_waited_for_asks_for_what_is_left_out_only_so_often():
    left = {"ledger": {"Keys": [{"pk": {"S": "a"}}], "ConsistentRead": True}}
    with stubbed("dynamodb") as (client, stubber):
        for _ in range(2):
            stubber.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": left})
        with pytest.raises(ServiceBusy):
            Table(client, "ledger", 2).get_all(["a"])


# --- the index of open work -----------------------------------------------------------------------------


def opened(table, index, name, day=NOW, *, what="waiting", due="0", size=0):
    """An open item of a day, opened as it should be."""
    index.remember(day.date(), day)
    place = partition(what, day.date(), len(name))
    item = {"work": place, "due": due, **({"ballast": "x" * size} if size else {})}
    return table.change(name, item, None)


def names(items):
    return [item["pk"] for item in items]


def test_open_items_come_oldest_day_first_and_up_to_the_limit(table, index):
    for days in (0, 3, 1, 40):
        opened(table, index, f"{days} days", NOW - timedelta(days=days))
    assert names(index.items("waiting", NOW, due=False, limit=9)) == ["40 days", "3 days", "1 days", "0 days"]
    assert names(index.items("waiting", NOW, due=False, limit=2)) == ["40 days", "3 days"]
    assert names(index.items("prepared", NOW, due=False, limit=9)) == []


def test_every_partition_of_a_day_is_looked_into(table, index):
    for length in range(1, SPREAD + 1):
        opened(table, index, "x" * length)
    assert len(index.items("waiting", NOW, due=False, limit=99)) == SPREAD


def test_a_drop_of_any_day_is_found_however_long_it_has_waited(drops, index):
    long_ago = NOW - timedelta(days=400)
    drop = bring_to(drops, DropState.WAITING, now=long_ago)
    index.forget_settled(KINDS, NOW)
    assert drops.due(DropState.WAITING, NOW, 10) == [drop]


def walked_days(index):
    return index._days()


def test_a_day_is_walked_no_longer_once_it_is_over_and_nothing_is_open_on_it(drops, index):
    drop = bring_to(drops, DropState.REJECTED, now=NOW - timedelta(days=3))
    index.forget_settled(KINDS, NOW)
    assert walked_days(index) == [drop.arrived_at.date()]
    drops.note_announced(drop)
    index.forget_settled(KINDS, NOW)
    assert walked_days(index) == []


def test_a_recent_day_is_walked_even_when_nothing_is_open_on_it(index):
    for age in (timedelta(0), SETTLED_AFTER):
        day = NOW - age
        index.remember(day.date(), day)
    index.forget_settled(KINDS, NOW)
    assert len(walked_days(index)) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_an_open_item_of_any_kind_keeps_its_day(table, index, kind):
    opened(table, index, "x", NOW - timedelta(days=9), what=kind)
    index.forget_settled(KINDS, NOW)
    assert names(index.items(kind, NOW, due=False, limit=1)) == ["x"]


def test_a_drop_of_a_forgotten_day_that_is_opened_again_is_found(drops, jobs, index):
    # GIVEN a drop in a job that takes days, and its day is forgotten
    long_ago = NOW - timedelta(days=9)
    scoring = bring_to(drops, DropState.SCORING, now=long_ago, jobs=jobs)
    (job,) = jobs.open(NOW, 1)
    index.forget_settled(KINDS, NOW)
    assert long_ago.date() not in walked_days(index)
    # WHEN the job leaves it unscored
    again = drops.score_again(scoring, job.name, "why", alone=True, now=NOW)
    # THEN it is found
    assert drops.due(DropState.PREPARED, NOW, 10) == [again]


def test_a_day_is_not_forgotten_between_the_announcement_and_the_opening_of_an_item(table, index):
    """Another invocation has remembered the day, but what it opens does not stand in the index yet."""
    long_ago = NOW - timedelta(days=9)
    index.remember(long_ago.date(), NOW)
    OpenWork(table).forget_settled(KINDS, NOW + timedelta(minutes=1))
    opened_late = {"work": partition("waiting", long_ago.date(), 0), "due": "0"}
    table.change("x", opened_late, None)
    assert names(index.items("waiting", NOW, due=False, limit=1)) == ["x"]
    table.change("x", {"work": None, "due": None}, None)
    OpenWork(table).forget_settled(KINDS, NOW + QUIET + timedelta(seconds=1))
    assert walked_days(index) == []


def test_a_day_that_is_remembered_while_it_is_being_forgotten_stays(table):
    """The sweep has found nothing open; before it forgets the day, somebody is about to open an item."""
    long_ago = NOW - timedelta(days=9)

    class Interrupted(OpenWork):
        def _empty(self, day, kinds):
            empty = super()._empty(day, kinds)
            OpenWork(table).remember(day, NOW)
            return empty

    OpenWork(table).remember(long_ago.date(), long_ago)
    Interrupted(table).forget_settled(KINDS, NOW)
    assert walked_days(OpenWork(table)) == [long_ago.date()]


def test_a_warm_invocation_does_not_rely_on_a_day_that_may_be_forgotten_any_moment(table):
    """It remembered the day long ago; just before midnight it opens an item, just after the sweep looks."""
    index, day = OpenWork(table), NOW.date()
    index.remember(day, NOW)
    midnight = (NOW + SETTLED_AFTER + timedelta(days=1)).replace(hour=0, minute=0, second=0)
    index.remember(day, midnight - timedelta(seconds=1))
    OpenWork(table).forget_settled(KINDS, midnight + timedelta(seconds=1))
    assert walked_days(index) == [day]


def test_a_day_is_remembered_once_by_each_warm_invocation(table):
    writes = []

    class Counting(Table):
        def change(self, pk, changes, condition):
            writes.append(pk)
            return super().change(pk, changes, condition)

    index = OpenWork(Counting(table._client, "ledger"))
    for _ in range(5):
        index.remember(NOW.date(), NOW)
    assert writes == ["days"]
