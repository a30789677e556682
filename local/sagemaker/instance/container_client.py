"""The container as an instance sees it: a process that answers /ping and /invocations on a port."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from local.sagemaker.container.errors import BOOT_FAILED
from local.sagemaker.instance.errors import AlgorithmFault, ClientFault, InstallFault

HOST = "127.0.0.1"
REPOSITORY = Path(__file__).resolve().parents[3]
MODEL_FOLDER = "/opt/ml/model"
# SageMaker pings for up to half an hour; nobody wants to wait that long here.
PING_SECONDS = 30.0
# The container's own gunicorn gives up after this unless SAGEMAKER_MODEL_SERVER_TIMEOUT says otherwise.
SERVER_TIMEOUT_SECONDS = 60.0
STOP_SECONDS = 5.0


class Reply(NamedTuple):
    """What the container has answered."""

    status: int
    content_type: str
    body: bytes


class Container:
    """The serving process of one model. Use as a context manager: leaving it ends the process."""

    def __init__(self, folder: Path, environment: dict[str, str], *, timeout: float, retries: int) -> None:
        self._environment = environment
        server_timeout = float(environment.get("SAGEMAKER_MODEL_SERVER_TIMEOUT", SERVER_TIMEOUT_SECONDS))
        self._timeout, self._retries = min(timeout, server_timeout), retries
        self._output = folder / "container.log"
        # Only the process keeps the socket: once it ends, whoever waits for an answer is told.
        with socket.create_server((HOST, 0)) as listener:
            self._connection = http.client.HTTPConnection(HOST, listener.getsockname()[1])
            self._process = self._start(folder, listener.fileno())

    def _start(self, folder: Path, listener: int) -> subprocess.Popen[bytes]:
        """Start the process before there is a model: it comes up while the model is fetched."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "TZ") if name in os.environ}
        model = str(folder / "model")
        mapped = {name: value.replace(MODEL_FOLDER, model) for name, value in self._environment.items()}
        with self._output.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "local.sagemaker.container", model, str(listener)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**kept, **mapped, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"},
                pass_fds=[listener],
            )

    def load(self, ping_seconds: float = PING_SECONDS) -> None:
        """Tell the process that the model is there and wait until /ping answers 200.

        Parameters
        ----------
        ping_seconds
            How long to wait.

        Raises
        ------
        InstallFault
            When the process ends since the model's code cannot be installed.
        AlgorithmFault
            When it does not within the time allowed, or the process ends.
        """
        if self._process.stdin is None:
            raise AlgorithmFault("the container has no stdin")
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(b"model\n")
            self._process.stdin.flush()
        deadline = time.monotonic() + ping_seconds
        answer = "no answer"
        while (left := deadline - time.monotonic()) > 0 and self._process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                reply = self._request("GET", "/ping", b"", {}, timeout=left)
                if reply.status == http.HTTPStatus.OK:
                    return
                answer = f"status {reply.status}"
                time.sleep(min(0.2, max(left, 0)))
        if self._process.poll() == BOOT_FAILED:
            raise InstallFault("The primary container for the model has ended: InstallModuleError")
        raise AlgorithmFault(
            f"The primary container for the model did not pass the ping health check ({answer})"
        )

    def invoke(self, body: bytes, content_type: str, accept: str) -> bytes:
        """Send one mini-batch.

        Raises
        ------
        ClientFault
            When the container answers 4xx.
        AlgorithmFault
            When it answers 5xx, or not in time, as often as the job allows.
        """
        problem = "Unable to get response from algorithm"
        for _ in range(self._retries + 1):
            try:
                reply = self.ask(body, content_type, accept)
            except (OSError, http.client.HTTPException):
                continue
            if reply.status == http.HTTPStatus.OK:
                return reply.body
            shown = reply.body[:1000].decode(errors="replace")
            if reply.status < http.HTTPStatus.INTERNAL_SERVER_ERROR:
                raise ClientFault(f"ClientError: {reply.status}\n\nMessage:\n{shown}")
            problem = f"Bad HTTP status received from algorithm: {reply.status}\n\nMessage:\n{shown}"
        raise AlgorithmFault(problem)

    def ask(self, body: bytes, content_type: str, accept: str) -> Reply:
        """Send one request and take whatever is answered.

        Raises
        ------
        OSError, http.client.HTTPException
            When nothing is answered in time, or the process ends.
        """
        headers = {"Content-Type": content_type, "Accept": accept} if content_type else {"Accept": accept}
        return self._request("POST", "/invocations", body, headers, timeout=self._timeout)

    def _request(
        self, method: str, path: str, body: bytes, headers: dict[str, str], *, timeout: float
    ) -> Reply:
        self._connection.timeout = timeout
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout)
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            return Reply(response.status, response.getheader("Content-Type", ""), response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise

    def output(self) -> str:
        """What the container has written so far."""
        return self._output.read_text(errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_SECONDS)
