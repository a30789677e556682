"""One function by hand: its artifact under the Runtime Interface Emulator, against the stack that is up."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import typer

from local.built_function import built_function
from local.emulator import Emulator
from local.errors import LocalError
from local.signposts import FOLDER, STACK, VARIABLES

HEALTH_SECONDS = 5
EMULATORS_OWN = "[INFO] (rapid) "


class NoStackError(LocalError):
    """No stack is up here (the reader can act: start one)."""


class EventError(LocalError):
    """The event cannot be read (the reader can act: name another file)."""


def invoke(function: str, event_file: Path, folder: Path = FOLDER) -> Any:
    """Have a function's artifact handle an event; its answer.

    It has the handler, the timeout and the memory size of the built template, and the variables of the stack
    that `make local` keeps up. Its log goes to stderr. Unlike there, it has the rights of the account's root.

    Parameters
    ----------
    function
        Logical id in the template.
    event_file
        JSON.
    folder
        Where the stack has written how to reach it.

    Raises
    ------
    NoStackError, EventError
        No stack is up, or there is no such event.
    LocalError
        The function is not built, is not in the template, or failed.
    """
    event = read_event(event_file)
    environment = variables_of(function, folder)
    built = built_function(function)
    began = time.monotonic()
    limits = f"{built.timeout_seconds} s and {built.memory_mb:,} MB"
    typer.echo(
        f"{function} handles {event_file} under the Runtime Interface Emulator ({limits}) ...", err=True
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the emulator is ended, too
    with Emulator(built, environment) as emulator:
        try:
            answer = emulator.invoke(event)
        finally:
            typer.echo(_of_the_function(emulator.log), err=True)
        starting = emulator.init_seconds
    took = time.monotonic() - began
    typer.echo(f"{function} answered after {took:.1f} s, {starting:.1f} s of it to start:", err=True)
    return answer


def read_event(file: Path) -> Any:
    """An event.

    Raises
    ------
    EventError
        There is no such file, or it is not JSON.
    """
    try:
        return json.loads(file.read_text())
    except OSError as error:
        raise EventError(
            f"{file} cannot be read ({error.strerror}): events/README.md lists events"
        ) from error
    except ValueError as error:
        raise EventError(f"{file} is not JSON ({error})") from error


def variables_of(function: str, folder: Path = FOLDER) -> dict[str, str]:
    """The function's variables in the stack that is up; addresses as this machine reaches them.

    Raises
    ------
    NoStackError
        There is no stack.
    LocalError
        It has no such function.
    """
    try:
        stack = json.loads((folder / STACK).read_text())
        variables = json.loads((folder / VARIABLES).read_text())
        _ask_whether_up(stack["endpoint_url"])
    except (OSError, ValueError, KeyError) as error:
        raise NoStackError(
            "no local stack is up in this folder: run `make local` in another terminal, and come back when "
            "it says that it is up"
        ) from error
    if function not in variables:
        raise LocalError(f"the stack has no function {function!r}; there are {', '.join(sorted(variables))}")
    own: dict[str, str] = variables[function]
    reached, here = stack["container_endpoint_url"], stack["endpoint_url"]
    return {name: value.replace(reached, here) for name, value in own.items()}


def _of_the_function(log: str) -> str:
    """The log without what the emulator tells of itself."""
    return "\n".join(line for line in log.splitlines() if EMULATORS_OWN not in line)


def _ask_whether_up(endpoint: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{endpoint}/_ministack/health", timeout=HEALTH_SECONDS):
        pass
