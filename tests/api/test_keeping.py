"""What clients may keep, and what travels compressed."""

from __future__ import annotations

import json

import pytest

from dropscore.api.code import PACKAGE, digest, own_digest
from dropscore.domain.drop import DropState
from dropscore.domain.job import JobState
from tests.api.asking import Context, request
from tests.api.stack import scored_rows
from tests.unit.builders import NOW


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


@pytest.mark.parametrize("rest", ["", "/predictions", "/rejects", "job"])
def test_other_code_has_other_etags(ask, stack, monkeypatch, rest):
    drop = stack.score(scored_rows(3))
    stack.jobs.close(stack.jobs.get(drop.job), JobState.FAILED, "why", NOW)
    here = f"/jobs/{drop.job}" if rest == "job" else f"/drops/{drop.drop_id}{rest}"
    before = ask(here).headers["etag"]
    assert ask(here).headers["etag"] == before
    monkeypatch.setattr("dropscore.api.reading.own_digest", lambda: "other code")
    after = ask(here, if_none_match=before)
    assert after.status == 200
    assert after.headers["etag"] != before


def test_the_digest_of_the_code_is_that_of_names_and_contents(tmp_path):
    (tmp_path / "domain").mkdir()
    found = []
    for name, content in (("a.py", "1"), ("a.py", "2"), ("domain/a.py", "1"), ("domain/b.py", "1")):
        file = tmp_path / name
        file.write_text(content)
        found.append(digest(tmp_path))
    (tmp_path / "a.cpython-312.pyc").write_text("3")
    assert digest(tmp_path) == found[-1]
    (tmp_path / "a.py").rename(tmp_path / "c.py")
    found.append(digest(tmp_path))
    assert len(set(found)) == len(found)
    assert digest(PACKAGE) == own_digest()


@pytest.mark.parametrize("state", DropState)
def test_what_may_change_is_asked_for_again(ask, stack, state):
    drop = stack.bring_to(state)
    answer = ask(f"/drops/{drop.drop_id}", if_none_match="*")
    kept = state in (DropState.SCORED, DropState.REJECTED)
    assert answer.status == (304 if kept else 200)
    assert ("etag" in answer.headers) == kept
    assert ask("/drops").headers["cache-control"] == "private, no-cache"


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
