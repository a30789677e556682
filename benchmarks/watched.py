"""The embedded stack under observation: what its functions ask of AWS, and the memory and CPU they take."""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from local.stack import LocalStack

EVERY_SECONDS = 0.2
"""How often processes are looked at; their peaks are the kernel's own."""

READER = "the process that reads files"
FUNCTION = "the function itself"

_ROLES = {
    "PrepareRole": "prepare",
    "CollectRole": "collect",
    "SweepRole": "sweep",
    "TransformRole": "instances",
}
"""Callers by the role that they sign as; `instances` are the stand-in's, which no Lambda pays for."""

FUNCTIONS = ("prepare", "collect", "sweep")

_TICKS = os.sysconf("SC_CLK_TCK")


class Request(NamedTuple):
    """What is counted together: who asked which service for what."""

    caller: str
    service: str
    operation: str


@dataclass
class Process:
    """What a process has come to.

    Attributes
    ----------
    kind
        `READER` or `FUNCTION`.
    peak_mib, cpu_seconds
        Of it alone.
    """

    kind: str
    peak_mib: float
    cpu_seconds: float


class Watched:
    """Watches the functions of a running stack; a context manager.

    Attributes
    ----------
    processes
        Of functions, by process id, those that have ended among them.
    """

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._before = self._count()
        self._cpu_before: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.processes: dict[int, Process] = {}

    @property
    def requests(self) -> Counter[Request]:
        """What has been asked since, by the functions and the stand-in's instances."""
        return self._count() - self._before

    @property
    def cpu_seconds(self) -> float:
        """What the functions' processes have taken since."""
        spent = ((pid, process.cpu_seconds) for pid, process in self.processes.items())
        return sum(seconds - self._cpu_before.get(pid, 0.0) for pid, seconds in spent)

    def peak_mib(self, kind: str) -> float:
        """The most memory that a process of a kind has had, ever."""
        return max(
            (process.peak_mib for process in self.processes.values() if process.kind == kind), default=0.0
        )

    def _count(self) -> Counter[Request]:
        counted: Counter[Request] = Counter()
        for asked in self._stack.requests():
            for role, caller in _ROLES.items():
                if role in asked["caller"]:
                    counted[Request(caller, asked["service"], asked["operation"])] += asked["count"]
        return counted

    def _look(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            self._look_once()

    def _look_once(self) -> None:
        for pid in _descendants(self._stack.pid):
            with suppress(OSError, ValueError, TypeError, IndexError):  # it has ended meanwhile
                if found := _process(pid):
                    self.processes[pid] = found

    def __enter__(self) -> Self:
        self._look_once()
        self._cpu_before = {pid: process.cpu_seconds for pid, process in self.processes.items()}
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._look_once()


def _process(pid: int) -> Process | None:
    """What a process has come to (proc(5)), if it is a function's."""
    folder = Path("/proc") / str(pid)
    command = folder.joinpath("cmdline").read_bytes()
    if b"dropscore.handlers.files" in command:
        kind = READER
    elif b".venv-lambda" in command:
        kind = FUNCTION
    else:
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", folder.joinpath("status").read_text())
    times = folder.joinpath("stat").read_text().rpartition(")")[2].split()
    return Process(kind, int(found[1]) / 1024 if found else 0.0, (int(times[11]) + int(times[12])) / _TICKS)


def _descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that these have."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            fields = folder.joinpath("stat").read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found, left = [], [pid]
    while left:
        children = parents.get(left.pop(), [])
        found += children
        left += children
    return found
