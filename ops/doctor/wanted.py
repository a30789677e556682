"""The parameters that the stack has, or that the next `sam deploy` would give it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ops.connection import REPOSITORY, sam_settings
from ops.stack import Stack

TEMPLATE = REPOSITORY / "template.yaml"


def parameters_of(stack: Stack | None) -> Mapping[str, str]:
    """Those of the stack; without one, those of samconfig.toml over the template's defaults."""
    return stack.parameters if stack is not None else {**_defaults(), **overrides(sam_settings())}


def overrides(settings: Mapping[str, Any]) -> dict[str, str]:
    """What samconfig.toml says of the template's parameters.

    `sam deploy --guided` writes one string, `Name="value" Name="value"`; a list of `Name=value` is taken, too
    ("AWS SAM CLI configuration file", AWS SAM Developer Guide).
    """
    told = settings.get("parameter_overrides", "")
    parts = shlex.split(told) if isinstance(told, str) else [str(part) for part in told]
    pairs = (part.partition("=") for part in parts)
    return {name: value for name, sign, value in pairs if sign}


def instances(parameters: Mapping[str, str]) -> int:
    """How many instances all jobs together may take: those of a job, `MaxRunningJobs` times."""
    return int(parameters["MaxInstances"]) * int(parameters["MaxRunningJobs"])


def functions(parameters: Mapping[str, str]) -> int:
    """How many functions may run at once without readers: prepare, collect, and one sweep."""
    return int(parameters["PrepareConcurrency"]) + int(parameters["CollectConcurrency"]) + 1


def _defaults() -> dict[str, str]:
    from samcli.yamlhelper import yaml_parse  # noqa: PLC0415 - half a second, and only before the first deploy

    told = yaml_parse(TEMPLATE.read_text())["Parameters"]
    return {name: str(parameter["Default"]) for name, parameter in told.items() if "Default" in parameter}
