"""What the sample events name: objects, and the drops, versions and jobs that come of them."""

from __future__ import annotations

from dataclasses import dataclass

_KEY = "data/snmpcpu/company_id=1/sensor_id={}/7e940b15d4914503a2c42e3e75ac196c.parquet"

READ = _KEY.format(421)
"""Scored, some of its rows rejected: what the events of the results API ask for."""

PUT = _KEY.format(422)
QUEUED = _KEY.format(423)
BATCH = (_KEY.format(424), _KEY.format(425), "plus and +/quote's ü.PARQUET")
BAD = _KEY.format(426)
"""Not Parquet; beside those of `BATCH` in one batch."""

UNTOLD = (PUT, QUEUED, *BATCH, BAD)
"""In the inbox, and no function has been told of them: an event by hand is the first to."""

ENDED = _KEY.format(427)
FAILED = _KEY.format(428)
"""Scored by a job that is Completed, or Failed, of which no function has been told."""


@dataclass(frozen=True)
class Names:
    """What is called otherwise in another stack.

    Attributes
    ----------
    inbox
        The inbox bucket.
    versions
        Of the objects under `QUEUED`, `BATCH` and `BAD`, in that order.
    drop, job
        The drop of `READ`, and the job that scored it.
    ended, failed
        The jobs that scored `ENDED` and `FAILED`.
    """

    inbox: str
    versions: tuple[str, ...]
    drop: str
    job: str
    ended: str
    failed: str

    @property
    def each(self) -> tuple[str, ...]:
        """All of them, in one order."""
        return (self.inbox, *self.versions, self.drop, self.job, self.ended, self.failed)


IN_THE_EVENTS = Names(
    inbox="dropscore-inbox",
    versions=(
        "07f9b543d8e68bb5f23d70f4e284ef84",
        "6aa1ccc2d3c719c88f454372745cdb58",
        "ca532a06d3ee0c91c3f5e1964a60cccb",
        "838569a3062e514f5fa7a005e366951f",
        "705aad9d6cc4af7e875fe77ac35d4793",
    ),
    drop="98583901a1b593df9662",
    job="dropscore-7ce96041e11193547f10",
    ended="dropscore-61c0d164a311d0d503dd",
    failed="dropscore-ab6641e9c57121f74a23",
)
"""What the committed events say, and what a stack has that was brought up with no parameters of one's own.

Version ids are counted (`local.hooks.s3_versions`), ids of drops come of them, names of jobs of those. When a
way of naming changes, a test says so.
"""
