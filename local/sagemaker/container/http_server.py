"""The container's HTTP: GET /ping and POST /invocations, one request at a time."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from local.sagemaker.container.errors import ContainerError
from local.sagemaker.container.model_code import Answer, ServedModel, load_model


class _Handler(BaseHTTPRequestHandler):
    """Answers in the container's manner; a traceback goes to the container's output, as gunicorn's does."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer the health check: 200 once the model is loaded."""
        if self.path != "/ping":
            self._send(HTTPStatus.NOT_FOUND, b"")
            return
        self._answer(self._health)

    def do_POST(self) -> None:
        """Answer one mini-batch."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/invocations":
            self._send(HTTPStatus.NOT_FOUND, b"")
            return
        content_type, accept = self.headers.get("Content-Type", ""), self.headers.get("Accept", "")
        self._answer(lambda: self.server.ensure_model().answer(body, content_type, accept))

    def _health(self) -> Answer:
        self.server.ensure_model()
        return Answer(b"", "application/json")

    def _answer(self, make: Callable[[], Answer]) -> None:
        try:
            answer = make()
        except ContainerError as refusal:
            self._send(HTTPStatus(refusal.status), str(refusal).encode(), "application/json")
        except Exception:  # noqa: BLE001 (whatever the model's code raises is answered with 500)
            traceback.print_exc()
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, b"Internal Server Error", "text/html")
        else:
            self._send(HTTPStatus.OK, answer.body, answer.content_type)

    def _send(self, status: HTTPStatus, body: bytes, content_type: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(HTTPServer):
    """Serves on a socket that already listens."""

    def __init__(self, listener: int, model_folder: Path) -> None:
        self._listener = socket.socket(fileno=listener)
        super().__init__(self._listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = self._listener
        self._model_folder = model_folder
        self._model: ServedModel | None = None

    def ensure_model(self) -> ServedModel:
        """The model, loaded at the first request that needs it."""
        if self._model is None:
            self._model = load_model(self._model_folder)
        return self._model


def serve(listener: int, model_folder: Path) -> None:
    """Serve the model on an inherited, listening socket until the process ends."""
    _Server(listener, model_folder).serve_forever()
