"""What clients may keep, and what travels compressed."""

from __future__ import annotations

import json

import pytest

from dropscore.domain.drop import DropState
from tests.api.asking import Context, request
from tests.api.stack import scored_rows


@pytest.mark.parametrize("rest", ["", "/predictions", "/predictions?limit=1", "/rejects"])
def test_what_never_changes_is_not_read_again(ask, stack, reads, rest):
    drop = stack.score(scored_rows(3))
    first = ask(f"/drops/{drop.drop_id}{rest}")
    assert first.headers["etag"].startswith('W/"')
    assert first.headers["cache-control"].startswith("private, max-age=")
    reads.clear()
    for known in (first.headers["etag"], first.headers["etag"][2:], f'"x", {first.headers["etag"]}', "*"):
        again = ask(f"/drops/{drop.drop_id}{rest}", if_none_match=known)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert again.headers["cache-control"] == first.headers["cache-control"]
        assert again.headers["vary"] == first.headers["vary"]
    assert reads == []


def test_what_differs_has_another_etag(ask, stack):
    drop = stack.score(scored_rows(5))
    here = f"/drops/{drop.drop_id}/predictions"
    cursor = ask(f"{here}?limit=1").json["next_cursor"]
    queries = [
        "",
        "?limit=1",
        f"?limit=1&cursor={cursor}",
        "?columns=row",
        "?columns=ts",
        "?to=2030-01-01T00:00:00Z",
    ]
    tags = [ask(here + query).headers["etag"] for query in queries]
    tags += [ask(here, accept=form).headers["etag"] for form in ("text/csv", "application/x-ndjson")]
    tags += [ask(f"/drops/{drop.drop_id}{rest}").headers["etag"] for rest in ("", "/rejects")]
    assert len(set(tags)) == len(tags)
    assert ask(here, if_none_match=tags[1]).status == 200


@pytest.mark.parametrize("state", DropState)
def test_what_may_change_is_asked_for_again(ask, stack, state):
    drop = stack.bring_to(state)
    answer = ask(f"/drops/{drop.drop_id}", if_none_match="*")
    kept = state in (DropState.SCORED, DropState.REJECTED)
    assert answer.status == (304 if kept else 200)
    assert ("etag" in answer.headers) == kept
    assert ask("/drops").headers["cache-control"] == "private, no-cache"


def test_the_rejects_of_a_failed_drop_may_change_for_it_may_be_revived(ask, stack):
    drop = stack.bring_to(DropState.FAILED)
    assert "etag" not in ask(f"/drops/{drop.drop_id}/rejects").headers


@pytest.mark.parametrize(
    ("encodings", "packed"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("*", True),
        ("gzip;q=0.5", True),
        ("x-gzip", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("identity, *;q=0", False),
    ],
)
def test_a_body_travels_compressed_where_that_is_taken(reading, stack, encodings, packed):
    from dropscore.api.app import ResultsApi
    from dropscore.deadline import system_clock

    drop = stack.score(scored_rows(100))
    event = request(f"/drops/{drop.drop_id}/predictions", headers={"accept-encoding": encodings})
    answer = ResultsApi(reading, system_clock).answer(event, Context())
    assert ("Content-Encoding" in answer["headers"]) == packed
    assert answer["isBase64Encoded"] == packed
    assert "Accept-Encoding" in answer["headers"]["Vary"]


def test_a_short_body_travels_as_it_is(ask):
    assert "content-encoding" not in ask("/health", accept_encoding="gzip").headers


def test_packed_and_plain_say_the_same(ask, stack):
    drop = stack.score(scored_rows(100))
    target = f"/drops/{drop.drop_id}/predictions"
    assert ask(target, accept_encoding="gzip").body == ask(target).body


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_the_largest_answer_is_one_that_lambda_gives_back(reading, stack, encoding):
    """GIVEN a page of quotes and backslashes, which JSON within JSON makes twice as long."""
    from dropscore.api.app import ResultsApi
    from dropscore.deadline import system_clock

    drop = stack.score(scored_rows(60, word=['\\"' * 25_000] * 60))
    event = request(f"/drops/{drop.drop_id}/predictions", headers={"accept-encoding": encoding})
    answer = ResultsApi(reading, system_clock).answer(event, Context())
    assert answer["isBase64Encoded"]
    assert len(json.dumps(answer).encode()) < 6 * 1024 * 1024
