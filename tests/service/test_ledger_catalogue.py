"""The catalogue: its order, its bounds, what it does not believe, and what it costs to keep."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest

from dropscore.aws.ledger import Catalogue, Drops, OpenWork, Table
from dropscore.aws.ledger.catalogue import MOST_ENTRIES, MOST_LOOKS
from dropscore.aws.ledger.places import KEY_BYTES, MAX_RANGE_BYTES, is_key_order, key_order
from dropscore.domain.catalogue import Arrived, ByVersion, Everything, InState, OfKey, UnderPrefix
from dropscore.domain.drop import DropState
from dropscore.domain.errors import BadPosition
from dropscore.domain.source import Source
from tests.service.builders import DONE
from tests.service.stock import Stock
from tests.simulation.memory import MemoryTable
from tests.unit.builders import MODEL, NOW

ALWAYS = Arrived()
DAY = timedelta(days=1)
START = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture
def stock(table):
    return Stock(table, START)


@pytest.fixture
def large():
    """A stock in memory, which is quicker."""
    return Stock(MemoryTable(), START)


def ids(page):
    return [drop.drop_id for drop in page.drops]


def test_the_last_page_says_that_it_is_the_last(large):
    """A full page that nothing follows, too: nobody asks for another one in vain."""
    for number in range(6):
        large.add(DropState.WAITING, number * timedelta(hours=1), f"k{number}")
    for selection in (Everything(), InState(DropState.WAITING), UnderPrefix("k")):
        assert [len(page) for page in large.pages(selection, ALWAYS, 3)] == [3, 3]


def test_bounds_may_be_of_any_zone_and_of_any_year(large):
    drop = large.add(DropState.WAITING, 12 * timedelta(hours=1))
    east = timezone(timedelta(hours=14))
    noon = (START + timedelta(hours=12)).astimezone(east)
    ever = Arrived(
        datetime.min.replace(tzinfo=east), datetime.max.replace(tzinfo=timezone(-timedelta(hours=14)))
    )
    for selection in (Everything(), InState(DropState.WAITING), OfKey("x")):
        for arrived in (ever, Arrived(noon), Arrived(None, noon + timedelta(microseconds=1))):
            assert ids(large.catalogue.page(selection, arrived, 9, None)) == [drop.drop_id]
        for arrived in (Arrived(noon + timedelta(microseconds=1)), Arrived(None, noon), Arrived(ever.until)):
            assert large.catalogue.page(selection, arrived, 9, None).drops == ()


# --- by key ---------------------------------------------------------------------------------------------


def test_the_version_with_the_larger_sequencer_is_the_current_one(stock):
    """Pad right with zeros, compare as strings ("Event message structure", S3 User Guide)."""
    sequencers = ["0055AED6DCD9028", "0055AED6DCD90281E5", "01", "0055AED6DCD9027FFF"]
    by = {text: stock.add(DropState.WAITING, DAY, "k", sequencer=text).drop_id for text in sequencers}
    found = ids(stock.catalogue.page(OfKey("k"), ALWAYS, 9, None))
    assert found == [
        by[text] for text in ("01", "0055AED6DCD90281E5", "0055AED6DCD9028", "0055AED6DCD9027FFF")
    ]


def test_versions_that_no_event_told_of_stand_behind_the_others_the_latest_first(stock):
    early = stock.add(DropState.WAITING, DAY, "k")
    late = stock.add(DropState.WAITING, 2 * DAY, "k")
    told = stock.add(DropState.WAITING, timedelta(0), "k", sequencer="00")
    found = ids(stock.catalogue.page(OfKey("k"), ALWAYS, 9, None))
    assert found == [told.drop_id, late.drop_id, early.drop_id]


KEYS_AT_THE_LIMIT = (
    "k" * 1_024,
    "k" * KEY_BYTES + "/other",
    "k" * KEY_BYTES,
    "k" * (KEY_BYTES - 1),
    "k" * (KEY_BYTES - 1) + "ä" * 32,
    "𝄞" * 256,
    "\U0010ffff" * 256,
)


def test_keys_of_any_length_are_written_and_found(stock):
    """Both an S3 key and a DynamoDB sort key have 1,024 bytes at most; moto refuses more, index keys too."""
    by = {
        key: stock.add(DropState.WAITING, DAY, key, sequencer="F" * 99).drop_id for key in KEYS_AT_THE_LIMIT
    }
    for key, drop_id in by.items():
        assert ids(stock.catalogue.page(OfKey(key), ALWAYS, 9, None)) == [drop_id]
        assert drop_id in ids(stock.catalogue.page(UnderPrefix(key), ALWAYS, 9, None))
        assert ids(stock.catalogue.page(OfKey(key[:-1]), ALWAYS, 9, None)) in ([], [by.get(key[:-1])])
    assert ids(stock.catalogue.page(UnderPrefix("k" * 1_024), ALWAYS, 9, None)) == [by["k" * 1_024]]
    assert ids(stock.catalogue.page(OfKey("k" * 5_000), ALWAYS, 9, None)) == []
    assert ids(stock.catalogue.page(UnderPrefix("\ud800"), ALWAYS, 9, None)) == []


@pytest.mark.parametrize("key", KEYS_AT_THE_LIMIT)
def test_a_place_in_the_index_of_keys_fits_and_is_known_again(key):
    for sequencer in (None, "0A", "F" * 99):
        place = key_order(Source("inbox", key, "v", sequencer), NOW)
        assert len(place.encode()) <= MAX_RANGE_BYTES
        assert is_key_order(place)


# --- pages ----------------------------------------------------------------------------------------------


class Counting(MemoryTable):
    """Counts what is read and written."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def query_keys(self, stretch, limit):
        self.counts["queries"] += len(stretch.partitions)
        return super().query_keys(stretch, limit)

    def get_all(self, pks):
        self.counts["read"] += len(pks)
        return super().get_all(pks)

    def change(self, pk, changes, condition):
        self.counts["written"] += 1
        self.counts[pk.split("#")[0]] += 1
        return super().change(pk, changes, condition)


