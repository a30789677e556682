"""A small API on loopback that answers in the results API's shapes, as a test wants it to."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dropscore.api.documents import policy

PAGE = Path(__file__).parents[2] / "functions" / "dropscore" / "api" / "page.html"
FILTERS = {"state", "key_prefix", "source_key", "model_version"}
TAKEN = {
    "drops": FILTERS | {"from", "to", "limit", "cursor"},
    "drop": set(),
    "job": set(),
    "predictions": {"limit", "cursor", "from", "to", "columns", "download"},
    "rejects": {"limit", "cursor"},
}


class Refused(Exception):
    """An answer that is a problem document, or what API Gateway itself says."""

    def __init__(self, http_status: int, **said: Any) -> None:
        super().__init__(said)
        self.status = http_status
        self.said = said


def problem(status: int, title: str, detail: str, **more: Any) -> Refused:
    return Refused(status, type="about:blank", title=title, status=status, detail=detail, **more)


@dataclass
class Request:
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Api:
    """What the API holds, how it lets readers in, and what it has been asked."""

    auth: str = "IAM"
    token: str | None = None
    signed: bool = True
    drops: list[dict[str, Any]] = field(default_factory=list)
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    predictions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rejects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    troubles: dict[str, Refused] = field(default_factory=dict)
    page_of_drops: Callable[[list[Any], int, int], tuple[list[Any], int | None]] | None = None
    asked: list[Request] = field(default_factory=list)
    url: str = ""

    def add(self, detail: dict[str, Any], predictions: Any = (), rejects: Any = ()) -> str:
        """Let the API hold a drop, the newest so far; the drop's id."""
        drop_id = detail["drop_id"]
        of_detail = {"download", "job"}
        links = {name: link for name, link in detail["links"].items() if name not in of_detail}
        self.drops.insert(0, {name: detail[name] for name in SUMMARY} | {"links": links})
        self.details[drop_id] = detail
        self.predictions[drop_id] = list(predictions)
        self.rejects[drop_id] = list(rejects)
        return drop_id

    def asked_for(self, path: str) -> list[dict[str, str]]:
        return [request.query for request in self.asked if request.path == path]

    def answer(self, request: Request) -> dict[str, Any]:
        """The document that answers a request.

        Raises
        ------
        Refused
            It is answered by a problem.
        """
        self.admit(request)
        parts = request.path.split("/")
        kind = {("drops", 1): "drops", ("drops", 2): "drop", ("jobs", 2): "job"}.get(
            (parts[0], len(parts)), parts[-1]
        )
        if kind not in TAKEN:
            raise problem(404, "No such path", f"There is nothing at {request.path}.")
        if unknown := set(request.query) - TAKEN[kind]:
            raise problem(400, "Bad request", "unknown parameters", errors=[{"field": min(unknown)}])
        if trouble := self.troubles.get(request.path):
            raise trouble
        return getattr(self, f"answer_{kind}")(request.query, *parts[1:2])

    def admit(self, request: Request) -> None:
        if self.auth == "JWT":
            given = request.headers.get("authorization", "")
            if given == "Bearer of-another-scope":
                raise Refused(403, message="Forbidden")
            if given != f"Bearer {self.token}":
                raise Refused(401, message="Unauthorized")
        elif not self.signed:
            raise Refused(403, message="Forbidden")

    def answer_drops(self, query: dict[str, str]) -> dict[str, Any]:
        filters = FILTERS & set(query)
        assert len(filters) <= 1, filters
        drops = self.drops
        for name in filters:
            drops = [drop for drop in drops if _passes(drop, name, query[name])]
        if "key_prefix" in query:
            drops = sorted(drops, key=lambda drop: drop["source_key"])
        cut = self.page_of_drops or _cut
        page, following = cut(drops, _start(query), int(query.get("limit", 100)))
        return {"drops": page, "next_cursor": _cursor(following)}

    def answer_drop(self, _: dict[str, str], drop_id: str) -> dict[str, Any]:
        if drop_id not in self.details:
            raise problem(404, "No such drop", f"There is no drop {drop_id}.")
        return self.details[drop_id]

    def answer_job(self, _: dict[str, str], job: str) -> dict[str, Any]:
        return self.jobs[job]

    def answer_predictions(self, query: dict[str, str], drop_id: str) -> dict[str, Any]:
        if query.get("download") == "link":
            url = f"{self.url}presigned/{drop_id}.parquet"
            return {"drop_id": drop_id, "url": url, "expires_at": "2024-07-01T00:05:00Z"}
        rows = self.predictions[drop_id]
        since, until = query.get("from"), query.get("to")
        if since or until:
            rows = [row for row in rows if row["ts"] and _between(row["ts"], since, until)]
        page, following = _cut(rows, _start(query), int(query.get("limit", 1000)))
        columns = query.get("columns", "row,ts,prediction,actual").split(",")
        shown = [{name: row[name] for name in columns} for row in page]
        return {"drop_id": drop_id, "predictions": shown, "next_cursor": _cursor(following)}

    def answer_rejects(self, query: dict[str, str], drop_id: str) -> dict[str, Any]:
        page, following = _cut(self.rejects[drop_id], _start(query), int(query.get("limit", 1000)))
        detail = self.details[drop_id]
        shown = {"rejects": page, "next_cursor": _cursor(following)}
        return {"drop_id": drop_id, "state": detail["state"], "reason": detail["reason"], **shown}


