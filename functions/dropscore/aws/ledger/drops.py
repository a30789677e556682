"""Drops in the ledger: every change of a drop's state is one conditional write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from dropscore.aws.ledger.days import EVERYTHING
from dropscore.aws.ledger.expressions import Condition, Increment, Item
from dropscore.aws.ledger.index import OpenWork
from dropscore.aws.ledger.items import (
    MODEL_ATTRIBUTES,
    bounded,
    drop_of,
    drop_partition,
    drop_pk,
    errors_attribute,
    model_attributes,
    source_attributes,
    stamp,
)
from dropscore.aws.ledger.places import VERSIONS, arrival_places, state_place, version_place
from dropscore.aws.ledger.table import Conflict, Table
from dropscore.aws.ledger.transitions import ANNOUNCE, INDEXED, first_step, move, still
from dropscore.domain.drop import Counts, Drop, DropState, ModelVersion
from dropscore.domain.outcome import FileOutcome
from dropscore.domain.source import Source

OPEN_KINDS = ("waiting", "preparing", "prepared", ANNOUNCE)
"""What of drops stands in the index; a SCORING drop is looked after by its job."""

INDEXED_STATES = tuple(INDEXED)
"""States whose drops stand in the index."""

ANNOUNCE_GRACE = timedelta(seconds=60)
"""How long a final state may stand unannounced before the sweep announces it."""

_NOT_EXISTS = Condition("attribute_not_exists(pk)")
_PREPARED = ("shards", "feature_bytes", "rows_in", "rows_accepted", "rows_rejected", "prepared_at")
"""What a preparation came to: no longer true of a drop that is prepared anew, or refused uncounted."""

_JOBS = ("job", "cohort", "lone_failures", "aws_failures")
"""What a drop's jobs came to: forgotten once it is prepared anew."""

_LEASE_OVER: Item = {"lease_until": None, "released": None}


class Held(Exception):
    """The drop is known already, as `drop` says."""

    def __init__(self, drop: Drop) -> None:
        super().__init__(f"drop {drop.drop_id} is {drop.state}")
        self.drop = drop