def test_a_page_over_many_days_ends_early_and_the_next_one_goes_on():
    stock = Stock(Counting(), START)
    for number in range(MOST_LOOKS * 2 + 5):
        stock.add(DropState.REJECTED, number * 3 * DAY)
    stock.table.counts.clear()
    found = stock.pages(InState(DropState.REJECTED), ALWAYS, 1_000)
    assert [len(page) for page in found] == [MOST_LOOKS, MOST_LOOKS, 5]
    assert [one for page in found for one in page] == stock.expected(Everything(), ALWAYS)
    assert stock.table.counts["queries"] <= 3 * (8 * MOST_LOOKS + 1)  # never an empty day's


def test_days_that_have_lost_all_their_drops_do_not_end_the_list():
    """The operator has brought back what had failed: a page is empty, and the last drop comes on the next."""
    stock = Stock(Counting(), START)
    stays = stock.add(DropState.FAILED, timedelta(0))
    for number in range(1, MOST_LOOKS * 2):
        stock._drops.revive(stock.add(DropState.FAILED, number * DAY), START + number * DAY)
    found = stock.pages(InState(DropState.FAILED), ALWAYS, 10)
    assert found == [[], [stays.drop_id]]


def test_a_page_reads_a_bounded_number_of_drops_however_few_are_asked_for():
    stock = Stock(Counting(), START)
    for number in range(MOST_ENTRIES + 200):
        stock.add(DropState.PREPARING, timedelta(seconds=number), f"k{number:05}")
    late = Arrived(START + timedelta(seconds=MOST_ENTRIES + 195))
    stock.table.counts.clear()
    page = stock.catalogue.page(UnderPrefix("k"), late, 50, None)
    assert page.drops == ()
    assert stock.table.counts["read"] == MOST_ENTRIES
    assert len(stock.catalogue.page(UnderPrefix("k"), late, 50, page.position).drops) == 5


def test_a_page_ends_when_its_time_is_over_but_never_without_having_gone_on(large):
    for number in range(5):
        large.add(DropState.REJECTED, number * DAY)
    found, position = [], None
    while position is not None or not found:
        page = large.catalogue.page(Everything(), ALWAYS, 1_000, position, lambda: True)
        found.append(ids(page))
        position = page.position
    assert [len(page) for page in found] == [1] * 5


