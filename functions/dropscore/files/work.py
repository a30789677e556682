"""What is done with files: a drop's file becomes shards, a job's outputs become a result.

All that decodes bytes which somebody else has written is here, behind one interface, so that it can run in a
process of its own (`isolation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dropscore.approved import ApprovedModel
from dropscore.aws.objects import Bucket, Inbox
from dropscore.domain.drop import Drop
from dropscore.domain.job import Job
from dropscore.domain.outcome import FileOutcome
from dropscore.files.conversion import Conversion
from dropscore.files.joining import Joining
from dropscore.files.results import Results
from dropscore.settings import Limits


@dataclass(frozen=True)
class FileWork:
    """Reads the inbox and the jobs' outputs, writes shards, results and rejects; knows no ledger."""

    inbox: Inbox
    work: Bucket
    results: Results
    limits: Limits
    code_version: str

    def convert(self, drop: Drop, model: ApprovedModel) -> FileOutcome:
        """Convert a drop's file: shards and what collect needs, or the result of a file without rows.

        Raises
        ------
        ContentError
            The file is over a limit, not readable, or lacks what the feature spec needs.
        """
        with (
            self.inbox.open(drop.source) as file,
            Conversion(drop, model, self.work, self.results, self.limits) as conversion,
        ):
            return conversion.run(file, self.code_version)

    def join(self, drop: Drop, job: Job, outputs: Sequence[str]) -> FileOutcome:
        """Join a job's outputs for a drop with its rows, and write the result.

        Raises
        ------
        OutputsIncomplete
            An output or a row is missing or double: nothing is written.
        """
        joining = Joining(self.work, self.results, self.limits.max_rejected_fraction, self.code_version)
        return joining.join(drop, job, outputs)
