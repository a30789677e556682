"""What is done with files: a drop's file becomes shards, a job's outputs become a result.

All that decodes bytes which somebody else has written is here, behind one interface, so that it can run in a
process of its own (`isolation`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from dropscore.approved import ApprovedModel
from dropscore.aws.clients import error_code, passes_by_itself
from dropscore.aws.objects import Bucket, Inbox
from dropscore.domain.drop import Drop
from dropscore.domain.errors import SourceUnreadable
from dropscore.domain.job import Job
from dropscore.domain.outcome import FileOutcome
from dropscore.files.conversion import Conversion
from dropscore.files.joining import Joining
from dropscore.files.results import Results
from dropscore.settings import Limits

_WHAT_TO_DO = {
    "InvalidObjectState": "it is archived: restore it",
    "InvalidRequest": "it may be encrypted with a key of its sender's (SSE-C): write it without",
    "AccessDenied": "let the function's role read it and decrypt with its key, or write it without that key",
}
"""By GetObject's error code (API reference; "Using server-side encryption with customer-provided keys")."""


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
        SourceUnreadable
            S3 refuses to give the object, and not for a moment only.
        """
        try:
            with (
                self.inbox.open(drop.source) as file,
                Conversion(drop, model, self.work, self.results, self.limits) as conversion,
            ):
                return conversion.run(file, self.code_version)
        except ClientError as error:
            if error.operation_name != "GetObject" or passes_by_itself(error):
                raise
            what_to_do = _WHAT_TO_DO.get(error_code(error), "see what the code means in S3's documentation")
            raise SourceUnreadable(f"the object cannot be read ({error}): {what_to_do}") from error

    def join(self, drop: Drop, job: Job, outputs: Sequence[str]) -> FileOutcome:
        """Join a job's outputs for a drop with its rows, and write the result.

        Raises
        ------
        OutputsIncomplete
            An output or a row is missing or double: nothing is written.
        """
        joining = Joining(self.work, self.results, self.limits.max_rejected_fraction, self.code_version)
        return joining.join(drop, job, outputs)
