"""The sample events of events/, and what AWS and others say of their shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from samcli.lib.generated_sample_events.events import Events

FOLDER = Path(__file__).parents[2] / "events"
FUNCTIONS = {
    "s3-put.json": "PrepareFunction",
    "s3-put-sqs.json": "PrepareFunction",
    "s3-put-batch.json": "PrepareFunction",
    "s3-test-event.json": "PrepareFunction",
    "transform-completed.json": "CollectFunction",
    "transform-completed-sqs.json": "CollectFunction",
    "transform-failed.json": "CollectFunction",
    "sweep.json": "SweepFunction",
    "predict.json": "PredictFunction",
    "predict-rows.json": "PredictFunction",
}
"""Whose event it is; those of the results API are its function's."""


def names() -> list[str]:
    """All of them."""
    return sorted(path.name for path in FOLDER.glob("*.json"))


def function_of(name: str) -> str:
    return "ResultsApiFunction" if name.startswith("api-") else FUNCTIONS[name]


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


def bodies(name: str) -> list[Any]:
    """The bodies of an event's messages, those that are JSON."""
    texts = [record["body"] for record in load(name)["Records"]]
    return [json.loads(text) for text in texts if text.startswith("{")]


def generated(service: str, event: str, **values: str) -> Any:
    """What `sam local generate-event` writes."""
    events = Events()
    defaults = {
        tag: field.get("default", "") for tag, field in events.event_mapping[service][event]["tags"].items()
    }
    return json.loads(events.generate_event(service, event, {**defaults, **values}))


def shape(value: Any) -> Any:
    """The names and types in a document, without its values."""
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return [shape(member) for member in value]
    return type(value).__name__