SUMMARY = (
    "drop_id", "source_key", "state", "reason", "arrived_at", "finished_at", "rows_in", "rows_scored",
    "rows_rejected", "model_version", "transform_job",
)  # fmt: skip


def _passes(drop: dict[str, Any], name: str, value: str) -> bool:
    if name == "key_prefix":
        return drop["source_key"].startswith(value)
    return str(drop[name]) == value


def _between(ts: str, since: str | None, until: str | None) -> bool:
    moment = ts.removesuffix("Z")
    return (since or "").removesuffix("Z") <= moment < (until or "9999").removesuffix("Z")


def _cut(items: list[Any], start: int, limit: int) -> tuple[list[Any], int | None]:
    end = start + limit
    return items[start:end], end if end < len(items) else None


def _start(query: dict[str, str]) -> int:
    return int(base64.urlsafe_b64decode(query["cursor"])) if "cursor" in query else 0


def _cursor(start: int | None) -> str | None:
    return None if start is None else base64.urlsafe_b64encode(str(start).encode()).decode()


@contextmanager
def served(api: Api) -> Iterator[Api]:
    """The API on a free loopback port, its page at the root, until the block is left."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.api = api
        api.url = f"http://127.0.0.1:{server.server_address[1]}/"
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        try:
            yield api
        finally:
            server.shutdown()
            serving.join()


class _Server(ThreadingHTTPServer):
    api: Api
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a reader who has gone on
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(parts.path.lstrip("/"), dict(parse_qsl(parts.query)), headers)
        api = self.server.api
        api.asked.append(request)
        if not request.path:
            page = PAGE.read_text().replace('data-auth="IAM"', f'data-auth="{api.auth}"')
            self.say(
                200, "text/html; charset=utf-8", page.encode(), {"Content-Security-Policy": policy(page)}
            )
        elif request.path.startswith("presigned/"):
            name = request.path.split("/")[1]
            attached = {"Content-Disposition": f'attachment; filename="{name}"'}
            self.say(200, "binary/octet-stream", b"PAR1PAR1", attached)
        else:
            try:
                self.say(200, "application/json", json.dumps(api.answer(request)).encode(), {})
            except Refused as refused:
                kind = "application/problem+json" if "title" in refused.said else "application/json"
                self.say(refused.status, kind, json.dumps(refused.said).encode(), {})

    def say(self, status: int, kind: str, content: bytes, more: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass
