"""`/drops/{drop_id}/predictions`: the rows, in every form and by every page."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dropscore.api.drop_answers import PredictionPage
from dropscore.api.rows import MOST_BYTES
from dropscore.domain.drop import DropState
from tests.api.stack import MINUTE, START, scored_rows

FORMS = ["application/json", "text/csv", "application/x-ndjson"]


@pytest.fixture
def scored(stack):
    """A result of ten rows, with a key of the spec beside the folder's."""
    return stack.score(scored_rows(10, device_id=[f"d{n}" for n in range(10)]))


def rows_of(answer):
    """The rows of an answer of any form; numbers of CSV as Python reads them."""
    kind = answer.headers["content-type"].partition(";")[0]
    if kind == "application/json":
        return answer.json["predictions"]
    if kind == "application/x-ndjson":
        return [json.loads(line) for line in answer.text.splitlines()]
    return [*csv.DictReader(io.StringIO(answer.text, newline=""))]


def test_json_has_every_column_but_the_drop_s_id(ask, scored):
    answer = ask(f"/drops/{scored.drop_id}/predictions?limit=2")
    assert answer.status == 200
    assert set(answer.json) == set(PredictionPage.model_fields)
    assert answer.json["drop_id"] == scored.drop_id
    assert answer.json["predictions"] == [
        {
            "row": 0,
            "ts": "2026-03-01T00:00:00.000000Z",
            "prediction": 0.5,
            "actual": 0.0,
            "company_id": "1",
            "device_id": "d0",
        },
        {
            "row": 1,
            "ts": "2026-03-01T00:01:00.000000Z",
            "prediction": 1.5,
            "actual": 1.0,
            "company_id": "1",
            "device_id": "d1",
        },
    ]
    assert answer.json["next_cursor"]


