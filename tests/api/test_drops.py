"""`/drops` and `/drops/{drop_id}`: what the ledger says, under the names that are documented."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dropscore.api.drop_answers import DropDetail, DropPage
from dropscore.domain.drop import Counts, DropState
from tests.api.stack import ERRORS, scored_rows
from tests.unit.builders import ARN, NOW


def ids(answer):
    return [drop["drop_id"] for drop in answer.json["drops"]]


def test_a_scored_drop_says_all_there_is(ask, stack):
    drop = stack.score(scored_rows(3))
    answer = ask(f"/drops/{drop.drop_id}")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    here, uri = f"drops/{drop.drop_id}", drop.result_uri
    steps = ["PREPARING", "PREPARED", "SCORING", "SCORED"]
    history = answer.json.pop("history")
    assert [step["state"] for step in history] == steps
    assert history[-1] == {"state": "SCORED", "at": "2026-03-04T05:16:07.000Z", "reason": None}
    assert {name: value for name, value in answer.json.items() if name != "history"} == {
        "drop_id": drop.drop_id,
        "source_key": "data/company_id=1/a.parquet",
        "state": "SCORED",
        "reason": None,
        "arrived_at": "2026-03-04T05:06:07.000Z",
        "finished_at": "2026-03-04T05:16:07.000Z",
        "rows_in": 3,
        "rows_scored": 3,
        "rows_rejected": 0,
        "model_version": 7,
        "transform_job": drop.job,
        "links": {
            "self": here,
            "predictions": f"{here}/predictions",
            "rejects": f"{here}/rejects",
            "download": f"{here}/predictions?download=parquet",
            "job": f"jobs/{drop.job}",
        },
        "source_bucket": "inbox",
        "source_version": "v1",
        "prepared_at": "2026-03-04T05:06:07.000Z",
        "attempt": 1,
        "tries": 1,
        "lineage": {
            "model_group": "dropscore",
            "model_version": 7,
            "model_package_arn": ARN,
            "feature_spec_uri": "s3://models/dropscore/7/feature_spec.json",
            "feature_spec_sha256": "ab" * 32,
            "transform_job": drop.job,
            "code_version": "abc123",
            "result_uri": uri,
            "rejects_uri": None,
        },
        "errors": {
            "rows": 3,
            "mean_absolute": ERRORS.mean_absolute,
            "median_absolute": ERRORS.median_absolute,
            "p95_absolute": ERRORS.p95_absolute,
            "root_mean_square": ERRORS.root_mean_square,
        },
    }


@pytest.mark.parametrize("state", DropState)
def test_no_field_is_ever_missing_and_counts_are_null_until_they_are_known(ask, stack, state):
    drop = stack.bring_to(state)
    answer = ask(f"/drops/{drop.drop_id}").json
    assert set(answer) == set(DropDetail.model_fields)
    assert answer["state"] == state
    counted = state in (DropState.PREPARED, DropState.SCORING, DropState.SCORED, DropState.FAILED)
    assert (answer["rows_in"] is not None) == counted
    assert (answer["rows_scored"] is not None) == (answer["rows_rejected"] is not None)
    assert (answer["rows_scored"] is not None) == (state is DropState.SCORED)
    assert (answer["links"]["predictions"] is not None) == (state is DropState.SCORED)
    assert (answer["links"]["rejects"] is not None) == (state in (DropState.SCORED, DropState.REJECTED))
    assert (answer["finished_at"] is not None) == state.final


def test_a_drop_rejected_for_its_rows_has_counts_and_no_row_scored(ask, stack):
    drop = stack.drops.reject(stack.arrive(), "too many", Counts(10, 4, 6), None, NOW)
    answer = ask(f"/drops/{drop.drop_id}").json
    assert (answer["rows_in"], answer["rows_scored"], answer["rows_rejected"]) == (10, 0, 10)
    assert answer["reason"] == "too many"


def test_readers_see_no_role(ask, stack):
    role = "arn:aws:sts::123456789012:assumed-role/dropscore-PrepareFunctionRole-1A/dropscore-PrepareFunction"
    refusal = f"put off: AccessDenied: User: {role} is not authorized to perform: s3:GetObject"
    arrived = stack.arrive()
    stack.drops.release(arrived, refusal, NOW, NOW)
    shown = "put off: AccessDenied: User: a role of the stack is not authorized to perform: s3:GetObject"
    assert ask("/drops").json["drops"][0]["reason"] == shown
    assert ask(f"/drops/{arrived.drop_id}/predictions").json["reason"] == shown

    failed = stack.drops.fail(stack.drops.get(arrived.drop_id), f"not read ({role})", NOW)
    answer = ask(f"/drops/{failed.drop_id}")
    assert answer.json["history"][-1]["reason"] == "not read (a role of the stack)"
    assert "arn:aws:sts" not in answer.text


def test_of_a_drop_that_could_not_be_read_no_rows_are_counted(ask, stack):
    failed = stack.drops.fail(stack.arrive(), "not read", NOW)
    assert ask(f"/drops/{failed.drop_id}").json["rows_in"] is None


def test_the_list_is_of_summaries_the_newest_first(ask, stack):
    drops = [stack.arrive(f"{n}.parquet", at=NOW + timedelta(minutes=n)) for n in range(3)]
    answer = ask("/drops")
    assert answer.status == 200
    assert ids(answer) == [drop.drop_id for drop in reversed(drops)]
    assert set(answer.json) == set(DropPage.model_fields)
    assert DropPage.model_validate(answer.json).drops[0].links.self == f"drops/{drops[2].drop_id}"


def test_pages_are_walked_to_the_end(ask, stack):
    drops = {stack.arrive(f"{n}.parquet", at=NOW + timedelta(minutes=n)).drop_id for n in range(5)}
    pages = ask.walk("/drops?limit=2", "drops")
    assert max(map(len, pages)) <= 2
    assert [d["drop_id"] for page in pages for d in page] != []
    assert {d["drop_id"] for page in pages for d in page} == drops


@pytest.mark.parametrize("filters", ["", "&state=REJECTED", "&key_prefix=k"])
def test_a_page_ends_where_an_answer_is_full_and_the_next_one_goes_on(ask, stack, monkeypatch, filters):
    monkeypatch.setattr("dropscore.api.drops.MOST_BYTES", 30_000)
    dropped = set()
    for number in range(12):
        drop = stack.arrive(f"k{number:02}" + "\U0001f600" * 200, at=NOW + timedelta(days=number % 3))
        dropped.add(stack.drops.reject(drop, "\U0001f600" * 2_000, None, None, NOW).drop_id)
    assert len(ask(f"/drops?limit=1000{filters}").body) < 30_000
    pages = ask.walk(f"/drops?limit=1000{filters}", "drops")
    assert [len(page) for page in pages] == [2] * 6
    assert {drop["drop_id"] for page in pages for drop in page} == dropped


def test_what_an_earlier_preparation_counted_is_not_told_of_a_later_one(ask, stack):
    drop = stack.drops.wait(stack.prepare(stack.arrive(), 100, 5), "version 7 is no longer approved", NOW)
    drop = stack.drops.take_up(drop, NOW, NOW + timedelta(minutes=5))
    drop = stack.drops.reject(drop, "source gone", None, None, NOW)
    answer = ask(f"/drops/{drop.drop_id}").json
    told = ("rows_in", "rows_scored", "rows_rejected", "prepared_at")
    assert [answer[name] for name in told] == [None] * 4


def test_the_link_header_leads_to_the_next_page(ask, stack):
    for number in range(3):
        stack.arrive(f"k/{number}.parquet")
    answer = ask("/drops?limit=1&key_prefix=k%2F")
    target, _, relation = answer.headers["link"].partition("; ")
    assert relation == 'rel="next"'
    assert target.startswith("<?")
    following = ask("/drops" + target.strip("<>"))
    assert following.status == 200
    assert ids(following) != ids(answer)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=PREPARED", {"b"}),
        ("key_prefix=a", {"a"}),
        ("source_key=c.parquet", {"c"}),
        ("source_key=c", set()),
        ("model_version=7", {"b"}),
        ("model_version=8", set()),
        ("from=2026-03-04T06:06:07Z", {"b", "c"}),
        ("to=2026-03-04T06:06:07Z", {"a"}),
        ("from=2026-03-04T06:06:07Z&to=2026-03-04T07:06:07Z", {"b"}),
        ("from=2026-03-04T07:06:07%2B01:00&to=2026-03-04T08:06:07%2B01:00", {"b"}),
        ("from=2026-03-04T06:06:07.0000001Z", {"c"}),
        ("state=PREPARING&from=2026-03-04T06:06:07Z", {"c"}),
        ("from=2027-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", set()),
    ],
)
def test_filters_select(ask, stack, query, expected):
    names = {}
    for number, name in enumerate("abc"):
        drop = stack.arrive(f"{name}.parquet", at=NOW + timedelta(hours=number))
        names[drop.drop_id] = name
        if name == "b":
            stack.prepare(drop, at=NOW + timedelta(hours=number))
    pages = ask.walk(f"/drops?{query}", "drops")
    assert {names[drop["drop_id"]] for page in pages for drop in page} == expected


def test_more_than_one_filter_is_refused_and_each_is_named(ask):
    answer = ask("/drops?state=SCORED&model_version=7&limit=5")
    assert answer.status == 400
    assert [error["field"] for error in answer.json["errors"]] == ["state", "model_version"]


def test_a_cursor_is_for_the_filters_it_was_given_for(ask, stack):
    for number in range(2):
        stack.arrive(f"{number}.parquet")
    cursor = ask("/drops?limit=1").json["next_cursor"]
    assert ask(f"/drops?limit=2&cursor={cursor}").status == 200
    for other in ("state=PREPARING", "key_prefix=a", "from=2026-01-01T00:00:00Z"):
        answer = ask(f"/drops?{other}&cursor={cursor}")
        assert (answer.status, answer.json["errors"][0]["field"]) == (400, "cursor")
