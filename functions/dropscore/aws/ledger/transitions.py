"""A drop's change of state: what it changes of its item, and on what condition."""

from __future__ import annotations

from datetime import datetime

from dropscore.aws.ledger.expressions import Append, Condition, Item
from dropscore.aws.ledger.items import bounded, drop_partition, stamp
from dropscore.aws.ledger.places import state_place
from dropscore.domain.drop import MAX_STEPS, TRANSITIONS, Drop, DropState, Step

ANNOUNCE = "announce"
"""What waits in the index until the final state has been announced."""

INDEXED = {DropState.WAITING: "waiting", DropState.PREPARING: "preparing", DropState.PREPARED: "prepared"}
"""What a drop stands in the index as; a SCORING one is looked after by its job."""


def move(
    drop: Drop, state: DropState, now: datetime, due: datetime | None = None, reason: str | None = None
) -> Item:
    """The changes that bring a drop to `state`, where the design knows such a transition.

    Raises
    ------
    AssertionError
        It does not: a defect of the caller.
    """
    if state not in TRANSITIONS[drop.state]:
        raise AssertionError(f"drop {drop.drop_id}: the design knows no way from {drop.state} to {state}")
    what = ANNOUNCE if state.final else INDEXED.get(state)
    place = drop_partition(what, drop.drop_id, drop.arrived_at) if what else None
    return {
        "state": state.value,
        **state_place(state, drop.drop_id, drop.arrived_at),
        "work": place,
        "due": stamp(due) if due and place else None,
        "history": _history(drop, Step(state, now, reason)),
    }


def still(drop: Drop) -> Condition:
    """The condition that a drop is as the caller read it: same state, same preparation, same try."""
    values = {":state": drop.state.value, ":attempt": drop.attempt, ":tries": drop.tries}
    return Condition("#state = :state AND attempt = :attempt AND tries = :tries", {"#state": "state"}, values)


def first_step(now: datetime) -> Append:
    """The history of a drop that nobody has heard of."""
    return Append(_step(Step(DropState.PREPARING, now)))


def _history(drop: Drop, step: Step) -> Append | list[Item]:
    """One step more; of too many, the first and the latest: `still` holds that they are as they were read."""
    if len(drop.history) < MAX_STEPS:
        return Append(_step(step))
    latest = drop.history[2 - MAX_STEPS :]
    return [_step(kept) for kept in (drop.history[0], *latest, step)]


def _step(step: Step) -> Item:
    entry = {"state": step.state.value, "at": stamp(step.at)}
    return bounded({**entry, "reason": step.reason}) if step.reason else entry
