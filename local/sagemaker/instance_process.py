"""An instance as the server sees it: a process that is told what to do, and watched until it has ended."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
STOP_SECONDS = 10.0


def run_instance(
    module: str, message: str, folder: Path, stopped: threading.Event
) -> tuple[dict[str, Any] | None, int]:
    """Run an instance until it ends, or until it is stopped.

    Parameters
    ----------
    module
        What is run: it reads a message from stdin and writes its verdict to stdout, in JSON.
    message
        What it is told.
    folder
        Where it runs.
    stopped
        When set, the instance is ended.

    Returns
    -------
    tuple
        Its verdict, if it has come to one, and its exit code.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=folder,
        env=_environment(),
        text=True,
    )
    watcher = threading.Thread(target=_end_when_stopped, args=(process, stopped), daemon=True)
    watcher.start()
    verdict, _ = process.communicate(message)
    watcher.join(STOP_SECONDS)
    return (json.loads(verdict) if process.returncode == 0 and verdict else None), process.returncode


def _end_when_stopped(process: subprocess.Popen[str], stopped: threading.Event) -> None:
    while process.poll() is None:
        if stopped.wait(0.1):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            process.kill()
            return


def _environment() -> dict[str, str]:
    """What an instance gets of our environment: nothing of AWS, and the repository to import from."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "TZ") if name in os.environ}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
