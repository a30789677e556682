"""A server in the place of a results API, which keeps what it is asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass(frozen=True)
class Asked:
    """A request as it came; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]


@dataclass
class Upstream:
    """Answers every request the same way."""

    asked: list[Asked] = field(default_factory=list)
    _status: int = 200
    _body: bytes = b""
    _headers: dict[str, str] = field(default_factory=dict)
    _cuts_off: bool = False

    def answers(self, status: int, body: bytes, **headers: str) -> None:
        self._status, self._body = status, body
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def cuts_off(self) -> None:
        """From now on connections end before there is an answer."""
        self._cuts_off = True

    def __enter__(self) -> Self:
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                upstream.asked.append(Asked(str(self.command), self.path, headers))
                if upstream._cuts_off:
                    return
                self.send_response(upstream._status)
                for name, value in upstream._headers.items():
                    self.send_header(name, value)
                if upstream._status != 304:
                    self.send_header("Content-Length", str(len(upstream._body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(upstream._body)

            do_HEAD = do_GET  # noqa: N815 (the base's name)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __exit__(self, *_: object) -> None:
        self.stop()
