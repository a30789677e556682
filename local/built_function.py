"""A built function as its template has it: what runs it needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.errors import NotBuiltError
from local.stack import BUILT_TEMPLATE
from local.template import code_folders, read_template


@dataclass(frozen=True)
class BuiltFunction:
    """A function as its template has it.

    Attributes
    ----------
    folder
        Its artifact.
    handler
        `module.function`.
    timeout_seconds, memory_mb
        What Lambda would allow. The emulator enforces the first alone.
    environment
        Its variables; None for one that only a deployed stack knows (the name of a bucket).
    """

    name: str
    folder: Path
    handler: str
    timeout_seconds: int = 3
    memory_mb: int = 128
    environment: Mapping[str, str | None] = field(default_factory=dict)


def built_function(name: str, template_file: Path = BUILT_TEMPLATE) -> BuiltFunction:
    """A function of a template that `sam build` has written.

    A reference to a parameter becomes the parameter's default.

    Raises
    ------
    NotBuiltError
        The template has no such function, or nothing has been built.
    """
    template = read_template(template_file)
    folders = code_folders(template, template_file.parent)
    if name not in folders:
        raise NotBuiltError(f"the template has no function {name!r}; there are {', '.join(sorted(folders))}")
    shared = template.get("Globals", {}).get("Function", {})
    own = template["Resources"][name]["Properties"]
    told = {**shared, **own}
    variables = {
        variable: value
        for source in (shared, own)
        for variable, value in source.get("Environment", {}).get("Variables", {}).items()
    }
    parameters = template.get("Parameters", {})
    return BuiltFunction(
        name,
        folders[name],
        told["Handler"],
        int(_resolved(told.get("Timeout", 3), parameters) or 3),
        int(_resolved(told.get("MemorySize", 128), parameters) or 128),
        {variable: _resolved(value, parameters) for variable, value in variables.items()},
    )


def _resolved(value: Any, parameters: Mapping[str, Any]) -> str | None:
    """A value of the template as a string; None where only a deployed stack knows it."""
    if not isinstance(value, dict):
        return str(value)
    default = parameters.get(str(value.get("Ref")), {}).get("Default")
    return None if default is None else str(default)
