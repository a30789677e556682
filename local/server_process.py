"""The embedded server as its launcher sees it: a child process on a loopback port."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local.clients import Credentials, make_client
from local.errors import NotInstalledError, PortInUseError, StartError
from local.settings import HOST, REGION, ServerSettings

REPOSITORY = Path(__file__).resolve().parents[1]
FUNCTION_PYTHON = REPOSITORY / ".venv-lambda" / "bin" / "python"
START_SECONDS = 60.0
STOP_SECONDS = 5.0
LOG_TAIL = 20


class ServerProcess:
    """The embedded AWS, empty: no stack is deployed in it. Use as a context manager.

    Parameters
    ----------
    port
        Loopback port; 0 for a free one.
    bridge
        Another address to listen on: a container engine's bridge. Empty for none.
    """

    region = REGION

    def __init__(self, port: int = 0, bridge: str = "") -> None:
        self._wanted_port = port
        self._bridge = bridge
        self._secret = secrets.token_hex(16)
        self._folder = Path()
        self._process: subprocess.Popen[str] | None = None
        self._clients: dict[str, Any] = {}
        self.credentials = Credentials()
        self.endpoint_url = ""

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._running().pid

    @property
    def container_endpoint_url(self) -> str:
        """Where a container reaches it, if it listens on a bridge; else the endpoint, which none reaches."""
        return self.endpoint_url.replace(f"//{HOST}:", f"//{self._bridge or HOST}:")

    @property
    def folder(self) -> Path:
        """The server's own folder, removed when it stops."""
        return self._folder

    @property
    def log_file(self) -> Path:
        """What the server has printed."""
        return self._folder / "server.log"

    def start(self) -> Self:
        """Start the server and wait until it answers.

        Raises
        ------
        NotInstalledError
            When the functions' environment is missing.
        PortInUseError
            When another program has the port.
        StartError
            When the server does not answer in time; with the end of its log.
        """
        if not FUNCTION_PYTHON.exists():
            raise NotInstalledError(
                "the functions' Python environment .venv-lambda is missing: run `make setup`"
            )
        self._folder = Path(tempfile.mkdtemp(prefix="dropscore-local-"))
        try:
            self._spawn()
            self.endpoint_url = f"http://{HOST}:{self._read_port()}"
            self._await_health()
        except BaseException:
            self.stop()
            raise
        return self

    def _spawn(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        with self.log_file.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                cwd=self._folder,
                text=True,
                start_new_session=True,
            )
        settings = ServerSettings(
            self._wanted_port, self._folder, FUNCTION_PYTHON, self._secret, self.region, self._bridge
        )
        if self._process.stdin is not None:
            self._process.stdin.write(settings.to_line() + "\n")
            self._process.stdin.flush()

    def _read_port(self) -> int:
        answers = self._running().stdout
        with selectors.DefaultSelector() as selector:
            selector.register(answers, selectors.EVENT_READ)  # type: ignore[arg-type]
            line = answers.readline() if answers is not None and selector.select(START_SECONDS) else ""
        answer = json.loads(line) if line else {}
        if "error" in answer:
            raise PortInUseError(
                f"port {self._wanted_port} cannot be used ({answer['error']}): "
                "stop what listens there, or choose another"
            )
        if "port" not in answer:
            raise StartError(f"the embedded AWS did not start:\n{self.log_tail()}")
        return int(answer["port"])

    def _await_health(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._running().poll() is None:
            with contextlib.suppress(OSError):
                self._open("GET", "/_ministack/health", timeout=deadline - time.monotonic())
                return
        raise StartError(f"the embedded AWS does not answer:\n{self.log_tail()}")

    def stop(self) -> None:
        """End the server, its functions and jobs, and remove its folder."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_SECONDS)
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
        if self._folder != Path():
            shutil.rmtree(self._folder, ignore_errors=True)

    def client(self, service: str) -> Any:
        """A boto3 client with root's credentials; the caller's ``AWS_*`` plays no part."""
        if service not in self._clients:
            self._clients[service] = make_client(service, self.endpoint_url, self.region)
        return self._clients[service]

    def change_faults(self, **settings: object) -> dict[str, Any]:
        """Ask for trouble (``local.sagemaker.faults.FaultSettings`` says which); returns what is in force."""
        return self._faults("POST", settings)

    def reset_faults(self) -> dict[str, Any]:
        """Put everything back to normal."""
        return self._faults("DELETE", {})

    def faults(self) -> dict[str, Any]:
        """The trouble in force; counters show what is left of them."""
        return self._faults("GET", {})

    def requests(self) -> list[dict[str, Any]]:
        """What has been asked so far: caller, service, operation and count of each (``local.requests``)."""
        answer: list[dict[str, Any]] = json.loads(
            self._open("GET", "/_dropscore/requests", timeout=START_SECONDS)
        )
        return answer

    def _faults(self, method: str, settings: dict[str, object]) -> dict[str, Any]:
        try:
            answer = self._open(
                method, "/_dropscore/faults", json.dumps(settings).encode(), timeout=START_SECONDS
            )
        except urllib.error.HTTPError as refusal:
            raise ValueError(f"the faults were refused: {refusal.read().decode()}") from refusal
        result: dict[str, Any] = json.loads(answer)
        return result

    def _open(self, method: str, path: str, body: bytes | None = None, *, timeout: float) -> bytes:
        request = urllib.request.Request(  # noqa: S310 (the address is our own)
            self.endpoint_url + path, body, {"x-dropscore-secret": self._secret}, method=method
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=timeout) as response:
            answer: bytes = response.read()
        return answer

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise StartError("the embedded AWS is not running: start it first")
        return self._process

    def wait(self) -> None:
        """Wait until the server ends by itself."""
        self._running().wait()

    def log_tail(self) -> str:
        """The last lines the server has printed."""
        lines = self.log_file.read_text(errors="replace").splitlines() if self.log_file.exists() else []
        return "\n".join(lines[-LOG_TAIL:])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
