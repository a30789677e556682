"""The ledger's table: what is read back, what is refused, what the writes of a transaction have in common.

Not here, since nothing on one machine shows it: a write that meets a transaction or a throttle
(tests/service, by stubs; the unruly world refuses calls of its own accord), the index's lag
(tests/simulation/lagging.py), the 400 KB that an item may have (no item of ours comes near), and a change
that only removes and finds no item, which makes none on DynamoDB and one on the embedded AWS (tests/service).
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from dropscore.aws.ledger import Conflict
from dropscore.aws.ledger.expressions import Append, Condition, Exclude, Include, Increment
from dropscore.aws.ledger.table import Change, Put
from tests.local.builders import unique

pytestmark = pytest.mark.parametrize("side", ["memory", "lagging", "embedded"], indirect=True)

IS_A = Condition("#s = :s", {"#s": "state"}, {":s": "a"})
STILL = Condition(
    "#state = :state AND attempt = :attempt AND tries = :tries",
    {"#state": "state"},
    {":state": "PREPARED", ":attempt": 2, ":tries": 0},
)
UNENDED = Condition("#s = :s AND attribute_not_exists(outcome)", {"#s": "state"}, {":s": "a"})
FREE = Condition(
    "attribute_not_exists(lease_until) OR lease_until <= :now", values={":now": "2026-03-04T05:06:07.000Z"}
)
NEW = Condition("attribute_not_exists(pk)")
THERE = Condition("attribute_exists(pk)")
PREPARED = {"state": "PREPARED", "attempt": 2, "tries": 0}


@pytest.fixture
def table(side):
    return side.table()


@pytest.fixture
def pk():
    return unique("item")


def put(table, item):
    """Write an item; its key."""
    pk = unique("item")
    table.change(pk, item, None)
    return pk


def refused(call):
    """The error code of what AWS refuses as a request that can never succeed."""
    with pytest.raises(ClientError) as refusal:
        call()
    return refusal.value.response["Error"]["Code"]


# --- reading --------------------------------------------------------------------------------------------


VALUES = {
    "text": "ü \n \x00",
    "nothing": "",
    "yes": True,
    "no": False,
    "zero": 0,
    "number": 12_345_678_901_234_567_890,
    "list": ["a", 1, True, None],
    "maps": [{"state": "WAITING", "at": "2026", "reason": None}, {}],
    "words": {"a", "b"},
    "numbers": {1, 2},
    "2026-03-04 awkward#name": "x",
    "size": "a reserved name",
}


def test_values_come_back_equal_and_none_of_them_is_none(table, pk):
    changed = table.change(pk, {**VALUES, "absent": None}, None)
    assert changed == table.get(pk) == {"pk": pk, **VALUES}
    assert table.transact([Put({"pk": (other := unique("item")), **VALUES, "absent": None})]) == []
    assert table.get(other) == {"pk": other, **VALUES}


def test_of_truth_values_and_numbers_each_keeps_its_kind(table):
    item = table.get(put(table, {"yes": True, "one": 1}))
    assert item["yes"] is True
    assert not isinstance(item["one"], bool)


def test_a_list_comes_back_as_a_list_and_a_number_as_no_int(table):
    """What only an int can be done with, `json.dumps` for one, needs `int()` first."""
    item = table.get(put(table, {"pair": (1, 2)}))
    assert item["pair"] == [1, 2]
    assert not isinstance(item["pair"][0], int)


def test_an_item_that_is_not_there_is_none(table, pk):
    assert table.get(pk) is None


def test_what_is_read_is_a_copy(table):
    pk = put(table, {"n": 1})
    table.get(pk)["n"] = 2
    table.get_all([pk])[0]["n"] = 3
    assert table.get(pk) == {"pk": pk, "n": 1}


def test_more_than_a_hundred_items_are_read_together_and_absent_ones_left_out(table):
    prefix = unique("many")
    pks = [f"{prefix}-{number}" for number in range(203)]
    for start in (0, 100, 200):
        assert table.transact([Put({"pk": pk}) for pk in pks[start : start + 100]]) == []
    found = table.get_all([*pks[:150], "there is none", *pks[150:]])
    assert sorted(item["pk"] for item in found) == sorted(pks)
    assert table.get_all([]) == []


def test_the_same_item_twice_in_one_read_is_refused(table, pk):
    assert refused(lambda: table.get_all([pk, pk])) == "ValidationException"


# --- changing -------------------------------------------------------------------------------------------


def test_a_change_makes_the_item_and_says_how_it_is_then(table, pk):
    assert table.change(pk, {"state": "a"}, NEW) == {"pk": pk, "state": "a"}
    assert table.change(pk, {"n": 1}, IS_A) == table.get(pk) == {"pk": pk, "state": "a", "n": 1}


def test_none_removes_an_attribute_whether_it_is_there_or_not(table):
    pk = put(table, {"state": "a", "n": 1})
    assert table.change(pk, {"n": None, "m": None, "state": "b"}, None) == {"pk": pk, "state": "b"}


def test_numbers_grow_lists_get_longer_and_sets_have_each_element_once(table, pk):
    changes = {"n": Increment(2), "log": Append({"at": "1"}), "parts": Include(4), "days": Include("a")}
    first = table.change(pk, changes, None)
    assert first == {"pk": pk, "n": 2, "log": [{"at": "1"}], "parts": {4}, "days": {"a"}}
    changes = {"n": Increment(0), "log": Append({"at": "2"}), "parts": Include(4), "days": Include("b")}
    second = {"n": 2, "log": [{"at": "1"}, {"at": "2"}], "parts": {4}, "days": {"a", "b"}}
    assert table.change(pk, changes, None) == {"pk": pk, **second}


def test_a_set_without_elements_is_gone_and_can_come_back(table, pk):
    table.change(pk, {"days": Include("a")}, None)
    assert table.change(pk, {"days": Exclude("other"), "n": 1}, None)["days"] == {"a"}
    assert table.change(pk, {"days": Exclude("a")}, None) == {"pk": pk, "n": 1}
    assert table.change(pk, {"days": Exclude("a")}, None) == {"pk": pk, "n": 1}
    assert table.change(pk, {"days": Include("b")}, None)["days"] == {"b"}


@pytest.mark.parametrize("changes", [{}, {"pk": "another"}, {"days": set()}, {"work": "w", "due": 5}])
def test_a_change_that_dynamodb_does_not_know_is_refused(table, pk, changes):
    assert refused(lambda: table.change(pk, changes, None)) == "ValidationException"
    assert table.get(pk) is None


def test_fractions_are_not_written(table, pk):
    with pytest.raises(TypeError):
        table.change(pk, {"share": 0.5}, None)


# --- conditions: each form that the ledger uses -----------------------------------------------------------

FORMS = [
    (NEW, None, True),
    (NEW, {"state": "a"}, False),
    (THERE, None, False),
    (THERE, {"state": "a"}, True),
    (IS_A, {"state": "a"}, True),
    (IS_A, {"state": "b"}, False),
    (IS_A, {"other": "a"}, False),
    (IS_A, None, False),
    (STILL, PREPARED, True),
    (STILL, {**PREPARED, "tries": 1}, False),
    (STILL, {**PREPARED, "attempt": 3}, False),
    (STILL, {**PREPARED, "state": "SCORING"}, False),
    (STILL, {"state": "PREPARED", "attempt": 2}, False),
    (UNENDED, {"state": "a"}, True),
    (UNENDED, {"state": "a", "outcome": "Failed"}, False),
    (UNENDED, {"state": "b"}, False),
    (FREE, None, True),
    (FREE, {"owner": "me"}, True),
    (FREE, {"lease_until": "2026-03-04T05:06:07.000Z"}, True),
    (FREE, {"lease_until": "2026-03-04T05:06:06.999Z"}, True),
    (FREE, {"lease_until": "2026-03-04T05:06:07.001Z"}, False),
]


@pytest.mark.parametrize(("condition", "item", "met"), FORMS)
def test_a_change_is_made_where_its_condition_holds_and_else_shows_the_item(table, condition, item, met):
    pk = put(table, item) if item else unique("item")
    before = table.get(pk)
    if met:
        assert table.change(pk, {"n": 1}, condition) == {"pk": pk, **(item or {}), "n": 1}
        return
    with pytest.raises(Conflict) as conflict:
        table.change(pk, {"n": 1}, condition)
    assert conflict.value.old == (before or {})
    assert table.get(pk) == before


@pytest.mark.parametrize(("condition", "item", "met"), FORMS)
def test_a_transaction_keeps_the_same_conditions(table, condition, item, met):
    pk, other = put(table, item) if item else unique("item"), unique("item")
    assert table.transact([Put({"pk": other}), Change(pk, {"n": 1}, condition)]) == (
        [] if met else [False, True]
    )
    assert (table.get(other) is not None) == met


# --- transactions ---------------------------------------------------------------------------------------


def test_a_transaction_changes_as_a_change_does(table):
    pk = put(table, {"state": "a", "due": "1"})
    changes = {"tries": Increment(), "history": Append({"at": "1"}), "due": None}
    assert table.transact([Change(pk, changes, IS_A)]) == []
    assert table.get(pk) == {"pk": pk, "state": "a", "tries": 1, "history": [{"at": "1"}]}


def test_all_writes_are_made_or_none_and_those_that_were_refused_are_named(table):
    # GIVEN an item that stands in the way of a put, one that is as expected and one that is not
    there, good, bad = put(table, {"n": 1}), put(table, {"state": "a"}), put(table, {"state": "b"})
    absent, new = unique("item"), unique("item")
    writes = [
        Put({"pk": there, "n": 2}),
        Change(good, {"n": 2}, IS_A),
        Change(bad, {"n": 2}, IS_A),
        Change(absent, {"n": 2}, IS_A),
        Put({"pk": new}),
    ]
    # WHEN all are to be written
    refused_ones = table.transact(writes)
    # THEN each is answered for itself, and nothing has changed
    assert refused_ones == [True, False, True, True, False]
    items = [table.get(pk) for pk in (there, good, bad, absent, new)]
    assert items == [
        {"pk": there, "n": 1},
        {"pk": good, "state": "a"},
        {"pk": bad, "state": "b"},
        None,
        None,
    ]


def test_a_hundred_writes_are_one_transaction_and_more_are_refused(table):
    prefix = unique("many")
    assert table.transact([Put({"pk": f"{prefix}-{number}"}) for number in range(100)]) == []
    more = [Put({"pk": f"{prefix}-more-{number}"}) for number in range(101)]
    assert refused(lambda: table.transact(more)) == "ValidationException"
    assert table.get(f"{prefix}-more-0") is None


def test_two_writes_of_one_item_are_refused(table, pk):
    writes = [Put({"pk": pk}), Change(pk, {"n": 1}, NEW)]
    assert refused(lambda: table.transact(writes)) == "ValidationException"
