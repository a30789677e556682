"""DynamoDB's update expressions, from what shall be set, removed and required."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

_SERIALIZER = TypeSerializer()
_DESERIALIZER = TypeDeserializer()

Item = dict[str, Any]
"""An item's attributes as Python values."""


@dataclass(frozen=True)
class Append:
    """Appends one element to a list attribute, which is made when it is not there."""

    element: Any


@dataclass(frozen=True)
class Increment:
    """Adds to a number attribute, which counts as 0 when it is not there."""

    by: int = 1


@dataclass(frozen=True)
class Include:
    """Adds an element to a set attribute, which is made when it is not there."""

    element: Any


@dataclass(frozen=True)
class Exclude:
    """Removes an element from a set attribute; a set without elements is gone."""

    element: Any


@dataclass(frozen=True)
class Condition:
    """A condition expression, with its own names (`#…`) and values (`:…`)."""

    expression: str
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


def update(changes: Mapping[str, Any], condition: Condition | None) -> dict[str, Any]:
    """The arguments of UpdateItem (and of a transaction's Update) that make `changes` under `condition`.

    A change to None removes the attribute; others set it, or do what the classes above say.
    """
    sets: list[str] = []
    additions: list[str] = []
    deletions: list[str] = []
    removes: list[str] = []
    condition = condition or Condition("")
    names, values = (
        dict(condition.names),
        {key: _SERIALIZER.serialize(v) for key, v in condition.values.items()},
    )
    for place, (name, change) in enumerate(changes.items()):
        if change is None:
            removes.append(name)
            continue
        alias, value = f"#s{place}", f":s{place}"
        names[alias] = name
        if isinstance(change, Include | Exclude):
            values[value] = _SERIALIZER.serialize({change.element})
            (additions if isinstance(change, Include) else deletions).append(f"{alias} {value}")
            continue
        sets.append(f"{alias} = {_assignment(alias, value, change, values)}")
    for place, name in enumerate(removes):
        names[f"#r{place}"] = name
    clauses = ["SET " + ", ".join(sets)] if sets else []
    clauses += ["ADD " + ", ".join(additions)] if additions else []
    clauses += ["DELETE " + ", ".join(deletions)] if deletions else []
    clauses += ["REMOVE " + ", ".join(f"#r{place}" for place in range(len(removes)))] if removes else []
    arguments: dict[str, Any] = {"UpdateExpression": " ".join(clauses)}
    if condition.expression:
        arguments["ConditionExpression"] = condition.expression
    if names:
        arguments["ExpressionAttributeNames"] = names
    if values:
        arguments["ExpressionAttributeValues"] = values
    return arguments


def serialize(item: Mapping[str, Any]) -> dict[str, Any]:
    """Python values as DynamoDB has them; None is left out."""
    return {name: _SERIALIZER.serialize(value) for name, value in item.items() if value is not None}


def deserialize(item: Mapping[str, Any]) -> Item:
    """The inverse of `serialize`."""
    return {name: _DESERIALIZER.deserialize(value) for name, value in item.items()}


def _assignment(alias: str, value: str, change: Any, values: dict[str, Any]) -> str:
    match change:
        case Append(element):
            values[value] = _SERIALIZER.serialize([element])
            values[":none"] = _SERIALIZER.serialize([])
            return f"list_append(if_not_exists({alias}, :none), {value})"
        case Increment(by):
            values[value] = _SERIALIZER.serialize(by)
            values[":zero"] = _SERIALIZER.serialize(0)
            return f"if_not_exists({alias}, :zero) + {value}"
        case _:
            values[value] = _SERIALIZER.serialize(change)
            return value
