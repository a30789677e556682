"""The manuals of the API, of readers and of events name what there is; their examples have the right form."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from samcli.yamlhelper import yaml_parse

from dropscore.domain.drop import DropState

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
API = (DOCS / "results-api.md").read_text()
MANUALS = {name: (DOCS / name).read_text() for name in ("results-api.md", "readers.md", "events.md")}
DOCUMENT = json.loads((DOCS / "openapi.json").read_text())
TEMPLATE = yaml_parse((REPOSITORY / "template.yaml").read_text())

BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
ROUTE = re.compile(
    r"(?:GET |\{API\}|\$\{API\}|`)/?((?:drops|jobs|models|health|openapi\.json|docs)\b[^\s`\"'?,)]*)"
)


def template_of(path: str) -> str:
    """The path of the document that an address in a manual is an example of."""
    parts = [
        "{job}" if before == "jobs" else "{drop_id}" if before == "drops" else part
        for before, part in zip(["", *path.split("/")], path.split("/"), strict=False)
    ]
    return "/" + "/".join(parts)


def blocks(language: str) -> list[tuple[str, str, str]]:
    """Manual, note and text of every block of a language."""
    return [
        (name, said.strip(), text)
        for name, manual in MANUALS.items()
        for kind, said, text in BLOCK.findall(manual)
        if kind == language
    ]


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", API, re.DOTALL | re.MULTILINE)
    assert found, title
    return found[1]


def parameters(path: str) -> set[str]:
    return {
        one["name"] for one in DOCUMENT["paths"][path]["get"].get("parameters", []) if one["in"] == "query"
    }


@pytest.mark.parametrize("name", MANUALS)
def test_every_address_that_a_manual_names_is_one_or_begins_some(name: str) -> None:
    found = {template_of(path.rstrip("/.…")) for path in ROUTE.findall(MANUALS[name])}
    paths = "\n".join(f"{path}/" for path in DOCUMENT["paths"])
    assert found
    assert {path for path in found if f"{path}/" not in paths} == set()


def test_the_manual_s_table_has_every_route() -> None:
    table = API.split("| path | answers |")[1].split("\n\n")[0]
    named = {"/" + path for path in re.findall(r"`([^`]+)`", table)} | {"/"}
    assert named == set(DOCUMENT["paths"])


@pytest.mark.parametrize(
    ("title", "path"), [("Finding drops", "/drops"), ("Its predictions", "/drops/{drop_id}/predictions")]
)
def test_the_manual_has_every_parameter_of_a_route(title: str, path: str) -> None:
    table = section(title).split("| parameter | |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", table, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"\w+", row)} == parameters(path)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/drops", "1 to 1,000, by default 100"),
        ("/drops/{drop_id}/predictions", "1 to 10,000, by default 1,000"),
        ("/models", "1 to 20, by default 10"),
    ],
)
def test_the_limits_are_those_of_the_document(path: str, said: str) -> None:
    (limit,) = [
        one["schema"] for one in DOCUMENT["paths"][path]["get"]["parameters"] if one["name"] == "limit"
    ]
    assert f"{limit['minimum']} to {limit['maximum']:,}, by default {limit['default']:,}" == said
    assert said in API


@pytest.mark.parametrize(
    ("note", "text"), [(note, text) for name, note, text in blocks("json") if name == "results-api.md"]
)
def test_every_example_is_of_the_form_that_the_document_gives(note: str, text: str) -> None:
    if note == "policy":
        assert json.loads(text)["Statement"][0]["Action"] == "execute-api:Invoke"
        return
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{note}", "components": DOCUMENT["components"]}
    faults = [error.message for error in Draft202012Validator(schema).iter_errors(json.loads(text))]
    assert faults == []


def test_the_example_of_a_drop_has_every_field() -> None:
    (text,) = [text for _, note, text in blocks("json") if note == "DropDetail"]
    assert set(json.loads(text)) == set(DOCUMENT["components"]["schemas"]["DropDetail"]["properties"])


def test_the_manual_has_every_status_that_the_document_has() -> None:
    documented = {
        int(status) for item in DOCUMENT["paths"].values() for status in item["get"]["responses"]
    } - {200, 303, 304}
    table = section("Errors").split("| status | why |")[1]
    named = {
        int(status)
        for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
        for status in row.split(",")
    }
    assert documented <= named
    assert named - documented <= {405}  # it is no operation's answer


def test_the_manual_has_every_state() -> None:
    assert {state for state in DropState if state not in section("Finding drops")} == set()


def test_parameters_and_outputs_of_the_stack_that_the_manuals_name_are_there() -> None:
    text = "\n".join(MANUALS.values())
    assert set(re.findall(r"`(Api[A-Z]\w+)`", text)) <= set(TEMPLATE["Parameters"])
    assert set(re.findall(r"\$\(output (\w+)\)", text)) <= {
        *TEMPLATE["Outputs"],
        "EndpointUrl",
        "Region",
        "AccessKeyId",
        "SecretAccessKey",
    }
    for name, default in (("ApiRateLimit", "100"), ("ApiBurstLimit", "200"), ("ApiAnonymousLimit", "5")):
        assert str(TEMPLATE["Parameters"][name]["Default"]) == default
        assert re.search(rf"`{name}`[^(]*\({default}\)", section("Limits"))


def test_the_manual_has_every_address_of_the_page_and_its_limit() -> None:
    page = (REPOSITORY / "functions" / "dropscore" / "api" / "page.html").read_text()
    said = section("The page")
    named = set(re.findall(r'place\.(?:has|get)\("(\w+)"\)', page))
    filters = re.search(r"^const FILTERS = \{\n(.*?)^\};", page, re.DOTALL | re.MULTILINE)
    assert filters
    named |= set(re.findall(r"^  (\w+): \{", filters[1], re.MULTILINE))
    assert named == set(re.findall(r"`(\w+)=", said.split("| after `#` | shows |")[1].split("\n\n")[0]))
    most = re.search(r"const MOST_ROWS = ([\d_]+);", page)
    assert most
    assert f"{int(most[1]):,} rows" in said


@pytest.mark.parametrize("text", [text for _, _, text in blocks("bash")])
def test_the_shell_can_read_every_block(text: str) -> None:
    read = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)  # noqa: S607
    assert read.returncode == 0, read.stderr


@pytest.mark.parametrize("text", [text for _, _, text in blocks("python")])
def test_python_can_read_every_block(text: str) -> None:
    compile(text, "manual", "exec")
