"""The sample events of `POST /predict`: as API Gateway sends them, signed or with a token, and answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dropscore.handlers import predict as door
from dropscore.predict.predicting import Predict
from tests.api.asking import Context
from tests.predict.builders import GROUP, TIMED, FakeEndpoint, FakeModels, body_of
from tests.template.translated import translated

EVENTS = sorted((Path(__file__).parents[2] / "events").glob("predict*.json"))
PREDICTIONS = {"predict.json": [58.0], "predict-rows.json": [52.0, 53.0]}
"""Minute, hour and day of the week of each row, added up."""

with_every_event = pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def test_these_are_all() -> None:
    assert {path.name for path in EVENTS} == set(PREDICTIONS)


@with_every_event
def test_what_is_said_twice_is_said_the_same(path: Path) -> None:
    event = load(path)
    context, (method, place) = event["requestContext"], event["routeKey"].split(" ")
    assert context["routeKey"] == event["routeKey"]
    assert (context["http"]["method"], context["http"]["path"], event["rawPath"]) == (method, place, place)
    assert context["stage"] == "$default"
    assert int(event["headers"]["content-length"]) == len(event["body"].encode())


@with_every_event
def test_the_route_is_the_template_s_and_so_is_the_scope_that_a_token_needs(path: Path) -> None:
    event = load(path)
    stack = translated(true=("HasRealtimeEndpoint", "ReadersBringTokens"))
    route = stack.properties("PredictRoute")
    token = event["requestContext"]["authorizer"].get("jwt")
    assert event["routeKey"] == route["RouteKey"]
    assert token is None or token["scopes"] == route["AuthorizationScopes"]


@with_every_event
def test_it_is_answered(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_case = Predict(FakeEndpoint(), FakeModels.of((3, TIMED)), GROUP)
    monkeypatch.setattr(door, "predict", lambda: use_case)

    answer = door.handler(load(path), Context())

    assert answer["statusCode"] == 200
    assert answer["headers"] == {"Content-Type": "application/json", "Cache-Control": "no-store"}
    assert body_of(answer) == {"predictions": PREDICTIONS[path.name], "model_version": 3}
