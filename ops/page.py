"""A loopback proxy that signs: it lets a browser show the results page of a stack with ``ApiAuth=IAM``."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType

from ops.errors import AddressTaken, NotAnAddress, OpsError
from ops.results_api import Answer, ResultsApi

HOST = "127.0.0.1"
CLIENT_SECONDS = 30
"""How long a browser may take over a request, or keep a connection open without one."""

PASSED_ON = ("Accept", "Accept-Encoding", "If-None-Match")
OF_ONE_CONNECTION = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})
OWN = frozenset({"none", "same-origin"})
"""Values of Sec-Fetch-Site that no other page can cause (Fetch Metadata Request Headers, W3C)."""


class PageProxy(ThreadingHTTPServer):
    """Passes GET and HEAD requests of this machine's browser on to a results API, signed.

    A page of another origin gets nothing: neither by a name of its own for this address (DNS rebinding), for
    the Host header is compared, nor by a request from afar, for browsers say where requests come from.
    Whoever can open the address on this machine reads results with the caller's credentials.

    Parameters
    ----------
    api
        The results API.
    port
        Loopback port; 0 for a free one.

    Raises
    ------
    AddressTaken
        Another program has the port.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, api: ResultsApi, port: int = 0) -> None:
        self.api = api
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise AddressTaken(f"port {port} cannot be used ({error.strerror}): choose another") from error

    @property
    def url(self) -> str:
        """What to open in the browser."""
        return f"http://{HOST}:{self.server_port}/"

    @property
    def names(self) -> frozenset[str]:
        """What a browser on this machine calls this server."""
        return frozenset(f"{name}:{self.server_port}" for name in (HOST, "localhost"))

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Serve beside the caller, until the block is left; what to open in the browser."""
        server = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        server.start()
        try:
            yield self.url
        finally:
            self.shutdown()
            server.join()
            self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a browser that has gone."""


class _Handler(BaseHTTPRequestHandler):
    """One connection of the browser."""

    protocol_version = "HTTP/1.1"
    timeout = CLIENT_SECONDS
    server: PageProxy

    def do_GET(self) -> None:
        """Pass a request on."""
        self._send(self._answer(), with_body=True)

    def do_HEAD(self) -> None:
        """Pass a request on; the answer has no body."""
        self._send(self._answer(), with_body=False)

    def _answer(self) -> Answer:
        if self.headers.get("Host", "") not in self.server.names:
            return _own(HTTPStatus.MISDIRECTED_REQUEST, f"open {self.server.url} instead")
        if not self._is_from_here():
            return _own(HTTPStatus.FORBIDDEN, f"not for other pages: open {self.server.url} yourself")
        if not self.path.startswith("/") or self._has_body():
            self.close_connection = True
            return _own(HTTPStatus.BAD_REQUEST, "not a path, or more than one")
        return self._passed_on()

    def _passed_on(self) -> Answer:
        wanted = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        try:
            return self.server.api.ask(str(self.command), self.path.lstrip("/"), wanted)
        except NotAnAddress as error:
            return _own(HTTPStatus.BAD_REQUEST, str(error))
        except OpsError as error:
            return _own(HTTPStatus.BAD_GATEWAY, str(error))
        except Exception as error:  # noqa: BLE001 (a browser would see no more than a connection that ends)
            return _own(HTTPStatus.BAD_GATEWAY, f"the request failed here ({type(error).__name__}: {error})")

    def _has_body(self) -> bool:
        return any(name in self.headers for name in ("Content-Length", "Transfer-Encoding"))

    def _is_from_here(self) -> bool:
        """Whether the request is the user's own or the page's, not another page's."""
        origin = self.headers.get("Origin")
        own_origins = {f"http://{name}" for name in self.server.names}
        return (origin is None or origin in own_origins) and self.headers.get("Sec-Fetch-Site", "none") in OWN

    def _send(self, answer: Answer, *, with_body: bool) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in OF_ONE_CONNECTION:
                self.send_header(name, value)
        length = answer.header("Content-Length") if not with_body else None
        if answer.status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", length or str(len(answer.body)))
        self.end_headers()
        if with_body:
            self.wfile.write(answer.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request, or another method; the connection ends."""
        del explain
        self.close_connection = True
        status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code)
        self._send(_own(status, message or status.phrase), with_body=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        """Say nothing: what is asked for is nobody's business but the user's."""


def _own(status: HTTPStatus, message: str) -> Answer:
    """An answer of the proxy's own."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("Allow", "GET, HEAD"))
    return Answer(status, tuple(headers), f"{message}\n".encode())


def until_interrupted() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        ended.set()

    # A shell may have told its background jobs to ignore SIGINT.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, end)
    ended.wait()
