"""The template as CloudFormation gets it: translated by SAM, with its conditions decided."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

from local.template import translate

REPOSITORY = Path(__file__).parents[2]
_NO_VALUE = {"Ref": "AWS::NoValue"}


@dataclass(frozen=True)
class Translated:
    template: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Resources of a type, by logical id."""
        return {name: found for name, found in self.template["Resources"].items() if found["Type"] == kind}

    def properties(self, name: str) -> dict[str, Any]:
        return self.template["Resources"][name]["Properties"]


@cache
def _as_cloudformation_gets_it() -> str:
    """SAM's translation of the template, as JSON."""
    source = yaml_parse((REPOSITORY / "template.yaml").read_text())
    # SAM translates only what has been uploaded.
    source["Globals"]["Function"]["CodeUri"] = "s3://artifacts/functions.zip"
    return json.dumps(translate(source, {}, "us-east-1"))


@cache
def translated(with_key: bool = False, *, true: tuple[str, ...] = ()) -> Translated:
    """The template where only the conditions named hold; `with_key`: HasKey."""
    plain = json.loads(_as_cloudformation_gets_it())
    holding = {*true, *(["HasKey"] if with_key else [])}
    assert holding <= set(plain["Conditions"])
    decided = {name: name in holding for name in plain["Conditions"]}
    plain["Resources"] = {
        name: _decide(resource, decided)
        for name, resource in plain["Resources"].items()
        if decided.get(resource.get("Condition"), True)
    }
    return Translated(plain)


def references(value: Any) -> Iterator[str]:
    """Logical ids of resources and parameters that a piece of template names."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        yield from _reference(value)
        for item in value.values():
            yield from references(item)


def _reference(value: dict[str, Any]) -> Iterator[str]:
    if "Ref" in value:
        yield value["Ref"]
    if "Fn::GetAtt" in value:
        yield value["Fn::GetAtt"][0]
    if isinstance(value.get("Fn::Sub"), str):
        yield from re.findall(r"\$\{(\w+)", value["Fn::Sub"])


def _decide(value: Any, conditions: dict[str, bool]) -> Any:
    if isinstance(value, list):
        return [made for item in value if (made := _decide(item, conditions)) != _NO_VALUE]
    if not isinstance(value, dict):
        return value
    if "Fn::If" in value:
        name, then, otherwise = value["Fn::If"]
        return _decide(then if conditions[name] else otherwise, conditions)
    made = {key: _decide(item, conditions) for key, item in value.items()}
    return {key: item for key, item in made.items() if item != _NO_VALUE}
