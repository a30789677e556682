"""The door of the process that reads files: requests of the function that started it, over a pipe."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from multiprocessing.connection import Connection

from dropscore.files.composition import file_work
from dropscore.files.isolation import READY, Request, answer
from dropscore.files.work import FileWork

_PR_SET_PDEATHSIG = 1


def main(pipe: int, memory_bytes: int | None) -> None:
    """Answer requests until the other end of the pipe is closed."""
    confine(memory_bytes)
    with Connection(pipe) as connection:
        serve(connection, file_work())


def confine(memory_bytes: int | None) -> None:
    """Have this process end with the one that started it, and take no more memory than it may."""
    _end_with_the_function()
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))


def serve(connection: Connection, work: FileWork) -> None:
    """Do what is asked for, until the other end is closed."""
    connection.send(READY)
    while True:
        try:
            request: Request = connection.recv()
        except EOFError:
            return
        connection.send(answer(work, request))


def _end_with_the_function() -> None:
    """Have the kernel end this process when the one that started it is gone (prctl(2))."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if sys.argv[2] else None)
