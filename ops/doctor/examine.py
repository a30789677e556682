"""All looks of the doctor's, in the order in which things are needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ops.connection import Connection
from ops.doctor import deployed, preflight, quotas
from ops.doctor.finding import Findings, Level, looked_at
from ops.doctor.wanted import parameters_of
from ops.stack import Stack, look_for_stack

NOT_YET = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"})
"""Of a stack without resources: a change set that nobody carried out, or a creation that was taken back."""


def examine(connection: Connection) -> Findings:
    """Look at everything, one after the other.

    Yields
    ------
    Finding
        As soon as it is known; Service Quotas alone may take half a minute.
    """
    yield from preflight.look_at_tools()
    account = list(looked_at("account", partial(preflight.look_at_account, connection)))
    yield from account
    if any(finding.level is Level.PROBLEM for finding in account):
        return  # nothing else can be asked
    found: list[Stack | None] = []

    def look() -> Findings:
        found.append(look_for_stack(connection))
        yield from preflight.look_at_stack(connection, found[0])

    yield from looked_at(f"stack {connection.stack_name}", look)
    if not found:
        return
    stack = found[0] if found[0] is not None and found[0].status not in NOT_YET else None
    parameters = parameters_of(stack)
    if stack is None:
        yield from looked_at("names", partial(preflight.look_at_names, connection, parameters))
    else:
        yield from _deployed(stack)
    yield from looked_at("Lambda concurrency", partial(quotas.look_at_concurrency, connection, parameters))
    yield from looked_at("quota", partial(quotas.look_at_quotas, connection, parameters))


def _deployed(stack: Stack) -> Findings:
    looks: tuple[tuple[str, Callable[[Stack], Findings]], ...] = (
        ("outputs", deployed.look_at_outputs),
        ("buckets", deployed.look_at_buckets),
        ("objects that are no drops", deployed.look_at_no_drops),
        ("customer key", deployed.look_at_key),
        ("model", deployed.look_at_model),
        ("triggers", deployed.look_at_triggers),
        ("dead letter queues", deployed.look_at_dlqs),
        ("alarms", deployed.look_at_alarms),
        ("Paused", deployed.look_at_brakes),
    )
    for about, look in looks:
        yield from looked_at(about, partial(look, stack))
