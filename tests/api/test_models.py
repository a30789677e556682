"""`/models`: the versions that there are, what they were measured at, and which one scores now."""

from __future__ import annotations

from dropscore.api.answers import ModelPage
from tests.api.registry import ARN


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
