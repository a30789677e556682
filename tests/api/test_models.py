"""`/models`: the versions that there are, what they were measured at, and which one scores now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from unittest.mock import Mock

import pytest

from dropscore.api.answers import ModelPage
from dropscore.api.app import ResultsApi
from dropscore.api.recent import MOST, Recent
from dropscore.domain.errors import ServiceBusy
from dropscore.domain.model import Listing
from tests.api.asking import Asking
from tests.api.registry import ARN
from tests.unit.builders import NOW


def test_versions_come_the_newest_first_with_their_metrics(ask, registry, reading):
    registry.add("Rejected")
    registry.add(**{"metric_AE-at-50th-percentile": "0.25", "metric_broken": "x", "metric_none": "nan"})
    registry.add("PendingManualApproval", feature_spec_sha256=None)
    reading.versions.hold(f"{ARN}1", "its jobs end without output")
    answer = ask("/models")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "private, no-cache"
    assert set(answer.json) == set(ModelPage.model_fields)
    assert answer.json["model_group"] == "dropscore"
    newest, scoring, held = answer.json["models"]
    assert [version["model_version"] for version in answer.json["models"]] == [3, 2, 1]
    assert (newest["status"], newest["feature_spec_sha256"]) == ("PendingManualApproval", None)
    assert scoring == {
        "model_version": 2,
        "model_package_arn": f"{ARN}2",
        "status": "Approved",
        "created_at": "2026-01-03T00:00:00.000Z",
        "metrics": {"AE-at-50th-percentile": 0.25},
        "feature_spec_sha256": "ab" * 32,
        "held": None,
    }
    assert (held["status"], held["held"]) == ("Rejected", "its jobs end without output")
    assert answer.json["scores_now"] == {"model_version": 2, "reason": None}


def test_versions_are_walked_in_pages(ask, registry):
    for _ in range(5):
        registry.add()
    pages = ask.walk("/models?limit=2", "models")
    assert [[version["model_version"] for version in page] for page in pages] == [[5, 4], [3, 2], [1]]


def test_without_an_approved_version_none_scores(ask, registry):
    registry.add("Rejected")
    assert ask("/models").json["scores_now"] == {"model_version": None, "reason": "no version is approved"}


def test_an_approved_version_that_cannot_score_does_not_give_way_to_an_older_one(ask, registry):
    registry.add()
    registry.add(feature_spec_uri=None)
    said = ask("/models").json["scores_now"]
    assert said["model_version"] is None
    assert "version 2 names no feature spec" in said["reason"]


def test_a_held_version_does_not_score(ask, registry, reading):
    registry.add()
    reading.versions.hold(f"{ARN}1", "its jobs end without output")
    said = ask("/models").json["scores_now"]
    assert said == {"model_version": None, "reason": "version 1 is held: its jobs end without output"}


def test_a_version_that_is_deleted_while_it_is_looked_up_is_listed_all_the_same(ask, registry, monkeypatch):
    registry.add(metric_x="1")
    monkeypatch.setattr(type(registry), "describe", lambda *_: None)
    (version,) = ask("/models").json["models"]
    assert (version["metrics"], version["feature_spec_sha256"]) == ({}, None)


def test_a_registry_that_is_too_slow_is_not_asked_until_the_time_is_up(ask, registry):
    registry.add()
    answer = ask("/models", milliseconds=14_000)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0


@pytest.fixture
def asked(registry, monkeypatch):
    """What the registry is asked from now on."""
    calls = []
    for name in ("versions", "describe", "newest_approved"):
        answer = getattr(registry, name)
        monkeypatch.setattr(
            registry, name, lambda *said, _name=name, _answer=answer: (calls.append(_name), _answer(*said))[1]
        )
    return calls


@pytest.fixture
def clock():
    """A clock that stands still until it is set forward."""
    return Clock(NOW)


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


def test_who_asks_again_within_seconds_costs_the_registry_nothing(reading, registry, asked, clock):
    for _ in range(3):
        registry.add()
    ask = Asking(ResultsApi(reading, clock))
    first = ask("/models")
    assert sorted(asked) == ["describe"] * 3 + ["newest_approved", "versions"]
    asked.clear()
    clock.now += timedelta(seconds=9.9)
    assert ask("/models").json == first.json
    assert asked == []
    assert [version["model_version"] for version in ask("/models?limit=2").json["models"]] == [3, 2]
    assert asked == ["versions"]


def test_an_approval_that_is_taken_back_is_seen_after_some_seconds_and_a_hold_at_once(
    reading, registry, clock
):
    registry.add()
    registry.add()
    ask = Asking(ResultsApi(reading, clock))
    assert ask("/models").json["scores_now"]["model_version"] == 2
    reading.versions.hold(f"{ARN}2", "its jobs end without output")
    said = ask("/models").json
    assert said["scores_now"]["model_version"] is None
    assert said["models"][0]["held"] == "its jobs end without output"
    registry.packages[1] = replace(registry.packages[1], approved=False)
    registry.statuses[1] = "Rejected"
    clock.now += timedelta(seconds=10)
    said = ask("/models").json
    assert said["scores_now"]["model_version"] == 1
    assert said["models"][0]["status"] == "Rejected"


def test_a_registry_that_fails_is_asked_again(reading, registry, clock, monkeypatch):
    registry.add()
    ask = Asking(ResultsApi(reading, clock))
    with monkeypatch.context() as failing:
        failing.setattr(registry, "newest_approved", Mock(side_effect=ServiceBusy("busy")))
        assert ask("/models").status == 503
    assert ask("/models").status == 200


def test_only_so_many_answers_are_kept():
    recent = Recent(timedelta(seconds=10))
    for number in [*range(MOST), MOST]:
        recent.get(number, lambda: NOW, lambda number=number: number)
    assert [*recent._kept] == [*range(1, MOST + 1)]


@pytest.mark.parametrize(("characters", "status"), [(6_000, 200), (8_192, 400)])
def test_a_place_that_no_cursor_can_hold_is_refused_and_not_taken_for_the_end(
    ask, registry, monkeypatch, characters, status
):
    """SageMaker's own tokens may have 8,192 characters (API reference)."""
    registry.add()
    monkeypatch.setattr(registry, "versions", lambda *_: Listing((), "t" * characters))
    answer = ask("/models")
    assert answer.status == status
    if status == 200:
        assert ask(f"/models?cursor={answer.json['next_cursor']}").status == 200
    else:
        assert answer.json["errors"][0]["field"] == "limit"