def test_a_look_is_one_read_of_the_index_and_one_of_the_items_and_then_the_time_is_asked_for():
    stock = Stock(Counting(), START)
    for number in range(250):
        stock.add(DropState.PREPARING, timedelta(seconds=number), f"k{number:05}")
    reads = []

    def enough():
        reads.append(stock.table.counts["read"])
        return False

    stock.table.counts.clear()
    page = stock.catalogue.page(UnderPrefix("k"), ALWAYS, 1_000, None, enough)
    assert (len(page.drops), page.position) == (250, None)
    assert reads == [100, 200]


def test_a_page_of_only_its_first_drops_is_followed_by_the_others(large):
    large.add_many(40, Random(3))  # noqa: S311 - no secret
    for selection in large.selections():
        expected, found, position = large.expected(selection, ALWAYS), [], None
        while position is not None or not found:
            page = large.catalogue.page(selection, ALWAYS, 9, position).first(2)
            found.append(ids(page))
            position = page.position
        assert [one for page in found for one in page] == expected
        assert max(map(len, found)) <= 2


def test_a_drop_that_arrives_between_two_pages_pushes_none_onto_both(large):
    for number in range(6):
        large.add(DropState.WAITING, timedelta(hours=number))
    first = large.catalogue.page(Everything(), ALWAYS, 3, None)
    large.add(DropState.WAITING, timedelta(hours=9))
    second = large.catalogue.page(Everything(), ALWAYS, 3, first.position)
    assert ids(first) + ids(second) == [drop.drop_id for drop in large.drops[5::-1]]


def test_a_page_goes_on_where_the_last_one_ended_though_its_last_drop_has_moved_on(large):
    drops = [large.add(DropState.PREPARING, timedelta(hours=number)) for number in range(6)]
    first = large.catalogue.page(InState(DropState.PREPARING), ALWAYS, 3, None)
    large._drops.wait(drops[3], "no model", START + DAY)
    second = large.catalogue.page(InState(DropState.PREPARING), ALWAYS, 3, first.position)
    assert ids(second) == [drop.drop_id for drop in drops[2::-1]]
    assert second.position is None


def test_what_an_index_says_is_not_believed():
    """It lags: drops that are no longer in the state, or no longer there, are left out."""

    class Stale(MemoryTable):
        shown = None

        def indexed(self):
            return self.shown or super().indexed()

    stock = Stock(Stale(), START)
    moved, gone, stays = (stock.add(DropState.PREPARING, timedelta(hours=number)) for number in range(3))
    stock.table.shown = [dict(item) for item in stock.table.items.values()]
    stock._drops.wait(moved, "no model", START)
    del stock.table.items[f"drop#{gone.drop_id}"]
    for selection in (InState(DropState.PREPARING), InState(DropState.WAITING)):
        found = stock.catalogue.page(selection, ALWAYS, 9, None)
        assert (ids(found), found.position) == (
            [stays.drop_id] if selection.state == "PREPARING" else [],
            None,
        )


PLACE = "2026-03-04T00:00:00.000Z#" + "0" * 20
BAD_ARRIVALS = [
    "",
    "x",
    PLACE + "0",
    PLACE[:-1],
    PLACE + "\n",
    PLACE.replace("2026", "\uff12\uff10\uff12\uff16"),
    PLACE.replace("Z", "+00:00"),
    PLACE.replace("#", "/"),
    PLACE[:-20] + "A" * 20,
    PLACE.replace("03-04", "02-30"),
    PLACE.replace("T00", "T24"),
    PLACE.replace("2026", "0000"),
    PLACE.replace("2026", "1999"),
    PLACE.replace("2026", "9999"),
    "../" + PLACE,
]


@pytest.mark.parametrize("position", BAD_ARRIVALS, ids=repr)
@pytest.mark.parametrize(
    "selection", [Everything(), InState(DropState.SCORED), InState(DropState.WAITING), ByVersion(7)]
)
def test_a_position_that_is_none_reads_nothing(selection, position):
    stock = Stock(Counting(), START)
    with pytest.raises(BadPosition):
        stock.catalogue.page(selection, ALWAYS, 9, position)
    assert not stock.table.counts


@pytest.mark.parametrize("arrived", [Arrived(START + DAY), Arrived(None, START - DAY)])
def test_a_position_outside_of_the_bounds_is_none(large, arrived):
    large.catalogue.page(Everything(), ALWAYS, 9, PLACE)
    with pytest.raises(BadPosition):
        large.catalogue.page(Everything(), arrived, 9, PLACE)


