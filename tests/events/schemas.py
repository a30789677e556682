"""The schemas of docs/schemas, and what the real code tells EventBridge."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

DOCS = Path(__file__).parents[2] / "docs"
SCHEMAS = DOCS / "schemas"
EVENTS = DOCS / "events.md"
KINDS = ("Drop Scored", "Drop Rejected", "Drop Failed")


def schema_of(kind: str) -> dict[str, Any]:
    """The schema of events of a detail type."""
    return json.loads((SCHEMAS / f"{kind.lower().replace(' ', '-')}.schema.json").read_text())


def faults(event: dict[str, Any], kind: str | None = None) -> list[str]:
    """What is wrong with an event, by the schema of its own detail type or of another."""
    schema = schema_of(kind or event["detail-type"])
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(event)]


def delivered(kind: str, detail: dict[str, Any]) -> dict[str, Any]:
    """An event as EventBridge delivers it (its user guide, "Event structure reference")."""
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": kind,
        "source": "dropscore",
        "account": "123456789012",
        "time": "2026-03-04T05:06:07Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": json.loads(json.dumps(detail)),
    }


def fenced(kind: str) -> list[str]:
    """The blocks of docs/events.md in a language."""
    return re.findall(rf"^```{kind}\n(.*?)^```", EVENTS.read_text(), re.DOTALL | re.MULTILINE)
