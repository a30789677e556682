"""What came of the work with a drop's files."""

from __future__ import annotations

from dataclasses import dataclass

from dropscore.domain.accuracy import ErrorStatistics
from dropscore.domain.drop import Counts


@dataclass(frozen=True)
class FileOutcome:
    """What has been written, and whether the drop is refused because of its rows.

    Attributes
    ----------
    counts
        Rows in, rows that can be or were scored, rows rejected.
    shards
        How many shards were written; 0 once there is a result.
    feature_bytes
        The sum of the shards' sizes.
    refusal
        Why the whole drop is rejected, with counts by reason; None when it is not.
    result_uri, rejects_uri
        What has been written into the results bucket, if anything.
    errors
        Of the result's predictions against the actuals; None where no row has one.
    code_version
        Of the Dropscore that has written the result.
    job
        The transform job whose predictions the result has; None where it needed none.
    timestamps_read_as
        `features.Extraction.timestamps_read_as`, where shards were written.
    """

    counts: Counts
    shards: int = 0
    refusal: str | None = None
    result_uri: str | None = None
    rejects_uri: str | None = None
    errors: ErrorStatistics | None = None
    code_version: str | None = None
    feature_bytes: int = 0
    job: str | None = None
    timestamps_read_as: str = ""