TAIL = "\0" + "0" * 33 + "a" * 20
BAD_KEYS = [
    "",
    "k",
    PLACE,
    TAIL,
    "j" + TAIL,
    "k" + TAIL[1:],
    "k" + TAIL + "a",
    "k" + TAIL.upper(),
    "k" + TAIL.replace("\0", " "),
    "k" + TAIL.replace("\x000", "\x002"),
    "k\ud800" + TAIL,
    "k" * 961 + TAIL,
    "k" * 1_025 + TAIL,
]


@pytest.mark.parametrize("position", BAD_KEYS, ids=repr)
@pytest.mark.parametrize("selection", [UnderPrefix("k"), OfKey("k")])
def test_a_position_that_is_no_place_of_the_key_reads_nothing(selection, position):
    stock = Stock(Counting(), START)
    with pytest.raises(BadPosition):
        stock.catalogue.page(selection, ALWAYS, 9, position)
    assert not stock.table.counts
    assert stock.catalogue.page(selection, ALWAYS, 9, "k" + TAIL).drops == ()


# --- what it costs to keep ------------------------------------------------------------------------------


def test_a_warm_process_notes_a_day_once_of_each_kind():
    stock = Stock(Counting(), START)
    for number in range(50):
        drop = stock.add(DropState.PREPARING, timedelta(seconds=number))
        stock._drops.score(drop, MODEL, DONE, START)
    assert stock.table.counts["day"] == 3  # every drop's, the state's, the version's
    assert stock.table.counts["drop"] == 100


@pytest.mark.parametrize("step", ["open", "score", "reject"])
def test_a_day_is_noted_before_the_drop_so_that_a_crash_hides_none(step):
    """The process dies at the very write of the drop, which has taken effect, and another one goes on."""

    class Dying(MemoryTable):
        armed = False

        def change(self, pk, changes, condition):
            changed = super().change(pk, changes, condition)
            if self.armed and pk.startswith("drop#"):
                raise KeyboardInterrupt
            return changed

    table = Dying()
    drops = Drops(table, OpenWork(table))
    drop = None if step == "open" else drops.open(Source("inbox", "k", "v"), NOW, NOW)
    acts = {
        "open": lambda: drops.open(Source("inbox", "k", "v"), NOW, NOW),
        "score": lambda: drops.score(drop, MODEL, DONE, NOW),
        "reject": lambda: drops.reject(drop, "bad", None, None, NOW),
    }
    table.armed = True
    with pytest.raises(KeyboardInterrupt):
        acts[step]()
    state = {"open": DropState.PREPARING, "score": DropState.SCORED, "reject": DropState.REJECTED}[step]
    selections = [Everything(), InState(state), *([ByVersion(MODEL.version)] if step == "score" else [])]
    for selection in selections:
        assert len(Catalogue(table).page(selection, ALWAYS, 9, None).drops) == 1


def test_a_drop_that_waits_again_is_no_longer_the_version_s(large):
    large.add(DropState.WAITING, DAY)
    prepared = large.add(DropState.PREPARED, DAY)
    assert ids(large.catalogue.page(ByVersion(7), ALWAYS, 9, None)) == [prepared.drop_id]
    large._drops.wait(prepared, "no longer approved", START)
    assert large.catalogue.page(ByVersion(7), ALWAYS, 9, None).drops == ()
    assert not any("versions" in item for item in large.table.items.values())


def test_a_drop_prepared_anew_for_another_version_is_that_version_s(large):
    drop = large.add(DropState.WAITING, DAY)
    drop = large._drops.take_up(drop, START, START)
    large._drops.finish_preparing(drop, replace(MODEL, version=8), DONE, START)
    assert large.catalogue.page(ByVersion(7), ALWAYS, 9, None).drops == ()
    assert ids(large.catalogue.page(ByVersion(8), ALWAYS, 9, None)) == [drop.drop_id]


def test_a_query_that_fails_fails_the_page(dynamodb):
    catalogue = Catalogue(Table(dynamodb, "no such table"))
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        catalogue.page(UnderPrefix("k"), ALWAYS, 9, None)
