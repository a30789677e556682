"""Requests checked against SageMaker's own API model, as botocore ships it, in the service's words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from botocore.loaders import Loader

from local.sagemaker.errors import SerializationError, UnknownOperationError, ValidationError

Shape = dict[str, Any]

# The operations of the stand-in.
OPERATIONS = [
    "AddTags",
    "CreateEndpoint",
    "CreateEndpointConfig",
    "CreateModel",
    "CreateModelPackage",
    "CreateModelPackageGroup",
    "CreateTrainingJob",
    "CreateTransformJob",
    "DeleteEndpoint",
    "DeleteEndpointConfig",
    "DeleteModel",
    "DeleteModelPackage",
    "DeleteModelPackageGroup",
    "DescribeEndpoint",
    "DescribeEndpointConfig",
    "DescribeModel",
    "DescribeModelPackage",
    "DescribeModelPackageGroup",
    "DescribeTrainingJob",
    "DescribeTransformJob",
    "ListEndpointConfigs",
    "ListEndpoints",
    "ListModelPackageGroups",
    "ListModelPackages",
    "ListModels",
    "ListTags",
    "ListTrainingJobs",
    "ListTransformJobs",
    "StopTrainingJob",
    "StopTransformJob",
    "UpdateEndpoint",
    "UpdateModelPackage",
]

_NUMBERS = ("integer", "long", "float", "double")
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
    "blob": (str,),
}
# Java's classes of characters, which stand inside brackets in the model's patterns, nearly as Python's.
_UNICODE_CLASSES = {
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{L}": r"\w",
    r"\p{M}": "\u0300-\u036f",
    r"\p{N}": r"\d",
    r"\p{P}": r"!-/:-@\[-`{-~\u00a1-\u00bf\u2010-\u2027\u2030-\u205e\u3001-\u303f",
    r"\p{S}": r"$+<=>\^`|~\u00a2-\u00b8\u20a0-\u20bf\u2190-\u2bff",
    r"\p{Z}": r" \u00a0\u2000-\u200a\u2028\u2029\u3000",
}
# Java lets an anchor be repeated, which says nothing; Python does not.
_REPEATED_ANCHOR = re.compile(r"\$\{\d+,\d+\}")


@cache
def _model() -> tuple[dict[str, str], dict[str, Shape]]:
    """The operations' input shapes, and every shape they are made of; the rest of the model is let go."""
    service = Loader().load_service_model("sagemaker", "service-2")
    shapes: dict[str, Shape] = {}
    inputs: dict[str, str] = {}
    for operation in OPERATIONS:
        inputs[operation] = service["operations"][operation]["input"]["shape"]
        _keep(inputs[operation], service["shapes"], shapes)
    return inputs, shapes


def _keep(name: str, source: dict[str, Shape], kept: dict[str, Shape]) -> None:
    if name in kept:
        return
    shape = source[name]
    kept[name] = {key: value for key, value in shape.items() if key not in {"documentation", "members"}}
    if "members" in shape:
        kept[name]["members"] = {member: ref["shape"] for member, ref in shape["members"].items()}
    for key in ("member", "key", "value"):
        if key in shape:
            kept[name][key] = shape[key]["shape"]
            _keep(shape[key]["shape"], source, kept)
    for ref in shape.get("members", {}).values():
        _keep(ref["shape"], source, kept)


def operations_with_tags() -> frozenset[str]:
    """The operations whose request sets tags."""
    inputs, shapes = _model()
    return frozenset(name for name, shape in inputs.items() if "Tags" in shapes[shape]["members"])


def validate(operation: str, parameters: dict[str, Any]) -> None:
    """Check a request as the service does before it looks at any resource.

    Raises
    ------
    UnknownOperationError
        For an operation the stand-in does not have.
    SerializationError
        For a value of another JSON type than the model's.
    ValidationError
        For whatever is missing, too long, too many, out of range, off the pattern or not in the enum; all
        violations in one message, as the service words it.
    """
    inputs, _ = _model()
    if operation not in inputs:
        raise UnknownOperationError(
            f"the embedded SageMaker has no {operation}; it has {', '.join(sorted(inputs))}"
        )
    found = list(_violations(inputs[operation], parameters, ""))
    if found:
        noun = "error" if len(found) == 1 else "errors"
        raise ValidationError(f"{len(found)} validation {noun} detected: {'; '.join(found)}")


def _violations(name: str, value: Any, path: str) -> Iterator[str]:
    shape = _model()[1][name]
    kind: str = shape["type"]
    if not _is_of(kind, value):
        raise SerializationError(
            f"{_json_kind(value)} can not be converted to {kind.capitalize()} at '{path}'"
        )
    yield from _broken_constraints(shape, value, path)
    if kind == "structure":
        yield from _in_structure(shape, value, path)
    elif kind == "list":
        for index, item in enumerate(value, start=1):
            yield from _violations(shape["member"], item, f"{path}.{index}.member")
    elif kind == "map":
        for key, item in value.items():
            yield from _violations(shape["key"], key, f"{path}.key")
            yield from _violations(shape["value"], item, f"{path}.{key}.member")


def _is_of(kind: str, value: Any) -> bool:
    """Whether a JSON value is of the model's type; Python's booleans are integers, the service's are not."""
    return isinstance(value, _PYTHON_TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _in_structure(shape: Shape, value: dict[str, Any], path: str) -> Iterator[str]:
    prefix = f"{path}." if path else ""
    for member, member_shape in shape["members"].items():
        member_path = f"{prefix}{member[:1].lower()}{member[1:]}"
        if value.get(member) is not None:
            yield from _violations(member_shape, value[member], member_path)
        elif member in shape.get("required", ()):
            yield f"Value null at '{member_path}' failed to satisfy constraint: Member must not be null"


def _broken_constraints(shape: Shape, value: Any, path: str) -> Iterator[str]:
    for broken in _constraints(shape, value):
        shown = value if isinstance(value, str) else json.dumps(value)
        yield f"Value '{shown}' at '{path}' failed to satisfy constraint: {broken}"


def _constraints(shape: Shape, value: Any) -> Iterator[str]:
    kind = shape["type"]
    if "enum" in shape and value not in shape["enum"]:
        yield f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]"
        return
    sized = kind in {"string", "list", "map"}
    if sized or kind in _NUMBERS:
        size = len(value) if sized else value
        noun = "length" if sized else "value"
        if "min" in shape and size < shape["min"]:
            yield f"Member must have {noun} greater than or equal to {shape['min']}"
        if "max" in shape and size > shape["max"]:
            yield f"Member must have {noun} less than or equal to {shape['max']}"
    if kind == "string" and "pattern" in shape and not _compiled(shape["pattern"]).fullmatch(value):
        yield f"Member must satisfy regular expression pattern: {shape['pattern']}"


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """The model's (Java) pattern as Python's; Unicode classes become the nearest Python has."""
    for name, equivalent in _UNICODE_CLASSES.items():
        pattern = pattern.replace(name, equivalent)
    return re.compile(_REPEATED_ANCHOR.sub("$", pattern), re.DOTALL)


def _json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, int | float):
        return "NUMBER_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    return "Start of list" if isinstance(value, list) else "Start of structure or map"
