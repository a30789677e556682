"""The named errors of Dropscore; each class says who can act on it."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

MAX_MESSAGE = 2_000
"""Bytes of a message in UTF-8; a file's names and types, which it may quote, can have millions."""

_CUT = "…"

MAX_NAMES = 20
"""Names that a message lists; a file may have thousands of columns."""


def shortened(message: str) -> str:
    """A message of `MAX_MESSAGE` bytes in UTF-8 at most; one that is cut ends in an ellipsis.

    What is no character, half of a surrogate pair, becomes a question mark: no service takes it.
    """
    data = message.encode(errors="replace")
    if len(data) <= MAX_MESSAGE:
        return data.decode()
    return data[: MAX_MESSAGE - len(_CUT.encode())].decode(errors="ignore") + _CUT


def quoted(names: Collection[str]) -> str:
    """Names for a message, the first `MAX_NAMES`: quoted, so that a blank or an invisible character shows."""
    shown = [*map(repr, islice(names, MAX_NAMES)), *(["…"] if len(names) > MAX_NAMES else [])]
    return ", ".join(shown)


class DropscoreError(Exception):
    """Base of every error that Dropscore raises on purpose; the message tells its reader what to do."""

    def __str__(self) -> str:
        return shortened(super().__str__())


class ContentError(DropscoreError):
    """The drop's content is at fault: its sender can act, the drop ends REJECTED with this message."""


class ReaderDied(DropscoreError):
    """The process that reads files died over one, or ran out of memory, each time: its sender can act."""


class ReaderOverdue(DropscoreError):
    """Reading took longer than the invocation has: it is tried again with the time of a whole one."""


class SourceGone(ContentError):
    """The version of the object that the drop stands for no longer exists."""


class SourceUnreadable(DropscoreError):
    """S3 refuses to give the object: its sender or the operator can act; in the end the drop is FAILED."""


class ForeignBucket(DropscoreError):
    """A notification about a bucket that is not the inbox: whoever set it up can act, it is let go."""


class SpecError(DropscoreError):
    """A feature spec is malformed: whoever registered the model package can act."""


class ModelUnusable(DropscoreError):
    """No approved model package, or the newest cannot score: the operator can act, drops wait."""


class OutputsIncomplete(DropscoreError):
    """A job's outputs for a drop are missing, double or unreadable: the drop is scored again."""


class ResultConflict(DropscoreError):
    """Another object stands where a result belongs: the operator must look before anything goes on."""


class UnknownJob(DropscoreError):
    """The ledger does not know the job (yet): nobody acts, the message goes back to the queue."""


class ServiceBusy(DropscoreError):
    """A service throttled us, is over a quota or did not answer: nobody acts, the work is repeated later."""


class BadPosition(DropscoreError):
    """A position in the catalogue of drops that it has not given for this selection: who asks can act."""
