"""The control route of the embedded server: ``/_dropscore/faults``, for tests.

``GET`` shows the trouble in force, ``POST`` changes the settings it names (see ``FaultSettings``),
``DELETE`` puts everything back. It listens where the server does, on loopback only, and asks for the
launcher's secret in ``x-dropscore-secret``.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from pydantic import ValidationError

from local.sagemaker.faults import faults

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

PATH = "/_dropscore/faults"
SECRET_HEADER = b"x-dropscore-secret"


def with_control_route(application: Application, secret: str) -> Application:
    """The same application with the control route before it."""

    async def routed(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await application(scope, receive, send)
            return
        body = await _read(receive)
        offered = dict(scope["headers"]).get(SECRET_HEADER, b"")
        if hmac.compare_digest(offered, secret.encode()):
            status, answer = _control(scope["method"], body)
        else:
            status, answer = 403, {"error": f"send the stack's secret in {SECRET_HEADER.decode()}"}
        await _answer(send, status, answer)

    return routed


def _control(method: str, body: bytes) -> tuple[int, dict[str, Any]]:
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


async def _answer(send: Send, status: int, document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
