"""The embedded AWS as a process of its own: ``python -m local.server``, told what to do on stdin.

It reads one line of settings, answers with one line ``{"port": …}`` (or ``{"error": …}``) once it listens,
and lives until stdin closes: whoever started it holds the other end, so it cannot outlive them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config

from local.settings import ACCOUNT_ID, HOST, ServerSettings

BACKLOG = 512
IP_FREEBIND = 15
"""Linux's number for it (linux/in.h); the socket module of Python 3.12 has no name for it."""


def scrub_environment(environment: os._Environ[str]) -> None:
    """Forget the caller's AWS settings and import path.

    MiniStack hands its own environment to every function, so a profile, a key or a PYTHONPATH of the caller
    would reach the functions, and decide there which account or which code is used.
    """
    for name in list(environment):
        if name.startswith("AWS_") or name in {"PYTHONPATH", "PYTHONHOME"}:
            del environment[name]


def configure_ministack(settings: ServerSettings, port: int) -> None:
    """Set what MiniStack reads from the environment when it is imported.

    TMPDIR and STATE_DIR are below the server's own folder because MiniStack leaves directories behind when
    it is stopped; AUTH turns IAM enforcement on.
    """
    temporary = settings.folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        GATEWAY_PORT=str(port),
        BIND_HOST=HOST,
        MINISTACK_HOST=HOST,
        MINISTACK_ACCOUNT_ID=ACCOUNT_ID,
        MINISTACK_REGION=settings.region,
        AUTH="true",
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",
        LOG_LEVEL=os.environ.get("DROPSCORE_LOCAL_LOG_LEVEL", "WARNING"),
        TMPDIR=str(temporary),
        STATE_DIR=str(settings.folder / "state"),
    )
    tempfile.tempdir = None


def listen(port: int, host: str = HOST) -> socket.socket:
    """Listen on a port; connections wait in the backlog until the server is up.

    An engine may not have made its bridge yet (podman makes it with the first container): `IP_FREEBIND` lets
    us listen on its address before it is there (ip(7)).
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if host != HOST:
        listener.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    listener.set_inheritable(False)
    return listener


def end_with_launcher(launcher: IO[str], folder: Path) -> None:
    """Wait until the launcher closes its end, then remove the folder and end the whole process group."""
    while launcher.read(1):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


async def serve(listeners: list[socket.socket], settings: ServerSettings) -> None:
    """Serve MiniStack, hooks and control route included, until the process ends."""
    import ministack.app  # noqa: PLC0415 (it reads the environment when it is imported)

    from local.hooks import install  # noqa: PLC0415 (it imports MiniStack)
    from local.requests import control_requests, counted  # noqa: PLC0415
    from local.sagemaker.control import (  # noqa: PLC0415
        FAULTS,
        REQUESTS,
        control_faults,
        with_control_routes,
    )

    install(settings)
    config = Config()
    config.bind = [f"fd://{listener.fileno()}" for listener in listeners]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    routes = {FAULTS: control_faults, REQUESTS: control_requests}
    application: Any = with_control_routes(counted(ministack.app.app), settings.secret, routes)
    await hypercorn_serve(application, config, shutdown_trigger=_never)


async def _never() -> None:
    await asyncio.Event().wait()


def main() -> int:
    """Run the server; 0 when it ended, 1 when it could not listen."""
    settings = ServerSettings.from_line(sys.stdin.readline())
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    scrub_environment(os.environ)
    try:
        listeners = [listen(settings.port)]
        port = listeners[0].getsockname()[1]
        if settings.bridge:
            listeners.append(listen(port, settings.bridge))
    except OSError as problem:
        print(json.dumps({"error": problem.strerror, "errno": problem.errno}), file=answers, flush=True)
        return 1
    configure_ministack(settings, port)
    threading.Thread(target=end_with_launcher, args=(sys.stdin, settings.folder), daemon=True).start()
    print(json.dumps({"port": port}), file=answers, flush=True)
    answers.close()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(listeners, settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
