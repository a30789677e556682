"""What is refused before anything is read, and how: problem documents that name what is at fault."""

from __future__ import annotations

import pytest

from dropscore.api.problems import Problem
from tests.api.stack import scored_rows
from tests.unit.builders import ARN

DROP = f"/drops/{'a' * 20}"
EVERYWHERE = ["/drops", DROP, f"{DROP}/predictions", f"{DROP}/rejects", "/jobs/j", "/models", "/health"]
DOCUMENTS = ["/openapi.json", "/docs", "/"]


def fields(answer):
    return [error["field"] for error in answer.json["errors"]]


@pytest.mark.parametrize("path", EVERYWHERE + DOCUMENTS)
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("nonsense=1", "nonsense"),
        ("Limit=1", "Limit"),
        ("=1", ""),
        ("limit%20=1", "limit "),
        ("%F0%9F%98%80", "😀"),
    ],
)
def test_a_parameter_that_there_is_not_is_named(ask, path, query, field):
    answer = ask(f"{path}?{query}")
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert fields(answer) == [field]


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ("/drops?limit=1&limit=1", "limit"),
        ("/drops?state=SCORED&state=FAILED", "state"),
        ("/drops?limit=1&%6cimit=2", "limit"),
        ("/drops?limit=", "limit"),
        ("/drops?key_prefix", "key_prefix"),
        ("/drops?state=", "state"),
        ("/drops?cursor=", "cursor"),
        ("/drops?from=", "from"),
        (f"{DROP}/predictions?columns=", "columns"),
        (f"{DROP}/predictions?download=", "download"),
    ],
)
def test_a_parameter_that_is_doubled_or_empty_is_named(ask, target, field):
    answer = ask(target)
    assert (answer.status, fields(answer)) == (400, [field])


@pytest.mark.parametrize(
    ("target", "field"),
    [
        *((f"/drops?limit={value}", "limit") for value in ("0", "1001", "-1", "1.0", "+1")),
        *((f"/drops?limit={value}", "limit") for value in ("%201", "1_0", "x", "٣")),
        ("/models?limit=21", "limit"),
        (f"{DROP}/predictions?limit=10001", "limit"),
        (f"{DROP}/rejects?limit=10001", "limit"),
        ("/drops?state=scored", "state"),
        ("/drops?state=SCORED'%20OR%201=1", "state"),
        ("/drops?model_version=0", "model_version"),
        ("/drops?model_version=7;DROP%20TABLE", "model_version"),
        ("/drops?model_version=9007199254740992", "model_version"),
        (f"/drops?key_prefix={'x' * 1025}", "key_prefix"),
        (f"/drops?source_key={'%C3%BC' * 600}", "source_key"),
        *((f"/drops?from={value}", "from") for value in ("2026-03-01", "yesterday", "1772323200")),
        ("/drops?to=2026-03-01T00:00:00", "to"),
        ("/drops?to=2026-03-01T00:00:00+01:00", "to"),
        (f"{DROP}/predictions?from=2026-02-30T00:00:00", "from"),
        (f"{DROP}/predictions?download=csv", "download"),
        (f"/drops?cursor={'A' * 8193}", "cursor"),
        ("/drops?cursor=a%20b", "cursor"),
        ("/drops?%FF=1", ""),
        (f"/drops?{'a=1&' * 51}", ""),
    ],
)  # fmt: skip
def test_a_value_that_is_no_good_is_named(ask, target, field):
    answer = ask(target)
    assert (answer.status, fields(answer)) == (400, [field])


def test_all_faults_are_told_at_once(ask):
    answer = ask("/drops?limit=0&limits=5&state=NONE")
    assert sorted(fields(answer)) == ["limit", "limits", "state"]


@pytest.mark.parametrize(
    "path",
    ["/nope", "/drops/", "/drops/a/b/c", "/jobs", "/DROPS", f"{DROP}/prediction", "/predictions"],
)
def test_where_nothing_is_a_problem_says_so(ask, path):
    answer = ask(f"{path}?limit=0")
    assert answer.status == 404
    assert Problem.model_validate(answer.json).instance == path


def test_an_address_says_which_methods_it_takes(ask):
    for path in EVERYWHERE + DOCUMENTS:
        for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"):
            answer = ask(path, method)
            assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
            assert answer.json["status"] == 405


def test_options_are_told_with_a_status_that_a_browser_s_preflight_takes(ask):
    answer = ask(f"{DROP}/predictions", "OPTIONS")
    assert (answer.status, answer.headers["allow"], answer.body) == (204, "GET, HEAD, OPTIONS", b"")
    assert ask("/nope", "OPTIONS").status == 404


def test_head_is_get_without_the_body(ask, stack):
    drop = stack.score(scored_rows(3))
    for target in (f"/drops/{drop.drop_id}", f"/drops/{drop.drop_id}/predictions?limit=1", "/health", "/"):
        got, head = ask(target), ask(target, "HEAD")
        assert head.body == b""
        assert (head.status, head.headers) == (got.status, got.headers)
    assert ask("/drops?limit=0", "HEAD").status == 400


@pytest.mark.parametrize("path", ["/drops", DROP, "/jobs/j", "/models", "/health", "/openapi.json"])
@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*", "application/xml;q=0.9"])
def test_what_is_not_on_offer_is_not_acceptable(ask, path, accept):
    answer = ask(path, accept=accept)
    assert answer.status == 406
    assert "application/json" in answer.json["detail"]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/*", "text/csv"),
        ("application/json;q=0.5, text/csv;q=0.6", "text/csv"),
        ("application/x-ndjson, */*;q=0.1", "application/x-ndjson"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("application/json;q=0.1, application/*;q=0.9", "application/x-ndjson"),
    ],
)
def test_rows_come_in_the_form_that_is_liked_best(ask, stack, accept, form):
    drop = stack.score(scored_rows(3))
    answer = ask(f"/drops/{drop.drop_id}/predictions", accept=accept)
    assert answer.headers["content-type"].partition(";")[0] == form
    assert "Accept" in answer.headers["vary"]


@pytest.mark.parametrize("path", EVERYWHERE)
def test_every_answer_is_taken_for_what_it_says_it_is(ask, registry, path):
    registry.add()
    headers = ask(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "max-age" not in headers["cache-control"]


def test_jobs_by_names_that_sagemaker_would_not_take_are_not_looked_up(ask):
    for name in ("-a", "a" * 64, "a_b", "a.b", ARN):
        assert ask(f"/jobs/{name}").status == 404
