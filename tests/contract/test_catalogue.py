"""Indexes of keys: ranges of their partitions, merged; and every selection of the catalogue over them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from dropscore.aws.ledger.places import ARRIVALS, INDEXES, KEYS, STATES, Entry, Stretch
from dropscore.aws.ledger.table import Change, Put
from dropscore.domain.catalogue import Arrived
from tests.contract.test_table import THERE
from tests.local.builders import unique
from tests.service.stock import Stock

pytestmark = pytest.mark.parametrize("side", ["memory", "lagging", "embedded"], indirect=True)

_years = itertools.count(2030)


@pytest.fixture
def table(side):
    return side.table()


def entered(table, index, partition, *places):
    """Items that stand at these places of a partition; their keys."""
    pks = [unique("item") for _ in places]
    for pk, place in zip(pks, places, strict=True):
        table.change(pk, {index.hash: partition, index.range: place}, None)
    return pks


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: index.name)
def test_entries_come_in_the_index_s_order_within_the_bounds_and_up_to_the_limit(table, index):
    here = unique("partition")
    b, d, a, c = entered(table, index, here, "b", "d", "a", "c")
    entries = [Entry("a", a), Entry("b", b), Entry("c", c), Entry("d", d)]
    if index.newest_first:
        entries.reverse()
    assert table.query_keys(Stretch(index, (here,), "a", "d"), 9) == entries
    assert table.query_keys(Stretch(index, (here,), "a", "d"), 2) == entries[:2]
    assert sorted(table.query_keys(Stretch(index, (here,), "aa", "c"), 9)) == [Entry("b", b), Entry("c", c)]
    assert table.query_keys(Stretch(index, (here,), "e", "f"), 9) == []


@pytest.mark.parametrize("index", [ARRIVALS, KEYS], ids=lambda index: index.name)
def test_partitions_are_merged_and_others_left_out(table, index):
    here, there, elsewhere = unique("partition"), unique("partition"), unique("partition")
    a, c = entered(table, index, here, "a", "c")
    b, d = entered(table, index, there, "b", "d")
    entered(table, index, elsewhere, "b")
    entries = [Entry("a", a), Entry("b", b), Entry("c", c), Entry("d", d)]
    if index.newest_first:
        entries.reverse()
    assert table.query_keys(Stretch(index, (here, there), "a", "d"), 9) == entries
    assert table.query_keys(Stretch(index, (there, here), "a", "d"), 3) == entries[:3]


def test_text_is_ordered_by_its_utf_8_bytes_whatever_characters_it_has(table):
    here = unique("partition")
    texts = ["a", "a\0b", "a!", "aa", "b", "ä", "\ud7ff", "\ue000", "\uffff", "𝄞", "\U0010ffff", "\x01", "A"]
    entered(table, KEYS, here, *texts)
    found = table.query_keys(Stretch(KEYS, (here,), "\0", "\U0010ffff" * 256), 99)
    assert [entry.place.encode() for entry in found] == sorted(text.encode() for text in texts)
    found = table.query_keys(Stretch(KEYS, (here,), "a", "a" + "\U0010ffff" * 255), 99)
    assert [entry.place for entry in found] == ["a", "a\0b", "a!", "aa"]


def test_an_item_moves_with_its_keys_and_is_gone_without_one(table):
    here, there = unique("partition"), unique("partition")
    moved, gone, stays = entered(table, STATES, here, "a", "b", "c")
    table.transact([Change(moved, {STATES.hash: there, "n": 1}, THERE)])
    table.change(gone, {STATES.range: None}, None)
    table.change(stays, {"n": 1}, None)
    assert table.query_keys(Stretch(STATES, (here,), "a", "d"), 9) == [Entry("c", stays)]
    assert table.query_keys(Stretch(STATES, (there,), "a", "d"), 9) == [Entry("a", moved)]


def test_an_item_stands_in_each_index_whose_keys_it_has(table):
    here, pk = unique("partition"), unique("item")
    table.transact([Put({"pk": pk, "arrivals": here, "states": here, "arrived": "a", "keys": here})])
    found = [table.query_keys(Stretch(index, (here,), "a", "b"), 9) for index in INDEXES]
    assert found == [[Entry("a", pk)], [Entry("a", pk)], [], []]


def test_more_than_a_page_of_a_query_holds_is_found(table):
    """A page of Query has 1 MB (API reference); these entries have 1.4."""
    here = unique("partition")
    places = [f"{number:04}" + "x" * 1_000 for number in range(1_100)]
    for batch in itertools.batched(places, 100):
        table.transact([Put({"pk": unique("item"), "keys": here, "key_order": place}) for place in batch])
    found = table.query_keys(Stretch(KEYS, (here,), "0", "2"), 2_000)
    assert [entry.place for entry in found] == places


@pytest.fixture
def stock(table):
    """Drops of all kinds, of days and versions and keys that nobody else has."""
    year = next(_years)
    stock = Stock(table, datetime(year, 3, 4, tzinfo=UTC), 10 * year, unique("folder") + "/")
    stock.add_many(50, Random(year))  # noqa: S311 - no secret
    return stock


def test_every_selection_comes_whole_and_in_order_whatever_the_pages_and_bounds(stock):
    own = Arrived(stock.start, stock.start + timedelta(days=30))
    some = Arrived(stock.start + timedelta(days=2, milliseconds=1), stock.start + timedelta(days=4, hours=23))
    none, turned = Arrived(some.since, some.since), Arrived(some.until, some.since)
    for selection in stock.selections():
        for arrived, limit in ((own, 7), (own, 1_000), (some, 1), (none, 10), (turned, 10)):
            expected = stock.expected(selection, arrived)
            found = stock.pages(selection, arrived, limit)
            assert [one for page in found for one in page] == expected, (selection, arrived, limit)
            assert max(map(len, found)) <= limit
