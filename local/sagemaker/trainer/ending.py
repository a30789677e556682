"""The end of a program: of all that it has started, too."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path


def end_with_children(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its descendants; what has ended already is as good.

    They stay in the server's process group, with which they end when the server is killed.
    """
    for pid in _descendants(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # After the name, which may hold anything in brackets: state, parent, … (proc(5)).
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.parent.name))
    found, waiting = [], [pid]
    while waiting:
        waiting += (young := children.get(waiting.pop(), []))
        found += young
    return found
