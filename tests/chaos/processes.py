"""The processes of one embedded server, seen through /proc: its functions, and what these have started."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.server_process import FUNCTION_PYTHON


@dataclass(frozen=True)
class Process:
    """A process as it was when it was looked at; `started` and `cpu` in clock ticks (proc(5))."""

    pid: int
    parent: int
    session: int
    started: int
    cpu: int

    @property
    def has_called(self) -> bool:
        """Whether it holds a socket: a function that has called AWS is past its start."""
        try:
            handles = [str(entry.readlink()) for entry in Path(f"/proc/{self.pid}/fd").iterdir()]
        except OSError:
            return False
        return any(handle.startswith("socket:") for handle in handles)

    @property
    def runs_a_function(self) -> bool:
        """Whether its program is the interpreter that the server runs functions in."""
        try:
            return Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")[0] == bytes(FUNCTION_PYTHON)
        except OSError:
            return False

    def kill(self) -> bool:
        """SIGKILL it, and never another one that has got its number since; whether it was there."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            now = look_at(self.pid)
            if now is None or now.started != self.started:
                return False
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True


def look_at(pid: int) -> Process | None:
    """The process, or None when it has ended (a zombie has)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    cpu = int(fields[11]) + int(fields[12])
    return Process(pid, parent=int(fields[1]), session=int(fields[3]), started=int(fields[19]), cpu=cpu)


@dataclass(frozen=True)
class Family:
    """What a server has started. It leads a session of its own, which its orphans stay in."""

    server: int

    def living(self) -> list[Process]:
        """Every process of the server's session, itself too."""
        pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
        return [process for pid in pids if (process := look_at(pid)) and process.session == self.server]

    def functions(self) -> list[tuple[Process, list[Process]]]:
        """The processes of functions, each with all that it has started."""
        living = self.living()
        mine = [process for process in living if process.parent == self.server and process.runs_a_function]
        return [(function, list(_below(function, living))) for function in mine]

    def orphans(self) -> list[Process]:
        """Those that have outlived who started them."""
        living = self.living()
        at_home = {self.server, *(process.pid for process in living)}
        return [p for p in living if p.pid != self.server and p.parent not in at_home]


def _below(process: Process, living: list[Process]) -> Iterator[Process]:
    for child in living:
        if child.parent == process.pid:
            yield child
            yield from _below(child, living)
