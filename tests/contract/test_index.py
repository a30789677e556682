"""The index of open work: in the order in which items are due, and only of those that are open."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dropscore.aws.ledger import Drops, OpenWork
from dropscore.aws.ledger.items import stamp
from dropscore.aws.ledger.table import Change, Put
from dropscore.domain.drop import DropState
from tests.contract.test_table import NEW
from tests.local.builders import unique
from tests.unit.builders import source

pytestmark = pytest.mark.parametrize("side", ["memory", "lagging", "embedded"], indirect=True)


@pytest.fixture
def table(side):
    return side.table()


@pytest.fixture
def work():
    """A partition that nobody else has anything in."""
    return unique("waiting")


def at(minute: int) -> datetime:
    return datetime(2026, 3, 4, 5, minute, tzinfo=UTC)


def opened(table, work, *minutes):
    """Open items that are due at these minutes; their keys."""
    pks = [unique("item") for _ in minutes]
    for pk, minute in zip(pks, minutes, strict=True):
        table.change(pk, {"work": work, "due": stamp(at(minute))}, None)
    return pks


def found(table, work, due=None, limit=100):
    return [item["pk"] for item in table.query_index(work, due, limit)]


def test_items_come_in_the_order_they_are_due_and_whole(table, work):
    late, soon, later = opened(table, work, 30, 10, 20)
    table.change(soon, {"n": 1}, None)
    assert found(table, work) == [soon, later, late]
    assert table.query_index(work, None, 1) == [table.get(soon)]


def test_only_items_that_are_due_by_then_come_when_it_is_asked_for(table, work):
    late, soon, later = opened(table, work, 30, 10, 20)
    assert found(table, work, at(20)) == [soon, later]
    assert found(table, work, at(9)) == []
    assert late in found(table, work, at(30))


def test_no_more_come_than_are_asked_for(table, work):
    late, soon, later = opened(table, work, 30, 10, 20)
    assert found(table, work, limit=1) == [soon]
    assert found(table, work, limit=2) == [soon, later]
    assert found(table, work, at(30), limit=3) == [soon, later, late]


def test_items_of_another_partition_do_not_come(table, work):
    opened(table, work + "#1", 10)
    assert found(table, work) == []


def test_an_item_without_its_work_or_its_time_is_not_in_the_index(table, work):
    done, moved, unscheduled, stays = opened(table, work, 10, 20, 30, 40)
    table.change(done, {"work": None, "due": None}, None)
    table.change(moved, {"work": work + "#1"}, None)
    table.change(unscheduled, {"due": None}, None)
    assert found(table, work) == [stays]
    assert found(table, work + "#1") == [moved]


def test_an_item_moves_when_it_is_due_at_another_time(table, work):
    first, second = opened(table, work, 10, 20)
    table.change(first, {"due": stamp(at(30))}, None)
    assert found(table, work) == [second, first]


def test_what_a_transaction_writes_stands_in_the_index(table, work):
    (pk,), put, changed = opened(table, work, 10), unique("item"), unique("item")
    table.transact(
        [
            Put({"pk": put, "work": work, "due": stamp(at(20))}),
            Change(changed, {"work": work, "due": stamp(at(30))}, NEW),
        ]
    )
    assert found(table, work) == [pk, put, changed]


def test_more_than_a_page_holds_is_found(table, work):
    """A page of Query has 1 MB (API reference)."""
    ballast = "x" * 150_000
    for number in range(9):
        table.change(unique("item"), {"work": work, "due": stamp(at(number)), "ballast": ballast}, None)
    assert len(found(table, work)) == 9
    assert len(found(table, work, limit=8)) == 8


def test_a_drop_goes_its_way_through_the_ledger(table):
    """The same words, from the use cases' side: opened, found when its lease is over, and gone when done."""
    index = OpenWork(table)
    drops = Drops(table, index)
    drop = drops.open(source(version=unique("v")), at(0), at(5))
    waiting = drops.wait(drop, "no model", at(1))
    assert waiting in drops.due(DropState.WAITING, at(1), 10_000)
    finished = drops.reject(
        drops.take_up(waiting, at(2), at(7)), "bad file", counts=None, rejects_uri=None, now=at(3)
    )
    drops.note_announced(finished)
    open_ones = [
        drop for state in ("WAITING", "PREPARING") for drop in drops.due(DropState(state), at(59), 10_000)
    ]
    assert drop.drop_id not in {one.drop_id for one in [*open_ones, *drops.unannounced(at(59), 10_000)]}
    assert drops.get(drop.drop_id).state is DropState.REJECTED
