"""What is written below `.local` for others: how to reach the stack, its variables, its sample events."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.samples.events import write_events
from local.samples.names import Names
from local.stack import STACK_NAME

if TYPE_CHECKING:
    from local.stack import LocalStack

FOLDER = Path(".local")
OUTPUTS = "outputs.json"
STACK = "stack.json"
VARIABLES = "env.json"
EVENTS = "events"
"""All true as long as the stack is up, and no longer."""

ONLY_THE_OWNER = 0o600


def write_outputs(stack: LocalStack, page: str, target: Path) -> None:
    """Write the stack's outputs, its endpoint, its page and credentials."""
    reached = {
        "EndpointUrl": stack.endpoint_url,
        "ResultsPageUrl": page,
        "Region": stack.region,
        "AccessKeyId": stack.credentials.access_key_id,
        "SecretAccessKey": stack.credentials.secret_access_key,
    }
    _write(target, {**stack.outputs, **reached})


def write_signposts(stack: LocalStack, page: str, folder: Path) -> None:
    """Write everything but the sample events; `outputs.json` last: who waits for it finds the others, too."""
    described = {
        "endpoint_url": stack.endpoint_url,
        "container_endpoint_url": stack.container_endpoint_url,
        "stack_name": STACK_NAME,
        "region": stack.region,
        "access_key_id": stack.credentials.access_key_id,
        "secret_access_key": stack.credentials.secret_access_key,
        "results_page_url": page,
        "outputs": stack.outputs,
    }
    _write(folder / STACK, described)
    _write(folder / VARIABLES, variables(stack))
    write_outputs(stack, page, folder / OUTPUTS)


def write_sample_events(names: Names, folder: Path) -> None:
    """Write the sample events with the stack's own names."""
    write_events(names, folder / EVENTS)


def remove_signposts(folder: Path) -> None:
    """Remove what is true only while the stack is up; its sample file stays."""
    for name in (OUTPUTS, STACK, VARIABLES):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / EVENTS, ignore_errors=True)


def variables(stack: LocalStack) -> dict[str, dict[str, str]]:
    """Each function's variables by its logical id, as `sam local --env-vars` takes them.

    They are those that the deployed functions have; addresses of the stack are those that a container
    reaches it at (SAM CLI, "sam local invoke", environment variable file).
    """
    functions = stack.client("lambda")
    found: dict[str, dict[str, str]] = {}
    for logical_id, name in stack.functions().items():
        own = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        found[logical_id] = {
            variable: value.replace(stack.endpoint_url, stack.container_endpoint_url)
            for variable, value in own.items()
        }
    return found


def _write(target: Path, document: dict[str, Any]) -> None:
    """Write a file all at once, for its owner only: it may hold credentials."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, ONLY_THE_OWNER)
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps(document, indent=2) + "\n")
    unfinished.rename(target)
