"""A drop: one version of one parquet object, and the states that it goes through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dropscore.domain.accuracy import ErrorStatistics
from dropscore.domain.source import Source


class DropState(StrEnum):
    """What has become of a drop; SCORED, REJECTED and FAILED are final."""

    WAITING = "WAITING"
    PREPARING = "PREPARING"
    PREPARED = "PREPARED"
    SCORING = "SCORING"
    SCORED = "SCORED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"

    @property
    def final(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in FINAL_STATES


FINAL_STATES = frozenset((DropState.SCORED, DropState.REJECTED, DropState.FAILED))

TRANSITIONS: dict[DropState, frozenset[DropState]] = {
    DropState.WAITING: frozenset({DropState.PREPARING}),
    DropState.PREPARING: frozenset(
        {
            DropState.PREPARING,
            DropState.WAITING,
            DropState.PREPARED,
            DropState.SCORED,
            DropState.REJECTED,
            DropState.FAILED,
        }
    ),
    DropState.PREPARED: frozenset({DropState.SCORING, DropState.WAITING}),
    DropState.SCORING: frozenset(
        {DropState.SCORED, DropState.REJECTED, DropState.FAILED, DropState.PREPARED, DropState.WAITING}
    ),
    DropState.SCORED: frozenset(),
    DropState.REJECTED: frozenset(),
    DropState.FAILED: frozenset({DropState.WAITING}),
}
"""Every change of state that there is (the design, "States"); the ledger refuses the others."""


@dataclass(frozen=True)
class ModelVersion:
    """The model package version that scores a drop, and the feature spec that it was prepared by."""

    group: str
    version: int
    package_arn: str
    spec_uri: str
    spec_sha256: str


@dataclass(frozen=True)
class Counts:
    """How many rows came in, and how many of them can be or were scored and rejected.

    Raises
    ------
    AssertionError
        rows in != rows scored + rows rejected (promise 4 of the design).
    """

    rows_in: int
    rows_scored: int
    rows_rejected: int

    def __post_init__(self) -> None:
        if self.rows_in != self.rows_scored + self.rows_rejected:
            raise AssertionError(
                f"{self.rows_in} rows in, but {self.rows_scored} scored + {self.rows_rejected} rejected"
            )

    @property
    def none_scored(self) -> Counts:
        """The counts of a drop that is rejected whole: no row has a prediction, whatever its own fault."""
        return Counts(self.rows_in, 0, self.rows_in)

    def too_many_rejected(self, max_fraction: float) -> str | None:
        """Why the whole drop is rejected because of its rows, or None when it is not."""
        if not self.rows_in:
            return None
        if not self.rows_scored:
            return f"none of the {self.rows_in} rows can be scored"
        if self.rows_rejected > max_fraction * self.rows_in:
            rejected = f"{self.rows_rejected} of {self.rows_in} rows rejected"
            return f"{rejected}, MaxRejectedFraction is {max_fraction:g}"
        return None


MAX_STEPS = 50
"""Steps of a drop's history that are kept: with reasons of 2,000 bytes a quarter of what an item holds."""


@dataclass(frozen=True)
class Step:
    """A drop came to a state; `reason` where there was one."""

    state: DropState
    at: datetime
    reason: str | None = None


@dataclass(frozen=True)
class Drop:
    """A drop as the ledger knows it.

    Attributes
    ----------
    attempt
        How often its preparation was begun; part of the shards' keys.
    tries
        How many jobs it has been a member of.
    lone_failures
        How many jobs failed that had no other member.
    aws_failures
        How many of its jobs in a row have ended by a failure of AWS's own.
    cohort
        Which drops it is to be retried with after a job that left it unscored; empty for a first try.
    crashes
        How many preparations ended without an answer.
    read_failures
        How many preparations ended since it could not be read, or by a defect of ours over it.
    arrived_at
        When Dropscore first heard of it.
    prepared_at, finished_at
        When its shards were written, and when it came to its final state.
    shards, rows_accepted, feature_bytes
        How many shards it has, and the rows and bytes in them.
    errors
        Of its predictions against the actuals; None where no row has one.
    code_version
        Of the Dropscore that wrote its result.
    result_dates
        By model package ARN the date (`yyyy-mm-dd`) under which a job that has left it unscored may have put,
        or may yet put, its result.
    history
        The states it has come to, the first one first; of more than `MAX_STEPS` the first and the latest.
    """

    drop_id: str
    state: DropState
    source: Source
    arrived_at: datetime
    attempt: int = 0
    tries: int = 0
    lone_failures: int = 0
    aws_failures: int = 0
    cohort: str = ""
    crashes: int = 0
    read_failures: int = 0
    reason: str | None = None
    lease_until: datetime | None = None
    released: bool = False
    model: ModelVersion | None = None
    job: str | None = None
    prepared_at: datetime | None = None
    finished_at: datetime | None = None
    rows_in: int = 0
    shards: int = 0
    rows_accepted: int = 0
    feature_bytes: int = 0
    rows_rejected: int = 0
    rows_scored: int = 0
    result_uri: str | None = None
    rejects_uri: str | None = None
    announced: bool = False
    errors: ErrorStatistics | None = None
    code_version: str | None = None
    result_dates: Mapping[str, str] = field(default_factory=dict)
    history: tuple[Step, ...] = ()
