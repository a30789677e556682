"""What is open to anybody: the description, the docs and the page's shell."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from dropscore.api.__main__ import description
from dropscore.api.app import ResultsApi
from dropscore.api.documents import policy
from dropscore.deadline import system_clock
from dropscore.settings import ApiAuth
from tests.api.asking import Asking

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"
DOCUMENT = json.loads(description())
OPERATIONS = {path: item["get"] for path, item in DOCUMENT["paths"].items()}
OPEN = {"/health", "/openapi.json", "/docs", "/"}


def test_the_committed_document_is_the_code_s():
    assert COMMITTED.read_text() == description(), (
        "the API has changed: run `make openapi` and look at what differs"
    )


def test_the_document_is_served_as_it_is_committed(ask):
    answer = ask("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == description()


def test_it_is_openapi_3_1_and_says_who_may_read():
    assert DOCUMENT["openapi"].startswith("3.1")
    assert DOCUMENT["security"] == [{"sigv4": []}, {"jwt": ["dropscore/read"]}]
    assert DOCUMENT["components"]["securitySchemes"]["sigv4"]["x-amazon-apigateway-authtype"] == "awsSigv4"
    assert {path for path, said in OPERATIONS.items() if said.get("security") == []} == OPEN
    assert all("security" not in said for path, said in OPERATIONS.items() if path not in OPEN)


@pytest.mark.parametrize("path", OPERATIONS)
def test_every_answer_that_there_can_be_is_described(path):
    responses = OPERATIONS[path]["responses"]
    expected = {"200", "400", "406", "429", "500", "503"}
    assert expected <= set(responses)
    assert ({"401", "403"} <= set(responses)) == (path not in OPEN)
    assert ("404" in responses) == ("{" in path)
    assert "422" not in responses
    for status, response in responses.items():
        assert response["description"]
        assert ("content" in response) == (status not in ("303", "304"))


def test_every_parameter_says_what_it_means():
    for said in OPERATIONS.values():
        for parameter in said.get("parameters", []):
            assert parameter["description"].endswith(".")
            assert "null" not in json.dumps(parameter["schema"])


def test_no_schema_is_left_over():
    text = json.dumps(DOCUMENT)
    for name in DOCUMENT["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text


@pytest.mark.parametrize("auth", ApiAuth)
def test_the_page_knows_how_to_ask(reading, auth):
    ask = Asking(ResultsApi(replace(reading, settings=replace(reading.settings, auth=auth)), system_clock))
    answer = ask("/", accept="text/html")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r'data-auth="(\w+)"', answer.text)[0] == auth
    assert answer.text.count("data-auth=") >= 1


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_may_load_their_own_scripts_and_styles_and_nothing_else(ask, path):
    answer = ask(path)
    said = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert said["default-src"] == "'none'"
    assert said["connect-src"] == "'self'"
    for name in ("form-action", "base-uri", "frame-ancestors"):
        assert said[name] == "'none'"
    for element in ("script", "style"):
        found = re.findall(rf"<{element}(?:\s[^>]*)?>(.*?)</{element}>", answer.text, re.DOTALL)
        assert said[f"{element}-src"].split() == [_hash(content) for content in found]
        assert found
    assert "unsafe" not in answer.headers["content-security-policy"]


def _hash(content):
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"


def test_the_policy_takes_what_a_browser_takes_for_the_script():
    said = policy("<style>a</style><script type='module'>b</script><p><script>c</script>")
    assert f"script-src {_hash('b')} {_hash('c')};" in said
    assert f"style-src {_hash('a')};" in said


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json"])
def test_documents_are_sent_once(ask, path):
    first = ask(path)
    again = ask(path, if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert first.headers["cache-control"] == again.headers["cache-control"] == "private, no-cache"


def test_nothing_open_to_anybody_reads_results_or_needs_them(ask, reads):
    for path in OPEN:
        assert ask(path).status == 200
    assert reads == []


def test_the_docs_ask_no_other_host(ask):
    page = ask("/docs").text
    own = page[page.rindex("<script>") :]
    assert "validatorUrl: null" in own
    assert "http" not in own
