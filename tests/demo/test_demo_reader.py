"""The demo reads results as any reader does: by lists, cursors and redirects of the results API."""

import json
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest

from local.demo.reader import Reader, ReadingError
from local.demo.results import fetch_results, write_rejects
from ops.results_api import Answer
from tests.demo.test_demo_results import drop
from tests.ops.upstream import Upstream


class Api:
    """Answers by path; keeps what it was asked."""

    def __init__(self, **answers):
        self.asked = []
        self.answers = answers

    def ask(self, method, target, headers=None):
        del headers
        self.asked.append((method, target))
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        return self.answers[path.rpartition("/")[2]](query)


def page(name, pages):
    """An answer for each cursor, the first one's empty."""

    def answer(query):
        (cursor,) = query.get("cursor", [""])
        items, following = pages[cursor]
        return Answer(200, (), json.dumps({name: items, "next_cursor": following}).encode())

    return answer


def refusal(_):
    return Answer(503, (), b"not now")


def test_what_is_scored_is_listed_page_after_page_empty_ones_too():
    pages = {"": ([{"drop_id": "b"}], "x y"), "x y": ([], "z"), "z": ([{"drop_id": "a"}], None)}
    api = Api(drops=page("drops", pages))

    assert Reader(api).scored() == ["b", "a"]
    assert all("state=SCORED" in target for _, target in api.asked)


def test_a_result_is_fetched_from_where_the_api_sends(tmp_path):
    with Upstream() as bucket:
        bucket.answers(200, b"parquet")
        location = ("Location", f"{bucket.url}/x?signed=1")
        paths = Reader(Api(predictions=lambda _: Answer(303, (location,), b""))).download(["a"], tmp_path)

    assert paths["a"].read_bytes() == b"parquet"
    assert bucket.asked[0].target == "/x?signed=1"
    assert "authorization" not in bucket.asked[0].headers


@pytest.mark.parametrize(
    "answer", [refusal, lambda _: Answer(303, (("Location", "http://127.0.0.1:9/"),), b"")]
)
def test_a_result_that_cannot_be_fetched_is_said_to(tmp_path, answer):
    with pytest.raises(ReadingError, match=r"drops/a/predictions|drop a"):
        Reader(Api(predictions=answer)).download(["a"], tmp_path)


def test_an_api_that_does_not_list_a_scored_drop_is_no_small_matter(tmp_path):
    with pytest.raises(ReadingError, match="does not list 1 scored drops"):
        fetch_results(Reader(Api(drops=page("drops", {"": ([], None)}))), [drop("a.parquet")], tmp_path)


def test_rejects_of_all_drops_come_into_one_file(tmp_path):
    rows = [{"row": row, "column": "ts", "reason": "ts is null"} for row in (1, 4)]
    whole = [{"row": None, "column": None, "reason": "not a Parquet file"}]
    pages = {"": (rows[:1], "n"), "n": (rows[1:] + whole, None)}
    one = drop("a.parquet", rejects_uri="s3://r/rejects/a.parquet")

    assert write_rejects(
        Reader(Api(rejects=page("rejects", pages))), [one, drop("b.parquet")], tmp_path / "r"
    )
    assert not write_rejects(Reader(Api()), [drop("b.parquet")], tmp_path / "none")

    table = pq.read_table(tmp_path / "r").to_pylist()
    assert table == [{"drop_id": one.drop_id, **row} for row in [*rows, *whole]]
