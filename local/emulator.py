"""One built function under the Runtime Interface Emulator: Lambda's own way of starting and asking it."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.built_function import BuiltFunction
from local.clients import Credentials
from local.errors import FunctionError, NotInstalledError, StartError
from local.server_process import FUNCTION_PYTHON
from local.settings import HOST, REGION

START_SECONDS = 20.0
STOP_SECONDS = 5.0
INIT_SECONDS = 30.0
"""What an answer may take beyond the function's timeout: its start, on a busy machine."""

STARTS = 3
"""Times that ports are chosen: another process may take one before the emulator does."""

_INVOCATIONS = "/2015-03-31/functions/function/invocations"
_INIT_REPORT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_LOG_TAIL = 20


def emulator_program() -> Path:
    """The emulator that comes with the SAM command line (`samcli/local/rapid`).

    Raises
    ------
    NotInstalledError
        There is no SAM, or none with an emulator for this machine.
    """
    found = find_spec("samcli")
    machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    for folder in found.submodule_search_locations or () if found else ():
        program = Path(folder, "local", "rapid", f"aws-lambda-rie-{machine}")
        if program.is_file():
            return program
    raise NotInstalledError(
        "the Runtime Interface Emulator is missing (aws-sam-cli brings it): run `make setup`"
    )


class Emulator:
    """A function under the emulator, from its start to its end. Use as a context manager.

    It runs the artifact in its folder, by the interpreter that has what Lambda's runtime has, with none of
    the caller's environment. The function starts with the first event, as on Lambda. Events are handled one
    at a time: the emulator crashes when it is asked twice at once.

    Parameters
    ----------
    environment
        Variables, over those that the template knows; where it knows no value, they are needed.
    options
        Of the interpreter, such as `-X importtime`.

    Raises
    ------
    NotInstalledError
        SAM or the functions' environment is missing.
    StartError
        A variable is missing, or the emulator does not start; the message says what to do.
    """

    def __init__(
        self,
        function: BuiltFunction,
        environment: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.function = function
        self._environment = _variables(function, environment or {})
        self._options = tuple(options)
        self._asking = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="dropscore-emulator-")
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ""

    @property
    def log(self) -> str:
        """What the emulator and the function have written, so far."""
        log = Path(self._folder.name, "log")
        return log.read_text(errors="replace") if log.exists() else ""

    @property
    def init_seconds(self) -> float:
        """How long the function took to start: until it could take its first event.

        Raises
        ------
        StartError
            It has not started yet: it does with the first event.
        """
        if not (found := _INIT_REPORT.search(self.log)):
            raise StartError(f"{self.function.name} has not been started: invoke it first")
        return float(found[1]) / 1000

    @property
    def process_id(self) -> int:
        """The function's own process.

        Raises
        ------
        StartError
            There is none: it is there from the first event on.
        """
        functions = _children(self._process.pid) if self._process else []
        if not functions:
            raise StartError(f"{self.function.name} is not running: invoke it first")
        return functions[0]

    def start(self) -> Self:
        """Start the emulator."""
        if not FUNCTION_PYTHON.exists():
            raise NotInstalledError(
                "the functions' Python environment .venv-lambda is missing: run `make setup`"
            )
        program = emulator_program()
        try:
            started = any(self._listens(program) for _ in range(STARTS))
        except BaseException:
            self.close()
            raise
        if not started:
            said = self._log_tail()
            self.close()
            raise StartError(f"the Runtime Interface Emulator does not start:\n{said}")
        return self

    def invoke(self, event: Any) -> Any:
        """Have the function handle an event; its answer.

        Raises
        ------
        FunctionError
            It raised an error, took longer than its timeout, or did not start.
        """
        body = self._ask(json.dumps(event).encode())
        try:
            answer = json.loads(body) if body else None
        except ValueError as error:  # the emulator tells of a timeout in plain text
            raise FunctionError(f"{self.function.name}: {body.decode(errors='replace')}") from error
        match answer:
            case {"errorType": kind, "errorMessage": message, "stackTrace": list(trace)}:
                raise FunctionError(f"{self.function.name}: {kind}: {message}\n{''.join(trace)}".rstrip())
        return answer

    def close(self) -> None:
        """End the function and the emulator, and remove what they wrote."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, event: bytes) -> bytes:
        limit = self.function.timeout_seconds + INIT_SECONDS
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with self._asking:
            try:
                with opener.open(f"http://{self._address}{_INVOCATIONS}", event, limit) as answer:
                    told: bytes = answer.read()
            except urllib.error.HTTPError as error:
                raise FunctionError(
                    f"{self.function.name}: {error.read().decode(errors='replace')}"
                ) from error
            except OSError as error:
                silent = f"{self.function.name} has not answered within {limit:.0f} s ({error})"
                raise FunctionError(f"{silent}:\n{self._log_tail()}") from error
        return told

    def _listens(self, program: Path) -> bool:
        """Start it at ports that are free; whether it listens before it ends or the time is up."""
        self._address, runtime_api = _free_addresses(2)
        python = (str(FUNCTION_PYTHON), *self._options, "-m", "awslambdaric", self.function.handler)
        listening = (
            "--runtime-interface-emulator-address",
            self._address,
            "--runtime-api-address",
            runtime_api,
        )
        with Path(self._folder.name, "log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(program), *listening, *python],
                cwd=self.function.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            host, _, port = self._address.rpartition(":")
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
                return True
            time.sleep(_PAUSE_SECONDS)
        _end(self._process)
        return False

    def _log_tail(self) -> str:
        return "\n".join(self.log.splitlines()[-_LOG_TAIL:])


_PAUSE_SECONDS = 0.01


def _variables(function: BuiltFunction, given: Mapping[str, str]) -> dict[str, str]:
    """The function's whole environment: what Lambda sets, what the template says, what is given."""
    credentials = Credentials()
    known = {
        # "Lambda environment variables", developer guide
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout_seconds),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LAMBDA_TASK_ROOT": str(function.folder),
        "LANG": "en_US.UTF-8",
        "PATH": os.defpath,
        "TZ": ":UTC",
        # Lambda's /var/task is read-only.
        "PYTHONDONTWRITEBYTECODE": "1",
        **function.environment,
        **given,
    }
    if missing := sorted(name for name, value in known.items() if value is None):
        raise StartError(f"{function.name} needs values for {', '.join(missing)}")
    return {name: value for name, value in known.items() if value is not None}


def _free_addresses(count: int) -> list[str]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((HOST, 0))
        return [f"{HOST}:{each.getsockname()[1]}" for each in sockets]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the emulator, which ends the function in its turn; where it does not in time, end both."""
    functions = _children(process.pid)
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)
    for child in functions:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    """Processes that a process has started: the emulator gives the function a group of its own."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:  # proc(5): the parent
                found.append(int(stat.parent.name))
    return found
