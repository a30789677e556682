"""One drop, followed: its states as the ledger says them, and what the functions log about it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dropscore.domain.catalogue import OfKey
from dropscore.domain.drop import Drop
from dropscore.domain.source import NoDrop, why_no_drop
from ops.errors import NotADrop
from ops.inbox import current, prefix_of
from ops.ledger import Ledger
from ops.stack import Stack
from ops.status import at_sagemaker, situation_of
from ops.waiting import waits_for

LOG_GROUPS = ("PrepareLogs", "CollectLogs", "SweepLogs")
LEDGER_SECONDS = 2.0
LOG_ROUNDS = 2
"""Logs are asked for every other time: FilterLogEvents is throttled ("CloudWatch Logs quotas")."""

QUIET_ROUNDS = 3
"""So often logs are asked for once more after the drop is final: they come some seconds late."""

BEFORE = timedelta(minutes=1)
DROP_ID = re.compile(r"[0-9a-f]{20}")


@dataclass(frozen=True)
class Line:
    """Something that happened to the drop.

    Attributes
    ----------
    source
        `ledger`, `SageMaker`, or the log group's logical name.
    """

    at: datetime
    source: str
    text: str


@dataclass(frozen=True)
class Subject:
    """What is followed: a drop, whether or not the ledger has it yet."""

    drop_id: str
    key: str | None


def subject_of(stack: Stack, named: str) -> Subject:
    """The drop that is meant by a drop id, or by a key: the key's current version.

    The inbox is asked first, since the index of keys may lag behind a file that has just been put; where the
    file is gone, the newest drop of the key in the index is taken.

    Raises
    ------
    NotADrop
        Neither knows it, or its key says that it is no drop.
    """
    if DROP_ID.fullmatch(named):
        return Subject(named, None)
    key = prefix_of(stack, named)
    if file := current(stack, key):
        reason = why_no_drop(key, stack.suffixes)
        if reason and Ledger(stack.ledger()).drops.get(file.source.drop_id) is None:
            raise NotADrop(
                f"{key} is no drop, it is not scored: {reason.describe(stack.suffixes)}{_do(reason)}"
            )
        return Subject(file.source.drop_id, key)
    if drop := Ledger(stack.ledger()).first(OfKey(key)):
        return Subject(drop.drop_id, key)
    raise NotADrop(
        f"the inbox has no file {key}, and the ledger no drop of it: is it a key of {stack.inbox}?"
    )


def _do(reason: NoDrop) -> str:
    """What to do about an object that is no drop and was meant as one."""
    match reason:
        case NoDrop.FOLDER:
            return ""
        case NoDrop.HIDDEN:
            return ". If it is data, put it under another key"
        case NoDrop.SUFFIX:
            return (
                ". If it is data, put it under another key, or deploy with more InboxSuffixes and enqueue it"
            )


class Follower:
    """Looks again and again, and tells each thing once."""

    def __init__(self, stack: Stack, subject: Subject) -> None:
        self._stack = stack
        self._subject = subject
        self._ledger = Ledger(stack.ledger())
        self._told_steps = 0
        self._told_events: set[tuple[str, int, str]] = set()
        self._last: dict[str, str] = {}
        self._since = datetime.now(UTC) - BEFORE
        self.drop: Drop | None = None

    def follow(self, seconds: float) -> Iterator[list[Line]]:
        """What has happened since the last look, until the drop is final and its log has been told.

        Parameters
        ----------
        seconds
            Look no longer than this.

        Raises
        ------
        NotADrop
            The ledger does not know it, and it was named by its id.
        """
        until, quiet, rounds = time.monotonic() + seconds, 0, 0
        while quiet < QUIET_ROUNDS and time.monotonic() < until:
            lines = self._look()
            with_logs = rounds % LOG_ROUNDS == 0 or self.final
            if with_logs:
                lines += self._logs()
            yield sorted(lines, key=lambda line: line.at)
            rounds += 1
            quiet = quiet + 1 if self.final else 0
            if quiet < QUIET_ROUNDS:
                time.sleep(max(0.0, min(LEDGER_SECONDS, until - time.monotonic())))

    @property
    def final(self) -> bool:
        """Whether nothing more happens to the drop by itself."""
        return self.drop is not None and self.drop.state.final

    def _look(self) -> list[Line]:
        self.drop = self._ledger.drops.get(self._subject.drop_id)
        if self.drop is None:
            return self._unheard_of()
        if not self._told_steps:
            self._since = self.drop.arrived_at - BEFORE
        steps, self._told_steps = self.drop.history[self._told_steps :], len(self.drop.history)
        lines = [
            Line(step.at, "ledger", step.state.value + (f": {step.reason}" if step.reason else ""))
            for step in steps
        ]
        return lines + ([] if self.final else self._waits(self.drop))

    def _unheard_of(self) -> list[Line]:
        if self._subject.key is None:
            raise NotADrop(f"the ledger has no drop {self._subject.drop_id}")
        return self._changed(
            "ledger", "has not heard of it yet: is it in InboxQueue? ops enqueue sends it anew"
        )

    def _waits(self, drop: Drop) -> list[Line]:
        situation = situation_of(self._stack, self._ledger, [drop], datetime.now(UTC))
        lines = self._changed("ledger", f"waits for {waits_for(drop, situation)}")
        if drop.job:
            told = at_sagemaker(self._stack, drop.job)
            lines += self._changed("SageMaker", f"job {drop.job}: {told or 'not started yet'}")
        return lines

    def _changed(self, source: str, text: str) -> list[Line]:
        """A line that is told only when it says something else than the last one of its source."""
        if self._last.get(source) == text:
            return []
        self._last[source] = text
        return [Line(datetime.now(UTC), source, text)]

    def _logs(self) -> list[Line]:
        lines = []
        for group in LOG_GROUPS:
            for event in self._events(group):
                what = (event["logStreamName"], event["timestamp"], event["message"])
                if what not in self._told_events:
                    self._told_events.add(what)
                    lines.append(_line(group, event))
        return lines

    def _events(self, group: str) -> Iterator[Any]:
        """Log events that name the drop (FilterLogEvents; a quoted term is found anywhere in a line)."""
        found = self._stack.connection.client("logs").get_paginator("filter_log_events")
        pages = found.paginate(
            logGroupName=self._stack.resource(group),
            filterPattern=f'"{self._subject.drop_id}"',
            startTime=int(self._since.timestamp() * 1000),
            PaginationConfig={"MaxItems": 1_000},
        )
        for page in pages:
            yield from page["events"]


def _line(group: str, event: Any) -> Line:
    """A log event as a person reads it: level, message and what it adds."""
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    try:
        told = json.loads(event["message"])
    except ValueError:
        told = None
    if not isinstance(told, dict) or "message" not in told:
        return Line(at, group, event["message"].strip())
    parts = [str(told.get("level", "")), str(told["message"])]
    parts += [
        f"{name}={told[name]}"
        for name in ("state", "transform_job", "reason", "exception_name")
        if told.get(name)
    ]
    return Line(at, group, " ".join(parts))
