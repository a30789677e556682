"""docs/predict.md says what the code does: bodies, statuses, numbers, scope and names."""

from __future__ import annotations

import json
import re
import subprocess
from http import HTTPStatus
from pathlib import Path

import pytest

from dropscore.api.errors import BadRequest, Fault, NotJson
from dropscore.aws.endpoint import (
    READ_SECONDS,
    STARTING_SECONDS,
    THROTTLED_SECONDS,
    EndpointBusy,
    EndpointSilent,
    ModelFailed,
    TooLarge,
)
from dropscore.domain.errors import ModelUnusable
from dropscore.predict.asked import MOST_FAULTS, MOST_ROWS, read
from dropscore.predict.matrix import matrix
from dropscore.predict.problems import refusal
from tests.predict.builders import TIMED
from tests.template.translated import translated

MANUAL = (Path(__file__).parents[2] / "docs" / "predict.md").read_text()
TEMPLATE = translated(true=("HasRealtimeEndpoint", "ReadersBringTokens")).template
ERRORS = [
    BadRequest(Fault("data[0]", "is wrong")),
    NotJson("text/csv"),
    TooLarge("4 MiB"),
    EndpointBusy("busy", THROTTLED_SECONDS),
    EndpointBusy("starting", STARTING_SECONDS),
    EndpointSilent("silent"),
    ModelFailed("failed"),
    ModelUnusable("unusable"),
    RuntimeError("a defect"),
]
OF_API_GATEWAY = {401, 403, 404, 429}


def rows() -> list[tuple[set[int], str, str]]:
    """Statuses, reason and `Retry-After` of each line of the table of errors."""
    found = re.findall(r"^\| ([\d, ]+) \| (.+?) \| ([^|]*)\|$", MANUAL, re.MULTILINE)
    return [({int(status) for status in said.split(",")}, why, when.strip()) for said, why, when in found]


def test_every_status_that_there_is_has_its_line_and_no_other() -> None:
    named = {status for statuses, _, _ in rows() for status in statuses}
    assert named == {refusal(error).status for error in ERRORS} | OF_API_GATEWAY


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: str(error)[:12])
def test_when_to_ask_again_is_what_the_answer_says(error: Exception) -> None:
    refused = refusal(error)
    slug = f"…:{refused.slug}" if refused.status == HTTPStatus.SERVICE_UNAVAILABLE else ""
    (when,) = [when for statuses, why, when in rows() if refused.status in statuses and slug in why]
    least, _, most = when.partition(" to ")
    said = int(refused.headers.get("Retry-After", 0))
    assert int(least or 0) <= said <= int(most or least or 0)


@pytest.mark.parametrize("body", re.findall(r"^\$ post '(.+)'$", MANUAL, re.MULTILINE))
def test_the_bodies_that_it_shows_are_taken(body: str) -> None:
    assert matrix(read(body.encode()), TIMED)[0] == [38, 16, 4]


def test_numbers_names_and_the_scope_are_those_of_code_and_template() -> None:
    assert f"1 to {MOST_ROWS:,} rows" in MANUAL
    assert f"up to {MOST_FAULTS} places" in MANUAL
    assert f"did not answer within {max(READ_SECONDS)} seconds" in MANUAL
    resources = TEMPLATE["Resources"]
    assert f"within {resources['PredictFunction']['Properties']['Timeout']} seconds" in MANUAL
    (scope,) = resources["PredictRoute"]["Properties"]["AuthorizationScopes"]
    assert f"`{scope}`" in MANUAL
    assert set(re.findall(r"`(Api\w+|Realtime\w+)`", MANUAL)) <= set(TEMPLATE["Parameters"])
    assert {"ModelsBucketName", "EndpointRoleArn", "ResultsApiUrl"} <= set(TEMPLATE["Outputs"])


def test_its_policy_allows_that_one_route() -> None:
    (policy,) = re.findall(r"^```json policy\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)
    (statement,) = json.loads(policy)["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    assert statement["Resource"].endswith("/$default/POST/predict")


def test_its_problem_is_as_it_is_answered() -> None:
    (problem,) = re.findall(r"^```json problem\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)
    with pytest.raises(BadRequest) as refused:
        matrix(read(b'{"data": [[38, 16]]}'), TIMED)
    assert json.loads(problem) == json.loads(refusal(refused.value).body("/predict"))


def test_the_shell_can_read_its_commands() -> None:
    blocks = re.findall(r"^```console\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    commands = "\n".join(line.removeprefix("$ ") for line in lines if line.startswith("$ "))
    checked = subprocess.run(["bash", "-n"], input=commands, text=True, capture_output=True, check=False)  # noqa: S607
    assert checked.returncode == 0, checked.stderr