def test_csv_is_rfc_4180_with_a_header(ask, scored):
    answer = ask(f"/drops/{scored.drop_id}/predictions?limit=1", accept="text/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    lines = answer.text.split("\r\n")
    assert lines == [
        "row,ts,prediction,actual,company_id,device_id",
        "0,2026-03-01T00:00:00.000000Z,0.5,0.0,1,d0",
        "",
    ]


def test_ndjson_is_an_object_a_line(ask, scored):
    answer = ask(f"/drops/{scored.drop_id}/predictions?limit=2", accept="application/x-ndjson")
    assert answer.text.endswith("\n")
    assert [row["row"] for row in rows_of(answer)] == [0, 1]


@pytest.mark.parametrize("form", FORMS)
def test_the_link_header_leads_through_every_form(ask, scored, form):
    target, got = f"/drops/{scored.drop_id}/predictions?limit=4", []
    while target:
        answer = ask(target, accept=form)
        got += [int(row["row"]) for row in rows_of(answer)]
        link = answer.headers.get("link")
        target = link and f"/drops/{scored.drop_id}/predictions{link.partition('>')[0][1:]}"
    assert got == [*range(10)]


@pytest.mark.parametrize("form", FORMS)
def test_odd_values_come_out_as_they_are(ask, stack, form):
    words = ['a"b', "c,d", "line\r\nbreak", "ümläut 😀", "", None, "\x00\x1f", "%s", "\\"]
    numbers = [0.1 + 0.2, 1e300, -5e-324, 1 / 3, 2.0**60, -0.0, 1.0, 123456789.125, 1e-7]
    drop = stack.score(
        scored_rows(9, word=pa.array(words, pa.string())).set_column(2, "prediction", pa.array(numbers))
    )
    rows = rows_of(ask(f"/drops/{drop.drop_id}/predictions?columns=word,prediction", accept=form))
    expected = ["" if word is None and form == "text/csv" else word for word in words]
    assert [row["word"] for row in rows] == expected
    assert [float(row["prediction"]) for row in rows] == numbers


def test_csv_tells_an_empty_text_from_none(ask, stack):
    drop = stack.score(scored_rows(2, word=pa.array(["", None])))
    answer = ask(f"/drops/{drop.drop_id}/predictions?columns=row,word", accept="text/csv")
    assert answer.text == 'row,word\r\n0,""\r\n1,\r\n'


def test_no_text_of_csv_for_a_spreadsheet_is_a_formula(ask, stack):
    words = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("x")', "a=1", "", None]
    drop = stack.score(scored_rows(9, word=pa.array(words)).set_column(2, "prediction", pa.array([-1.5] * 9)))
    path = f"/drops/{drop.drop_id}/predictions?columns=word,prediction"

    plain = ask(path, accept="text/csv")
    safe = ask(f"{path}&spreadsheet=true", accept="text/csv")

    assert [row["word"] for row in rows_of(plain)] == [word or "" for word in words]
    quoted = ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", '\'=HYPERLINK("x")', "a=1", "", ""]
    assert [row["word"] for row in rows_of(safe)] == quoted
    assert {row["prediction"] for row in rows_of(safe)} == {"-1.5"}
    assert plain.headers["etag"] != safe.headers["etag"]
    assert [row["word"] for row in rows_of(ask(f"{path}&spreadsheet=true"))] == words


def test_what_json_has_no_number_for_is_null(ask, stack):
    actual = pa.array([float("nan"), float("inf"), None])
    drop = stack.score(scored_rows(3).set_column(3, "actual", actual))
    rows = rows_of(ask(f"/drops/{drop.drop_id}/predictions?columns=actual"))
    assert rows == [{"actual": None}] * 3


def test_timestamps_of_a_source_without_zone_stand_without_z(ask, stack):
    stamps = pa.array([START, START + 1, None], pa.timestamp("us"))
    drop = stack.score(scored_rows(3).set_column(1, "ts", stamps), zone=None)
    rows = rows_of(ask(f"/drops/{drop.drop_id}/predictions?columns=ts"))
    expected = ["2026-03-01T00:00:00.000000", "2026-03-01T00:00:00.000001", None]
    assert [row["ts"] for row in rows] == expected


def test_columns_come_in_the_order_wanted_the_drop_s_id_among_them(ask, scored):
    answer = ask(f"/drops/{scored.drop_id}/predictions?columns=prediction,drop_id,row&limit=1")
    assert [*answer.json["predictions"][0].items()] == [
        ("prediction", 0.5),
        ("drop_id", scored.drop_id),
        ("row", 0),
    ]


@pytest.mark.parametrize("columns", ["row,row", "row,", ",", "nothing", "row,Row", "row;ts", "row%00"])
def test_columns_that_there_are_not_are_refused(ask, scored, columns):
    answer = ask(f"/drops/{scored.drop_id}/predictions?columns={columns}")
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "columns")


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("from=2026-03-01T00:07:00Z", [7, 8, 9]),
        ("from=2026-03-01T00:07:00.0000001Z", [8, 9]),
        ("to=2026-03-01T00:02:00Z", [0, 1]),
        ("to=2026-03-01T00:02:00.0000001Z", [0, 1, 2]),
        ("from=2026-03-01T00:02:00&to=2026-03-01T00:04:00", [2, 3]),
        ("from=2026-03-01T02:02:00%2B02:00&to=2026-02-28T23:04:00-01:00", [2, 3]),
        ("from=2030-01-01T00:00:00Z", []),
        ("from=2026-03-01T00:04:00Z&to=2026-03-01T00:02:00Z", []),
        ("from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:60Z", [*range(10)]),
    ],
)
def test_times_select_rows(ask, scored, query, rows):
    pages = ask.walk(f"/drops/{scored.drop_id}/predictions?limit=2&columns=row&{query}", "predictions")
    assert [row["row"] for page in pages for row in page] == rows


def test_rows_without_a_timestamp_are_in_no_time(ask, stack):
    stamps = pa.array([None, START, None, START + MINUTE], pa.timestamp("us"))
    drop = stack.score(scored_rows(4).set_column(1, "ts", stamps))
    pages = ask.walk(f"/drops/{drop.drop_id}/predictions?from=2000-01-01T00:00:00Z", "predictions")
    assert [row["row"] for page in pages for row in page] == [1, 3]


@pytest.mark.parametrize("form", FORMS)
def test_a_result_without_rows_is_an_empty_page(ask, stack, form):
    drop = stack.score(scored_rows(0))
    answer = ask(f"/drops/{drop.drop_id}/predictions", accept=form)
    assert answer.status == 200
    assert rows_of(answer) == []
    assert "link" not in answer.headers


