"""What the use cases ask of the work with files, wherever it is done; who asks need not load what does it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from dropscore.approved import ApprovedModel
from dropscore.domain.drop import Drop
from dropscore.domain.job import Job
from dropscore.domain.outcome import FileOutcome


class FileWorker(Protocol):
    """Does the work with files within a time limit.

    Raises
    ------
    ReaderDied
        The process that did it ended without an answer, each time that it was tried.
    ReaderOverdue
        It took longer than `limit`.
    """

    def convert(self, drop: Drop, model: ApprovedModel, limit: timedelta) -> FileOutcome:
        """See `FileWork.convert`."""

    def join(self, drop: Drop, job: Job, outputs: Sequence[str], limit: timedelta) -> FileOutcome:
        """See `FileWork.join`."""
