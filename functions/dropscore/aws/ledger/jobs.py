"""Jobs in the ledger: planned with their members, started with those that were claimed, closed once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dropscore.aws.ledger.dispatching import DispatchLease
from dropscore.aws.ledger.drops import Drops
from dropscore.aws.ledger.expressions import Condition, Include, Increment, Item
from dropscore.aws.ledger.index import OpenWork
from dropscore.aws.ledger.items import bounded, drop_pk, job_item, job_of, job_pk, stamp
from dropscore.aws.ledger.table import Change, Put, Table
from dropscore.aws.ledger.transitions import move, still
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.errors import ServiceBusy
from dropscore.domain.job import Job, JobState, Member, Outcome

JOB = "job"
"""What stands in the index for a job that is not final."""

CLAIM_AT_ONCE = 100
"""A DynamoDB transaction makes at most 100 writes (TransactWriteItems, API reference)."""

_CLAIM_ROUNDS = 3


class Jobs:
    """Reads jobs and moves them from state to state; `Conflict` when somebody else has."""

    def __init__(self, table: Table, index: OpenWork, drops: Drops) -> None:
        self._table = table
        self._index = index
        self._drops = drops

    def get(self, name: str) -> Job | None:
        """The job, read consistently."""
        item = self._table.get(job_pk(name))
        return job_of(item) if item else None

    def open(self, now: datetime, limit: int) -> list[Job]:
        """Jobs that are PLANNED or STARTED. A hint, not the truth."""
        return [job_of(item) for item in self._index.items(JOB, now, due=False, limit=limit)]

    def held_back(self, now: datetime) -> bool:
        """Whether drops or PLANNED jobs may wait for another job to end; one request."""
        return DispatchLease.held_back(self._table, now)

    def plan(self, job: Job, lease: DispatchLease, now: datetime, until: datetime) -> bool:
        """Write a PLANNED job and count it among the day's, while the dispatch lease is ours; it is renewed.

        Returns
        -------
        bool
            False when the job is known already, or the lease is lost.
        """
        self._index.remember(now.date(), now)
        return not self._table.transact([Put(job_item(job)), lease.count_job(now, until)])

    def claim(self, job: Job, now: datetime) -> list[Drop]:
        """Make those members SCORING that still are as they were planned; all that are the job's now, sorted.

        Repeating it claims the same members: a member that was not there the first time has moved on since,
        and its attempt or try with it.
        """
        planned = set(job.members)
        for _ in range(_CLAIM_ROUNDS):
            drops = self._drops.get_all([member.drop_id for member in job.members])
            free = [drop for drop in drops if drop.state is DropState.PREPARED and Member.of(drop) in planned]
            if not free:
                claimed = [drop for drop in drops if drop.state is DropState.SCORING and drop.job == job.name]
                return sorted(claimed, key=lambda drop: drop.drop_id)
            for start in range(0, len(free), CLAIM_AT_ONCE):
                self._claim(job, free[start : start + CLAIM_AT_ONCE], now)
        raise ServiceBusy(f"the members of job {job.name} keep changing; it is tried again later")

    def start(self, job: Job, claimed: Sequence[Drop], now: datetime) -> Job:
        """PLANNED → STARTED: SageMaker has the job; its members are those that were claimed."""
        ids = {drop.drop_id for drop in claimed}
        changes = {
            "state": JobState.STARTED.value,
            "members": [str(member) for member in job.members if member.drop_id in ids],
            "started_at": stamp(now),
            "reason": None,
        }
        return self._change(job, changes)

    def ask(self, job: Job, until: datetime) -> None:
        """Say that SageMaker is asked for a PLANNED job, and may be until then; not if it is called off."""
        condition = _and(_still(job), Condition("attribute_not_exists(called_off)"))
        self._table.change(job_pk(job.name), {"asked_until": stamp(until)}, condition)

    def call_off(self, job: Job, reason: str) -> Job:
        """Have nobody ask SageMaker for a PLANNED job any more, if nobody has since `job` was read."""
        asked = Condition("attribute_not_exists(asked_until)")
        if job.asked_until is not None:
            asked = Condition("asked_until = :asked", values={":asked": stamp(job.asked_until)})
        return self._change(job, {"called_off": reason}, _and(_still(job), asked))

    def note(self, job: Job, reason: str) -> None:
        """Say why a PLANNED job has not started."""
        self._change(job, {"reason": reason})

    def end(self, job: Job, outcome: Outcome, failure_reason: str | None, outputs: int, now: datetime) -> Job:
        """Note how the job ended, once; its `scored_date` is fixed by it."""
        changes = {
            "ended_at": stamp(now),
            "outcome": outcome.value,
            "failure_reason": failure_reason,
            "outputs": outputs,
            "scored_date": now.date().isoformat(),
        }
        condition = _and(_still(job), Condition("attribute_not_exists(outcome)"))
        return self._change(job, changes, condition)

    def fanned_out(self, job: Job, now: datetime) -> Job:
        """Note that the messages for its parts have been sent."""
        return self._change(job, {"fanned_out_at": stamp(now)})

    def part_done(self, job: Job, part: int) -> Job:
        """Note that all drops of a part have been seen to; noting it twice changes nothing."""
        return self._change(job, {"parts_done": Include(part)})

    def close(self, job: Job, state: JobState, reason: str | None, now: datetime) -> Job:
        """→ DONE or FAILED: nothing more happens to the job."""
        changes = {
            "state": state.value,
            "reason": reason,
            "finished_at": stamp(now),
            "work": None,
            "due": None,
        }
        return self._change(job, changes)

    def _change(self, job: Job, changes: Item, condition: Condition | None = None) -> Job:
        return job_of(self._table.change(job_pk(job.name), bounded(changes), condition or _still(job)))

    def _claim(self, job: Job, drops: Sequence[Drop], now: datetime) -> None:
        """Claim all of the drops or, when some have moved on meanwhile, none."""
        claim = {"job": job.name, "tries": Increment(), "reason": None}
        writes = [
            Change(drop_pk(drop.drop_id), {**move(drop, DropState.SCORING, now), **claim}, still(drop))
            for drop in drops
        ]
        self._table.transact(writes)


def _still(job: Job) -> Condition:
    return Condition("#state = :state", {"#state": "state"}, {":state": job.state.value})


def _and(one: Condition, other: Condition) -> Condition:
    return Condition(
        f"{one.expression} AND {other.expression}",
        {**one.names, **other.names},
        {**one.values, **other.values},
    )