@pytest.mark.parametrize("form", FORMS)
def test_a_body_holds_4_mb_at_most_and_the_rest_follows(ask, stack, form):
    """GIVEN key texts of 100 kB of which JSON makes six times as much."""
    drop = stack.score(scored_rows(60, word=["\x01" * 100_000] * 60))
    target, got, sizes = f"/drops/{drop.drop_id}/predictions", [], []
    while target:
        answer = ask(target, accept=form)
        got += [int(row["row"]) for row in rows_of(answer)]
        sizes.append(len(answer.body))
        link = answer.headers.get("link")
        target = link and f"/drops/{drop.drop_id}/predictions{link.partition('>')[0][1:]}"
    assert got == [*range(60)]
    assert len(sizes) > 1
    assert MOST_BYTES * 0.8 < max(sizes) <= MOST_BYTES


def test_a_row_that_no_answer_holds_is_refused_with_a_way_out(ask, stack):
    drop = stack.score(scored_rows(1, word=["x" * (MOST_BYTES + 1)]))
    answer = ask(f"/drops/{drop.drop_id}/predictions")
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "columns")
    assert "download the file" in answer.json["detail"]
    assert ask(f"/drops/{drop.drop_id}/predictions?columns=row").status == 200


@pytest.mark.parametrize("state", [state for state in DropState if state is not DropState.SCORED])
def test_a_drop_that_is_not_scored_conflicts_and_says_whether_to_wait(ask, stack, state, reads):
    drop = stack.bring_to(state)
    reads.clear()
    answer = ask(f"/drops/{drop.drop_id}/predictions")
    assert answer.status == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json["state"], answer.json["reason"]) == (state, drop.reason)
    assert ("retry-after" in answer.headers) == (not state.final)
    assert reads == []


@pytest.mark.parametrize(
    ("query", "accept"), [("?download=parquet", ""), ("", "application/vnd.apache.parquet")]
)
def test_the_whole_file_is_elsewhere_for_a_while(ask, scored, reads, query, accept):
    answer = ask(f"/drops/{scored.drop_id}/predictions{query}", accept=accept)
    assert answer.status == 303
    assert answer.headers["cache-control"] == "no-store"
    assert answer.body == b""
    assert reads == []
    url = answer.headers["location"]
    assert url.startswith("https://dropscore-results.s3.eu-central-1.amazonaws.com/predictions/")
    for part in ("X-Amz-Expires=300", "AWS4-HMAC-SHA256", f"%22{scored.drop_id}.parquet%22"):
        assert part in url


def test_a_page_that_cannot_follow_to_another_host_is_told_the_address(ask, scored, reads):
    answer = ask(f"/drops/{scored.drop_id}/predictions?download=link")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in answer.headers
    assert answer.json["drop_id"] == scored.drop_id
    assert "X-Amz-Expires=300" in answer.json["url"]
    left = datetime.fromisoformat(answer.json["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=270) < left <= timedelta(seconds=300)
    assert reads == []


@pytest.mark.parametrize("form", ["parquet", "link"])
@pytest.mark.parametrize("more", ["limit=5", "columns=row", "from=2026-03-01T00:00:00Z"])
def test_a_download_is_of_everything_and_takes_nothing_beside(ask, scored, more, form):
    answer = ask(f"/drops/{scored.drop_id}/predictions?download={form}&{more}")
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, more.partition("=")[0])


def test_what_the_pages_say_is_what_the_file_says(ask, stack, s3):
    drop = stack.score(scored_rows(250, device_id=[f"d{n % 3}" for n in range(250)]))
    key = drop.result_uri.removeprefix("s3://dropscore-results/")
    file = pq.read_table(io.BytesIO(s3.get_object(Bucket="dropscore-results", Key=key)["Body"].read()))
    pages = ask.walk(f"/drops/{drop.drop_id}/predictions?limit=99&columns=row,prediction", "predictions")
    assert [row for page in pages for row in page] == file.select(["row", "prediction"]).to_pylist()
