"""schemathesis finds nothing wrong with the running API, and goes deep; `make test-api` sends more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from schemathesis.checks import CHECKS, load_all_checks

from local.stack import LocalStack
from tests.openapi.campaign import Outcome, run
from tests.openapi.reading import reality_of, signed
from tests.openapi.seeds import PARAMETERS, fill

SEED = 0
EXAMPLES = 10
READERS_ONLY = {
    "GET /drops",
    "GET /drops/{drop_id}",
    "GET /drops/{drop_id}/predictions",
    "GET /drops/{drop_id}/rejects",
    "GET /jobs/{job}",
    "GET /models",
}


@pytest.fixture(scope="module")
def outcome() -> Iterator[Outcome]:
    with LocalStack(PARAMETERS) as stack:
        yield run(reality_of(stack, fill(stack)), signed(stack), SEED, EXAMPLES, print)


def test_nothing_is_wrong(outcome: Outcome) -> None:
    assert outcome.bad == [], "\n\n".join(outcome.bad)
    assert outcome.cases > 400


def test_every_operation_was_tried(outcome: Outcome) -> None:
    document = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
    tried = {operation for operation, _ in outcome.answers if operation.startswith("GET ")}
    assert tried == {f"GET {path}" for path in document["paths"]}


def test_every_check_was_made(outcome: Outcome) -> None:
    load_all_checks()
    assert set(outcome.checks) == {*CHECKS.get_all_names()} - {"max_response_time"}


def test_without_a_signature_and_with_a_made_up_one_every_reader_s_operation_was_refused(
    outcome: Outcome,
) -> None:
    assert set(outcome.refused) == READERS_ONLY
    assert min(outcome.refused.values()) >= 2


@pytest.mark.parametrize(
    ("operation", "share", "statuses"),
    [
        ("GET /drops", 0.3, {200}),
        ("GET /drops/{drop_id}", 0.5, {200, 304}),
        ("GET /drops/{drop_id}/predictions", 0.2, {200, 303, 304, 409}),
        ("GET /drops/{drop_id}/rejects", 0.2, {200, 304, 409}),
        ("GET /jobs/{job}", 0.5, {200, 304}),
        ("GET /models", 0.2, {200}),
    ],
)
def test_cases_go_deep(outcome: Outcome, operation: str, share: float, statuses: set[int]) -> None:
    assert outcome.share(operation, *statuses) >= share, outcome.table()
    for status in statuses:
        assert outcome.answers[operation, status], (status, outcome.table())
