"""Pages of an object in S3: the right rows, for as few requests and bytes as there can be."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dropscore.aws.objects import Bucket
from dropscore.domain.errors import BadPosition, SourceGone
from dropscore.domain.shards import ROW_GROUP
from dropscore.domain.window import TooWide, UnknownColumn, Window
from dropscore.files import footers
from dropscore.files import pages as module
from dropscore.files.pages import Pages

START = datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None)
KEY = "predictions/x.parquet"


def stamp(row):
    """The timestamp of a row: a second each."""
    return START + timedelta(seconds=row)


def table(rows, **columns):
    numbers = np.arange(rows)
    base = {
        "drop_id": pa.repeat("d", rows),
        "row": numbers,
        "ts": pa.array(numbers * 1_000_000, pa.timestamp("us")).cast(pa.int64()),
        "prediction": np.random.default_rng(3).random(rows),
        "actual": pa.nulls(rows, pa.float64()),
    }
    first = int(START.replace(tzinfo=UTC).timestamp()) * 1_000_000
    base["ts"] = pa.array(first + numbers * 1_000_000, pa.timestamp("us"))
    return pa.table({**base, **columns})


def parquet(rows, group=ROW_GROUP, **options):
    sink = io.BytesIO()
    pq.write_table(rows, sink, row_group_size=group, compression="snappy", **options)
    return sink.getvalue()


@pytest.fixture
def asked(s3):
    """The ranges that S3 is asked for."""
    ranges: list[str] = []

    def note(request, **_):
        ranges.append(request.headers.get("Range", b"").decode())

    s3.meta.events.register("before-send.s3.GetObject", note, unique_id="ranges")
    yield ranges
    s3.meta.events.unregister("before-send.s3.GetObject", note, unique_id="ranges")


@pytest.fixture
def put(s3):
    """Writes an object, and reads its pages."""

    def write(data):
        s3.put_object(Bucket="work", Key=KEY, Body=data)
        return Pages(Bucket(s3, "work"))

    return write


def rows_of(page):
    return [row for batch in page.batches for row in batch.column("row").to_pylist()]


def walk(pages, total, limit, **bounds):
    """The rows of every page, by the places that pages say the next begins at."""
    place, got = 0, []
    while place is not None:
        page = pages.page(KEY, total, Window(place, limit, ("row",), **bounds))
        got.append(rows_of(page))
        assert page.rows <= limit
        place = page.end
    return got


@pytest.mark.parametrize("group", [7, 10, 100])
@pytest.mark.parametrize("limit", [1, 3, 10, 33, 1_000])
def test_pages_put_together_are_the_object(put, group, limit):
    pages = put(parquet(table(100), group))
    assert [row for page in walk(pages, 100, limit) for row in page] == [*range(100)]


@pytest.mark.parametrize("group", [7, 10, 100])
@pytest.mark.parametrize("limit", [1, 3, 10, 1_000])
@pytest.mark.parametrize(
    ("since", "until"), [(None, 20), (80, None), (15, 45), (50, 50), (200, None), (0, 100), (29, None)]
)
def test_pages_within_bounds_put_together_are_what_lies_within_them(put, group, limit, since, until):
    pages = put(parquet(table(100), group))
    bounds = {
        "since": None if since is None else stamp(since),
        "until": None if until is None else stamp(until),
    }
    expected = [*range(since or 0, 100 if until is None else min(until, 100))]
    assert [row for page in walk(pages, 100, limit, **bounds) for row in page] == expected


def test_rows_in_no_order_of_time_are_all_found(put):
    shuffled = table(100).take(np.random.default_rng(0).permutation(100))
    pages = put(parquet(shuffled, 9))
    got = [row for page in walk(pages, 100, 4, since=stamp(20), until=stamp(40)) for row in page]
    assert got == [row for row in shuffled["row"].to_pylist() if 20 <= row < 40]


def test_without_statistics_every_row_group_is_looked_into(put):
    pages = put(parquet(table(100), 9, write_statistics=False))
    got = walk(pages, 100, 50, since=stamp(60), until=stamp(70))
    assert [row for page in got for row in page] == [*range(60, 70)]


def test_row_groups_without_any_timestamp_are_passed_by(put, asked):
    nothing = table(100).set_column(2, "ts", pa.nulls(100, pa.timestamp("us")))
    pages = put(parquet(nothing, 10))
    asked.clear()
    assert walk(pages, 100, 5, since=stamp(0)) == [[]]
    assert len(asked) == 1


LARGE = 5 * ROW_GROUP


@pytest.fixture(scope="module")
def large():
    """Five row groups of rows that do not pack well."""
    return parquet(table(LARGE, key=[f"k{number % 97}" for number in range(LARGE)]))


@pytest.mark.parametrize(
    "place",
    [0, 1, ROW_GROUP - 5, ROW_GROUP, 2 * ROW_GROUP + 1_000, 4 * ROW_GROUP - 1, LARGE - 10],
)
def test_a_page_costs_two_requests_the_first_time_and_one_afterwards(put, asked, large, place):
    pages = put(large)
    asked.clear()
    page = pages.page(KEY, LARGE, Window(place, 1_000))
    assert rows_of(page) == [*range(place, min(place + 1_000, LARGE))]
    assert len(asked) == 2
    asked.clear()
    pages.page(KEY, LARGE, Window(place, 1_000))
    assert len(asked) == 1


def test_a_page_fetches_its_row_groups_and_not_the_object(put, asked, large):
    pages = put(large)
    pages.page(KEY, LARGE, Window(0, 10))
    asked.clear()
    pages.page(KEY, LARGE, Window(2 * ROW_GROUP + 5, 10_000))
    pages.page(KEY, LARGE, Window(3 * ROW_GROUP - 5, 10))
    pages.page(KEY, LARGE, Window(0, 10, ("row",)))
    one, two, narrow = (int(b) - int(a) for a, b in (r.removeprefix("bytes=").split("-") for r in asked))
    assert one < len(large) / 4
    assert two < len(large) / 2
    assert narrow < one * 0.8


def test_bounds_in_time_pass_row_groups_by_without_reading_them(put, asked, large):
    pages = put(large)
    asked.clear()
    page = pages.page(KEY, LARGE, Window(0, 100, since=stamp(4 * ROW_GROUP + 7)))
    assert rows_of(page)[0] == 4 * ROW_GROUP + 7
    assert len(asked) == 2


def test_bounds_in_time_read_two_row_groups_at_most_and_then_say_where_to_go_on(put, asked):
    rows = 10 * 100
    order = np.tile([0, rows - 1], rows // 2)  # every row group has the first and the last second
    pages = put(parquet(table(rows).set_column(2, "ts", pa.array([stamp(int(s)) for s in order])), 100))
    asked.clear()
    page = pages.page(KEY, rows, Window(0, 100, since=stamp(5), until=stamp(6)))
    assert (page.rows, page.end) == (0, 200)
    assert len(asked) <= 2


def test_a_small_object_comes_with_its_footer(put, asked):
    pages = put(parquet(table(100)))
    asked.clear()
    assert rows_of(pages.page(KEY, 100, Window(10, 5))) == [*range(10, 15)]
    assert len(asked) == 1


def test_a_footer_larger_than_expected_costs_one_request_more(put, asked, large):
    pages = put(parquet(pq.read_table(io.BytesIO(large)).slice(0, ROW_GROUP), 50))
    asked.clear()
    assert rows_of(pages.page(KEY, ROW_GROUP, Window(30_000, 3))) == [*range(30_000, 30_003)]
    assert len(asked) == 3


def test_footers_are_kept_within_bounds(s3, monkeypatch):
    data = parquet(table(1_000), 10)
    for number in range(5):
        s3.put_object(Bucket="work", Key=f"{number}", Body=data)
    size = pq.read_metadata(io.BytesIO(data)).serialized_size
    monkeypatch.setattr(footers, "MAX_FOOTERS_BYTES", int(size * 2.5))
    pages = Pages(Bucket(s3, "work"))
    for number in (0, 1, 0, 2):
        pages.page(f"{number}", 1_000, Window(0, 1))
    assert [*pages._footers._kept] == ["0", "2"]


@pytest.mark.parametrize("place", [-1, 100, 101, 10**18])
def test_a_place_outside_of_the_object_is_refused(put, place):
    with pytest.raises(BadPosition):
        put(parquet(table(100))).page(KEY, 100, Window(place, 1))


def test_an_object_without_rows_is_an_empty_page(put):
    page = put(parquet(table(0))).page(KEY, 0, Window(0, 10))
    assert (page.rows, page.end) == (0, None)
    assert page.columns == ("row", "ts", "prediction", "actual")


def test_a_column_that_there_is_not_is_named_with_those_that_there_are(put):
    with pytest.raises(
        UnknownColumn, match="'nope'; there are 'drop_id', 'row', 'ts', 'prediction', 'actual'"
    ):
        put(parquet(table(10))).page(KEY, 10, Window(0, 1, ("row", "nope")))


def test_columns_too_wide_for_the_memory_are_refused_before_they_are_fetched(put, asked, monkeypatch):
    monkeypatch.setattr(module, "MAX_UNPACKED_BYTES", 200_000)
    words = [f"{number:0200d}" for number in range(1_000)]
    pages = put(parquet(table(1_000, word=words), use_dictionary=False))
    pages.page(KEY, 1_000, Window(0, 1, ("row",)))
    asked.clear()
    with pytest.raises(TooWide, match="name fewer, or download the file"):
        pages.page(KEY, 1_000, Window(0, 1))
    assert asked == []


def test_a_second_row_group_is_left_out_where_both_are_too_wide(put, monkeypatch):
    pages = put(parquet(table(100), 50))
    first = pages._footer(KEY, 100)[0].unpacked(0, ["row"])
    monkeypatch.setattr(module, "MAX_UNPACKED_BYTES", int(first * 1.5))
    page = pages.page(KEY, 100, Window(40, 20, ("row",)))
    assert (rows_of(page), page.end) == ([*range(40, 50)], 50)


def test_a_text_that_every_row_has_is_held_once(put):
    """GIVEN a row group whose key, written out, takes 6.5 GB."""
    rows = ROW_GROUP
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), ["x" * 100_000])
    pages = put(parquet(table(rows, word=words)))
    before = pa.total_allocated_bytes()
    page = pages.page(KEY, rows, Window(60_000, 5_000, ("word",)))
    assert page.rows == 5_000
    assert pa.total_allocated_bytes() - before < 16 * 1024 * 1024


def test_an_object_that_was_replaced_is_read_anew(put, s3, large):
    pages = put(large)
    pages.page(KEY, LARGE, Window(0, 1))
    s3.put_object(Bucket="work", Key=KEY, Body=parquet(table(LARGE + 1)))
    assert pages.page(KEY, LARGE, Window(0, 1)).rows == 1


def test_an_object_that_was_deleted_is_gone(put, s3, large):
    pages = put(large)
    pages.page(KEY, LARGE, Window(0, 1))
    s3.delete_object(Bucket="work", Key=KEY)
    for _ in range(2):
        with pytest.raises(SourceGone):
            pages.page(KEY, LARGE, Window(0, 1))


def test_the_place_after_some_of_a_page_s_rows_is_that_of_the_next_of_them(put):
    pages = put(parquet(table(100), 10))
    page = pages.page(KEY, 100, Window(5, 12, since=stamp(8)))
    assert rows_of(page) == [*range(8, 20)]
    assert [page.after(rows) for rows in (0, 1, 5, 11, 12)] == [8, 9, 13, 19, 20]


def test_places_only_go_forward(put):
    pages = put(parquet(table(100), 10))
    place, places = 0, []
    while place is not None:
        places.append(place)
        place = pages.page(KEY, 100, Window(place, 7, since=stamp(13), until=stamp(77))).end
    assert all(earlier < later for earlier, later in pairwise(places))


WIDE = [
    bytes(letters).hex() for letters in np.random.default_rng(1).integers(0, 256, (2_000, 2_000), np.uint8)
]


@pytest.fixture(scope="module")
def gapped():
    """Two row groups in which 4 MB of text lie between any two other columns; each letter takes a byte."""
    rows = pa.table({f"w{n}" if n % 2 else f"c{n}": WIDE if n % 2 else [*range(2_000)] for n in range(12)})
    return parquet(
        pa.table({"row": pa.array(range(2_000)), **dict(zip(rows.column_names, rows.columns, strict=True))}),
        1_000,
        use_dictionary=False,
    )


def fetched(asked):
    return [int(b) - int(a) + 1 for a, b in (r.removeprefix("bytes=").split("-") for r in asked)]


def test_what_lies_between_the_columns_is_not_fetched_where_it_is_much(put, asked, gapped):
    pages = put(gapped)
    pages.page(KEY, 2_000, Window(0, 1, ("row",)))
    asked.clear()
    page = pages.page(KEY, 2_000, Window(5, 10, ("row", "c2", "c4")))
    assert [batch.to_pydict() for batch in page.batches] == [
        {name: [*range(5, 15)] for name in ("row", "c2", "c4")}
    ]
    assert len(asked) == 3
    assert sum(fetched(asked)) < 100_000


def test_a_page_of_columns_that_lie_apart_has_the_rows_of_both_row_groups(put, gapped):
    page = put(gapped).page(KEY, 2_000, Window(995, 10, ("c2", "row")))
    assert rows_of(page) == [*range(995, 1_005)]
    assert [n for batch in page.batches for n in batch.column("c2").to_pylist()] == [*range(995, 1_005)]


def test_the_rows_of_a_page_cost_four_requests_at_most(put, asked, gapped):
    pages = put(gapped)
    pages.page(KEY, 2_000, Window(0, 1, ("row",)))
    asked.clear()
    names = ("c0", "c2", "c4", "c6", "c8", "c10")
    assert pages.page(KEY, 2_000, Window(0, 1, names)).rows == 1
    assert len(asked) == 4


def test_columns_that_lie_too_far_apart_are_refused_before_they_are_fetched(put, asked, gapped, monkeypatch):
    monkeypatch.setattr(module, "MAX_FETCHED_BYTES", 4_000_000)
    pages = put(gapped)
    assert pages.page(KEY, 2_000, Window(0, 1, ("row", "c2"))).rows == 1
    asked.clear()
    with pytest.raises(TooWide, match="lie so far apart"):
        pages.page(KEY, 2_000, Window(0, 1, ("c0", "c2", "c4", "c6", "c8", "c10")))
    assert asked == []


def test_a_second_row_group_is_left_out_where_too_much_would_be_fetched(put, gapped, monkeypatch):
    monkeypatch.setattr(module, "MAX_FETCHED_BYTES", 10_000_000)
    page = put(gapped).page(KEY, 2_000, Window(995, 10, ("c0", "c2", "c4", "c6", "c8", "c10")))
    assert (page.rows, page.end) == (5, 1_000)
