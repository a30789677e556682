"""What goes wrong behind the API is told as much as a client can use, and logged with all there is."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from dropscore.api.app import ResultsApi
from dropscore.deadline import system_clock
from dropscore.domain.drop import DropState
from dropscore.domain.errors import ServiceBusy
from dropscore.handlers import results_api
from tests.api.asking import REQUEST_ID, Context, read, request
from tests.api.stack import scored_rows


def error(code, status=400):
    said = {"Error": {"Code": code, "Message": "secret"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "GetItem")


BUSY = [
    error("ThrottlingException"),
    error("ProvisionedThroughputExceededException"),
    error("InternalServerError", 500),
    ReadTimeoutError(endpoint_url="https://secret"),
    ServiceBusy("secret"),
]


@pytest.fixture
def failing(reading, monkeypatch):
    """Lets the ledger answer every read of a drop with an error."""

    def fail(error):
        def refuse(*_):
            raise error

        monkeypatch.setattr(type(reading.drops), "get", refuse)

    return fail


@pytest.mark.parametrize("problem", BUSY, ids=lambda problem: type(problem).__name__)
@pytest.mark.parametrize("path", ["/health", f"/drops/{'a' * 20}", f"/drops/{'a' * 20}/predictions"])
def test_a_service_that_is_busy_is_for_later(ask, failing, problem, path):
    failing(problem)
    answer = ask(path)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "problem", [error("AccessDeniedException", 400), KeyError("secret"), AssertionError("secret")]
)
def test_a_defect_says_nothing_of_the_inside_and_is_logged_with_all_there_is(ask, failing, problem, caplog):
    failing(problem)
    answer = ask(f"/drops/{'a' * 20}")
    assert answer.status == 500
    assert "secret" not in answer.text
    assert "secret" in caplog.text
    assert answer.json["instance"] == f"/drops/{'a' * 20}"


def test_health_is_unwell_whatever_the_ledger_says(ask, failing):
    failing(error("AccessDeniedException"))
    answer = ask("/health")
    assert (answer.status, answer.json["detail"]) == (503, "The ledger cannot be reached.")


def test_an_answer_that_is_not_as_documented_is_a_defect_and_no_fault_of_the_request(ask, stack, monkeypatch):
    drop = stack.arrive()
    monkeypatch.setattr("dropscore.api.drops.DropDetail.of", lambda _: {"drop_id": 1})
    assert ask(f"/drops/{drop.drop_id}").status == 500


def test_a_result_that_was_deleted_is_404_and_no_defect(ask, stack, s3):
    drop = stack.score(scored_rows(20_000))
    target = f"/drops/{drop.drop_id}/predictions"
    assert ask(target).status == 200
    s3.delete_object(Bucket="dropscore-results", Key=drop.result_uri.removeprefix("s3://dropscore-results/"))
    for _ in range(2):
        answer = ask(target)
        assert (answer.status, answer.json["detail"]) == (
            404,
            "Its rows are no longer there: somebody has deleted them.",
        )


def test_log_lines_carry_the_request_s_id_and_no_value_of_its_query(reading, stack, monkeypatch, capsys):
    drop = stack.bring_to(DropState.PREPARING)
    monkeypatch.setattr(results_api, "results_api", lambda: ResultsApi(reading, system_clock))
    monkeypatch.setattr(results_api.logger.handlers[0], "stream", __import__("sys").stdout, raising=False)
    event = request(f"/drops/{drop.drop_id}?secret=value")
    answer = read(results_api.handler(event, Context()))
    assert answer.status == 400
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    (answered,) = (line for line in lines if line["message"] == "answered")
    assert answered["correlation_id"] == REQUEST_ID
    assert answered["status"] == 400
    assert answered["path"] == f"/drops/{drop.drop_id}"
    assert "value" not in json.dumps(lines)
