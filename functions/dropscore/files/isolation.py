"""The work with files, in a process of its own: what a file does to its reader, the function survives.

A native reader can crash, run away or take all memory over a file made for it, and an invocation that dies
takes the other messages of its batch with it. So the files are read by a child process: it outlives
invocations, as connections do, but is idle between them; one that dies is replaced, one that takes too long
is killed, and its memory has a limit of its own, so that too much of it is an error and not the end.

What a file does is told from what befalls any file: a process that never was ready is not blamed on the file,
nor is one that runs out of memory after it has read others.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from datetime import timedelta
from errno import ENOSPC
from multiprocessing import Pipe
from time import monotonic
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from dropscore.approved import ApprovedModel
from dropscore.aws.clients import AwsError, portable
from dropscore.domain.drop import Drop
from dropscore.domain.errors import DropscoreError, ReaderDied, ReaderOverdue, ServiceBusy
from dropscore.domain.job import Job
from dropscore.domain.outcome import FileOutcome

if TYPE_CHECKING:  # what it takes is loaded by the child alone
    from dropscore.files.work import FileWork

logger = Logger(child=True)

TRIES = 3
"""Readers that may die over one file before it is blamed: one may have been killed for another reason."""

STARTING = 0.3
"""The share of its time limit after which a file is not begun: it would be blamed for a slow start."""

CHILD = "dropscore.handlers.files"
"""The module that the child runs."""

READY = "ready"
"""What the child says first."""

Request = tuple[str, tuple[Any, ...]]
"""The name of a method of `FileWork`, and its arguments."""


class IsolatedFileWork:
    """`FileWork` in a child process, which is started when it is first needed."""

    def __init__(self, memory_bytes: int | None = None, child: str = CHILD) -> None:
        self._memory_bytes = memory_bytes
        self._child = child
        self._reader: Reader | None = None

    def convert(self, drop: Drop, model: ApprovedModel, limit: timedelta) -> FileOutcome:
        """`FileWork.convert`, within `limit`; raises what that raises, and see `FileWorker`."""
        return self._ask(("convert", (drop, model)), limit)

    def join(self, drop: Drop, job: Job, outputs: Sequence[str], limit: timedelta) -> FileOutcome:
        """`FileWork.join`, within `limit`; raises what that raises, and see `FileWorker`."""
        return self._ask(("join", (drop, job, list(outputs))), limit)

    def close(self) -> None:
        """End the child."""
        if self._reader:
            self._reader.kill()
            self._reader = None

    def _ask(self, request: Request, limit: timedelta) -> FileOutcome:
        until = monotonic() + limit.total_seconds()
        deaths: list[str] = []
        while len(deaths) < TRIES:
            reader = self._ready(min(until, monotonic() + STARTING * limit.total_seconds()))
            try:
                return reader.ask(request, until)
            except TimeoutError as error:
                self.close()
                raise ReaderOverdue("reading the file took longer than the function has time") from error
            except OutOfRoom as error:
                self.close()  # what it has taken it may never give back
                if reader.asked == 1:
                    raise ReaderDied(str(error)) from error
            except _Died as death:
                self.close()
                logger.warning("the process that reads files has died", reason=str(death))
                deaths.append(str(death))
        raise ReaderDied(
            f"the reader died {TRIES} times over it ({deaths[-1]}): the file is damaged or made to do harm; "
            "write it anew"
        )

    def _ready(self, until: float) -> Reader:
        """The child, started when there is none, before `until` (of `time.monotonic`).

        Raises
        ------
        ServiceBusy
            It does not start, or not in time: whatever the file.
        """
        if self._reader is None:
            try:
                self._reader = Reader(self._child, self._memory_bytes)
                self._reader.wait_until_ready(until)
            except (OSError, _Died) as error:
                self.close()
                raise ServiceBusy(f"the process that reads files does not start ({error})") from error
        return self._reader


class Reader:
    """A child process that does one thing at a time; `asked` counts them."""

    def __init__(self, child: str, memory_bytes: int | None) -> None:
        self.asked = 0
        self._connection, theirs = Pipe()
        arguments = [sys.executable, "-m", child, str(theirs.fileno()), str(memory_bytes or "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **_MEMORY_POOL}
        try:
            self._process = subprocess.Popen(
                arguments,
                env=environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=sys.__stderr__,
            )
        except OSError:
            self._connection.close()
            raise
        finally:
            theirs.close()

    def wait_until_ready(self, until: float) -> None:
        """Wait for it, at most until `until` (of `time.monotonic`)."""
        self._receive(until)

    def ask(self, request: Request, until: float) -> FileOutcome:
        """Have it done before `until` (of `time.monotonic`); its result, or raises what it raised."""
        self.asked += 1
        try:
            self._connection.send(request)
        except ConnectionError as error:
            raise _Died(self._cause()) from error
        answer: FileOutcome | Exception = self._receive(until)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def kill(self) -> None:
        """End it now."""
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def _receive(self, until: float) -> Any:
        try:
            if not self._connection.poll(max(0.0, until - monotonic())):
                raise TimeoutError("not in time")
            return self._connection.recv()
        except (EOFError, ConnectionError) as error:
            raise _Died(self._cause()) from error

    def _cause(self) -> str:
        """What it died of."""
        try:
            code = self._process.wait(_DYING_SECONDS)
        except subprocess.TimeoutExpired:
            return "it closed its end"
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def answer(work: FileWork, request: Request) -> FileOutcome | Exception:
    """Do what is asked for; the outcome, or the error that the function shall raise."""
    name, arguments = request
    try:
        outcome: FileOutcome = getattr(work, name)(*arguments)
    except MemoryError as error:  # Arrow's is one, too
        limit = resource.getrlimit(resource.RLIMIT_DATA)[0] // 2**20
        return OutOfRoom(
            f"reading it needs more than the {limit} MiB of memory that there are "
            f"({str(error) or 'all are in use'}): write it with smaller pages, or raise FunctionMemoryMB"
        )
    except (DropscoreError, *AwsError) as error:
        told = portable(error)
        return told if _can_travel(told) else _defect(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the function shall raise it
        if isinstance(error, RuntimeError) and str(error) == NO_THREAD:
            return OutOfRoom("no memory is left for a thread: give the functions more FunctionMemoryMB")
        if isinstance(error, OSError) and error.errno == ENOSPC:
            return OutOfRoom(f"it needs more disk than there is ({error}): split the file")
        return _defect(error)
    return outcome


class OutOfRoom(Exception):
    """The child could not get the memory or the disk that a file takes."""


class Defect(Exception):
    """The child failed with an error that nobody expects; its traceback is a note to it."""


class _Died(Exception):
    """The child has ended without an answer; the message says what of."""


def _defect(error: Exception) -> Defect:
    told = Defect(f"a defect of Dropscore: {type(error).__name__}: {error}"[:MOST_TOLD])
    told.add_note("".join(traceback.format_exception(error)))
    return told


def _can_travel(error: Exception) -> bool:
    """Whether an error arrives as it is."""
    try:
        return type(pickle.loads(pickle.dumps(error))) is type(error)  # noqa: S301 - it is our own
    except Exception:  # noqa: BLE001 - each error's own way of being rebuilt fails in its own way
        return False


NO_THREAD = "can't start new thread"
"""What Python says where the limit of memory leaves no room for a thread's stack (`_threadmodule.c`)."""

MOST_TOLD = 2_000
"""Characters of an unexpected error's message: reasons are kept in the ledger."""

_DYING_SECONDS = 5.0
"""How long a process may take to end once its end of the pipe is closed."""

_MEMORY_POOL = {"ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Arrow's other pools reserve more than they use, which the memory limit would count."""
