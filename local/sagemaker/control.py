"""The control routes of the embedded server, for tests and benchmarks.

``/_dropscore/faults``: ``GET`` shows the trouble in force, ``POST`` changes the settings it names (see
``FaultSettings``), ``DELETE`` puts everything back. ``/_dropscore/requests``: ``GET`` shows what has been
asked so far (see ``local.requests``). They listen where the server does, on loopback only, and ask for the
launcher's secret in ``x-dropscore-secret``.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from pydantic import ValidationError

from local.sagemaker.faults import faults

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
Control = Callable[[str, bytes], tuple[int, Any]]
"""Answers a method and a body with a status and what becomes JSON."""

FAULTS = "/_dropscore/faults"
REQUESTS = "/_dropscore/requests"
SECRET_HEADER = b"x-dropscore-secret"


def with_control_routes(application: Application, secret: str, routes: Mapping[str, Control]) -> Application:
    """The same application with control routes, by path, before it."""

    async def routed(scope: Message, receive: Receive, send: Send) -> None:
        control = routes.get(scope["path"]) if scope["type"] == "http" else None
        if control is None:
            await application(scope, receive, send)
            return
        body = await _read(receive)
        offered = dict(scope["headers"]).get(SECRET_HEADER, b"")
        if hmac.compare_digest(offered, secret.encode()):
            status, answer = control(scope["method"], body)
        else:
            status, answer = 403, {"error": f"send the stack's secret in {SECRET_HEADER.decode()}"}
        await _answer(send, status, answer)

    return routed


def control_faults(method: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """Show, change or take back the trouble in force."""
    if method == "DELETE":
        return 200, faults.reset().model_dump(mode="json")
    if method == "GET":
        return 200, faults.settings.model_dump(mode="json")
    if method != "POST":
        return 405, {"error": "use GET, POST or DELETE"}
    try:
        return 200, faults.change(json.loads(body or b"{}")).model_dump(mode="json")
    except (ValidationError, ValueError, TypeError) as problem:
        return 400, {"error": str(problem)}


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        body += part
        if not message.get("more_body"):
            return body


async def _answer(send: Send, status: int, document: Any) -> None:
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
