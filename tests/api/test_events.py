"""The sample events of the API: as API Gateway sends them, one for every route, and answered."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dropscore.api.app import ResultsApi
from dropscore.api.openapi import OPERATIONS
from dropscore.deadline import system_clock
from tests.api.asking import Context, read

EVENTS = sorted((Path(__file__).parents[2] / "events").glob("api-*.json"))
STATUSES = {
    "api-drop.json": 404,
    "api-job.json": 404,
    "api-predictions-csv.json": 404,
    "api-predictions-download.json": 404,
    "api-predictions.json": 404,
    "api-rejects.json": 404,
    "api-unknown.json": 404,
}
"""What an empty stack answers; 200 where it is not said."""


def load(path):
    return json.loads(path.read_text())


def test_there_is_one_for_every_route():
    routes = {load(path)["routeKey"] for path in EVENTS}
    assert routes == {f"GET {operation.path}" for operation in OPERATIONS} | {"$default"}


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_what_is_said_twice_is_said_the_same(path):
    event = load(path)
    context, template = event["requestContext"], event["routeKey"].removeprefix("GET ")
    assert (context["routeKey"], context["http"]["path"]) == (event["routeKey"], event["rawPath"])
    if "pathParameters" in event:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
        assert re.fullmatch(pattern, event["rawPath"]).groupdict() == event["pathParameters"]
    assert bool(event.get("queryStringParameters")) == bool(event["rawQueryString"])


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_an_empty_stack_answers_it(reading, registry, path):
    registry.add()
    answer = read(ResultsApi(reading, system_clock).answer(load(path), Context()))
    assert answer.status == STATUSES.get(path.name, 200), answer.text
