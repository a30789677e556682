"""Results that are there, and what they say of themselves; no file is read for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from dropscore.aws.clients import AwsError, error_code
from dropscore.aws.objects import Bucket
from dropscore.domain.accuracy import ErrorStatistics
from dropscore.domain.drop import Counts, Drop
from dropscore.domain.job import Job
from dropscore.domain.keys import rejects_key, result_key
from dropscore.domain.outcome import FileOutcome

_NOT_THERE = frozenset({"403", "404"})
"""HeadObject's answers for a key that is not there: 403 to who may not list the bucket (API reference)."""

CODE_VERSION = "code-version"
ERRORS = "errors"
"""Names in an object's user metadata, of which S3 keeps 2 KB ("Working with object metadata", User Guide)."""


@dataclass(frozen=True)
class WrittenResults:
    """The results bucket, as far as its objects' metadata tell."""

    bucket: Bucket

    def left_behind(self, drop: Drop, job: Job) -> FileOutcome | None:
        """What joining a drop's outputs came to, if a reader has put the result and not said so.

        The result may be that of an earlier job of the same model version, whose put has landed since.
        """
        key = result_key(job.model, job.result_date(drop), drop.drop_id)
        try:
            there = self.bucket.metadata(key)
        except AwsError as error:
            if error_code(error) in _NOT_THERE:
                return None
            raise
        if there.get("drop") != drop.drop_id:
            return None
        rows = int(there["rows"])
        counts = Counts(drop.rows_in, rows, drop.rows_in - rows)
        rejects_uri = self.bucket.uri(rejects_key(drop.drop_id)) if counts.rows_rejected else None
        return self.outcome(key, there, counts, rejects_uri)

    def outcome(
        self, key: str, there: Mapping[str, str], counts: Counts, rejects_uri: str | None
    ) -> FileOutcome:
        """What came of a result that says `there` of itself."""
        errors = ErrorStatistics(**json.loads(there[ERRORS])) if ERRORS in there else None
        return FileOutcome(
            counts,
            result_uri=self.bucket.uri(key),
            rejects_uri=rejects_uri,
            errors=errors,
            code_version=there.get(CODE_VERSION),
            job=there.get("job") or None,
        )