class Drops:
    """Reads drops and moves them from state to state.

    Each move returns the drop as it is then, and raises `Conflict` when the drop is not where the caller
    believes it to be: somebody else has moved it, and the caller has nothing more to do with it.
    """

    def __init__(self, table: Table, index: OpenWork) -> None:
        self._table = table
        self._index = index

    def get(self, drop_id: str) -> Drop | None:
        """The drop, read consistently."""
        item = self._table.get(drop_pk(drop_id))
        return drop_of(item) if item else None

    def get_all(self, drop_ids: Sequence[str]) -> list[Drop]:
        """Those of the drops that are there, read consistently, in no order."""
        return [drop_of(item) for item in self._table.get_all([drop_pk(drop_id) for drop_id in drop_ids])]

    def due(self, state: DropState, now: datetime, limit: int) -> list[Drop]:
        """Open drops of a state that are due: a hint where to look, not the truth."""
        return [drop_of(item) for item in self._index.items(INDEXED[state], now, due=True, limit=limit)]

    def unfinished(self, state: DropState, now: datetime, limit: int) -> list[Drop]:
        """Open drops of a state, due or not, those of the oldest day first. A hint, not the truth."""
        return [drop_of(item) for item in self._index.items(INDEXED[state], now, due=False, limit=limit)]

    def unannounced(self, now: datetime, limit: int) -> list[Drop]:
        """Drops whose final state should have been announced by now. A hint, not the truth."""
        return [drop_of(item) for item in self._index.items(ANNOUNCE, now, due=True, limit=limit)]

    def open(self, source: Source, now: datetime, until: datetime) -> Drop:
        """Begin to prepare a drop that nobody has heard of: PREPARING, attempt 1, leased until `until`.

        Raises
        ------
        Held
            It is known already.
        """
        first = {
            **{name: value for name, value in source_attributes(source).items() if value is not None},
            **arrival_places(source, now),
            **state_place(DropState.PREPARING, source.drop_id, now),
            "arrived_at": stamp(now),
            "attempt": 1,
            "tries": 0,
            "state": DropState.PREPARING.value,
            "lease_until": stamp(until),
            "work": drop_partition(INDEXED[DropState.PREPARING], source.drop_id, now),
            "due": stamp(until),
            "history": first_step(now),
        }
        self._index.remember(now.date(), now)
        self._index.days.remember(EVERYTHING, now.date())
        try:
            return drop_of(self._table.change(drop_pk(source.drop_id), first, _NOT_EXISTS))
        except Conflict as conflict:
            raise Held(drop_of(conflict.old)) from conflict

    def take_up(self, drop: Drop, now: datetime, until: datetime) -> Drop:
        """Begin its next attempt: a WAITING drop, or a PREPARING one whose lease has ended → PREPARING."""
        crashed = drop.state is DropState.PREPARING and not drop.released
        changes = {
            "attempt": Increment(),
            "crashes": Increment(int(crashed)),
            "lease_until": stamp(until),
            "released": None,
            "reason": None,
        }
        return self._move(drop, DropState.PREPARING, now, changes, due=until)

    def release(
        self,
        drop: Drop,
        reason: str,
        due: datetime,
        now: datetime,
        *,
        crashed: bool = False,
        unread: bool = False,
    ) -> Drop:
        """Give the lease back so that the sweep resumes the drop at `due`: a service was busy.

        `crashed` counts it as if the lease had ended with the invocation, `unread` as a read failure.
        """
        self._index.remember(drop.arrived_at.date(), now)
        changes = {
            "lease_until": stamp(due),
            "due": stamp(due),
            "released": None if crashed else True,
            "reason": reason,
            "read_failures": Increment(int(unread)),
        }
        return self._change(drop, changes)

    def wait(self, drop: Drop, reason: str, now: datetime) -> Drop:
        """→ WAITING: no usable approved model yet, or no longer the one it was prepared for."""
        forgotten = dict.fromkeys((*_PREPARED, *MODEL_ATTRIBUTES, VERSIONS.hash, *_JOBS))
        return self._move(
            drop, DropState.WAITING, now, {**forgotten, **_LEASE_OVER, "reason": reason}, due=now
        )

    def revive(self, drop: Drop, now: datetime) -> Drop:
        """FAILED → WAITING: the operator says that it shall be tried again, as if for the first time."""
        forgotten = (*_PREPARED, *_JOBS, "reason", "crashes", "read_failures", "announced", "finished_at")
        return self._move(drop, DropState.WAITING, now, dict.fromkeys(forgotten), due=now)

    def postpone(self, drop: Drop, due: datetime) -> None:
        """Let a drop that is not taken up be looked at again only at `due`.

        Raises
        ------
        Conflict
            It has moved on.
        """
        self._change(drop, {"due": stamp(due)})

    def finish_preparing(self, drop: Drop, model: ModelVersion, done: FileOutcome, now: datetime) -> Drop:
        """PREPARING → PREPARED: its shards are written; `done.counts.rows_scored` are the rows in them."""
        changes = {
            **_LEASE_OVER,
            **self._scored_by(drop, model),
            "shards": done.shards,
            "feature_bytes": done.feature_bytes,
            "rows_in": done.counts.rows_in,
            "rows_accepted": done.counts.rows_scored,
            "rows_rejected": done.counts.rows_rejected,
            "prepared_at": stamp(now),
            "crashes": None,
            "read_failures": None,
        }
        return self._move(drop, DropState.PREPARED, now, changes, due=now)

    def note_unscored(self, drop: Drop, reason: str) -> None:
        """Say why a SCORING drop could not be collected; what becomes of it is decided at its job's end."""
        self._change(drop, {"reason": reason})

    def keep_result_date(self, drop: Drop, model: ModelVersion, date: str) -> None:
        """Say under which date a job of the version may have put its result; the first one stays."""
        if model.package_arn not in drop.result_dates:
            self._change(drop, {"result_dates": {**drop.result_dates, model.package_arn: date}})

    def score_again(self, drop: Drop, cohort: str, reason: str, *, alone: bool, now: datetime) -> Drop:
        """SCORING → PREPARED: its job left it unscored."""
        changes = {
            "cohort": cohort,
            "reason": reason,
            "job": None,
            "lone_failures": Increment(int(alone)),
            "aws_failures": None,
        }
        return self._move(drop, DropState.PREPARED, now, changes, due=now)

    def score_later(self, drop: Drop, cohort: str, reason: str, due: datetime, now: datetime) -> Drop:
        """SCORING → PREPARED, and not due before `due`: its job ended by a failure of AWS's own."""
        changes = {"cohort": cohort, "reason": reason, "job": None, "aws_failures": Increment()}
        return self._move(drop, DropState.PREPARED, now, changes, due=due)

    def score(self, drop: Drop, model: ModelVersion, done: FileOutcome, now: datetime) -> Drop:
        """→ SCORED: its result is written."""
        changes = {
            **self._scored_by(drop, model),
            **vars(done.counts),
            "result_uri": done.result_uri,
            "rejects_uri": done.rejects_uri,
            "errors": errors_attribute(done.errors),
            "code_version": done.code_version,
            "job": done.job or drop.job,
            "reason": None,
        }
        return self._finish(drop, DropState.SCORED, changes, now)

    def reject(
        self, drop: Drop, reason: str, counts: Counts | None, rejects_uri: str | None, now: datetime
    ) -> Drop:
        """→ REJECTED: its content is at fault; `counts` where its rows were counted: none is scored."""
        counted = vars(counts.none_scored) if counts else dict.fromkeys(_PREPARED)
        changes = {"reason": reason, "rejects_uri": rejects_uri, **counted}
        return self._finish(drop, DropState.REJECTED, changes, now)

    def fail(self, drop: Drop, reason: str, now: datetime) -> Drop:
        """PREPARING or SCORING → FAILED: it could not be read, or scoring failed for good."""
        return self._finish(drop, DropState.FAILED, {"reason": reason}, now)

    def note_announced(self, drop: Drop) -> None:
        """Note that the final state has been announced.

        Raises
        ------
        Conflict
            It is no longer in that state.
        """
        self._change(drop, {"announced": True, "work": None, "due": None})

    def _scored_by(self, drop: Drop, model: ModelVersion) -> Item:
        """The changes that say which model version scores the drop."""
        self._index.days.remember(str(model.version), drop.arrived_at.date())
        return {**model_attributes(model), **version_place(model, drop.drop_id, drop.arrived_at)}

    def _finish(self, drop: Drop, state: DropState, changes: Mapping[str, Any], now: datetime) -> Drop:
        self._index.days.remember(state.value, drop.arrived_at.date())
        finished = {**_LEASE_OVER, **changes, "finished_at": stamp(now), "announced": False}
        return self._move(drop, state, now, finished, due=now + ANNOUNCE_GRACE)

    def _move(
        self, drop: Drop, state: DropState, now: datetime, changes: Mapping[str, Any], due: datetime
    ) -> Drop:
        self._index.remember(drop.arrived_at.date(), now)
        reason = changes.get("reason")
        return self._change(drop, {**move(drop, state, now, due, reason), **changes})

    def _change(self, drop: Drop, changes: Item) -> Drop:
        """Change a drop that is as the caller read it; a reason is kept as far as `shortened` leaves it."""
        return drop_of(self._table.change(drop_pk(drop.drop_id), bounded(changes), still(drop)))
