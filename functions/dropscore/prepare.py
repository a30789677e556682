"""Prepare: a drop that has arrived becomes feature shards, ready to be scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from aws_lambda_powertools import Logger

from dropscore.announce import Announcer
from dropscore.approved import ApprovedModel, CurrentModel
from dropscore.aws.clients import AwsError, passes_by_itself
from dropscore.aws.ledger import Conflict, Drops, Held
from dropscore.aws.metrics import Metrics
from dropscore.aws.objects import Inbox
from dropscore.aws.queues import Queues
from dropscore.deadline import MOST, Deadline
from dropscore.dispatch import Dispatch
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.errors import (
    ContentError,
    ForeignBucket,
    ModelUnusable,
    ReaderDied,
    ReaderOverdue,
    ResultConflict,
    ServiceBusy,
    SourceGone,
    SourceUnreadable,
)
from dropscore.domain.messages import Arrival
from dropscore.domain.source import NoDrop, Source, why_no_drop
from dropscore.files.isolation import Defect
from dropscore.files.worker import FileWorker
from dropscore.logkeys import about_drop

logger = Logger(child=True)

MAX_CRASHES = 3
"""A drop whose preparation ended so often without an answer is rejected instead of circling."""

MAX_READ_FAILURES = 30
"""A drop that could not be read so often, about a day long with the rests between, is FAILED."""

FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(hours=1)
"""How long a drop rests after a service was busy: twice as long with every attempt."""

WHILE_BUSY = timedelta(seconds=3)
"""When to try again to dispatch while another invocation does."""

NEEDED = 0.3
"""The share of an invocation's time that one more drop may take; a message is not begun with less left."""


@dataclass(frozen=True)
class Prepare:
    """Takes drops from their arrival to PREPARED, or to what else becomes of them."""

    drops: Drops
    model: CurrentModel
    inbox: Inbox
    files: FileWorker
    queues: Queues
    announcer: Announcer
    dispatch: Dispatch
    metrics: Metrics
    deadline: Deadline
    suffixes: tuple[str, ...]

    def arrive(self, arrival: Arrival) -> Drop | NoDrop:
        """An object was created: prepare the drop unless it is seen to already; the drop as it is then.

        An object that is no drop is counted, and leaves no trace in the ledger; the answer is why.

        Raises
        ------
        ForeignBucket
            The object lies elsewhere than in the inbox.
        """
        if arrival.bucket != self.inbox.bucket:
            raise ForeignBucket(
                f"s3://{arrival.bucket}/{arrival.key} is not in the inbox {self.inbox.bucket}"
            )
        if reason := why_no_drop(arrival.key, self.suffixes):
            self.metrics.skipped(reason)
            return reason
        try:
            drop = self.drops.open(self._source(arrival), self.deadline.clock(), self.deadline.lease_until)
        except Held as held:
            return self._resume(held.drop)
        self.metrics.arrived(1)
        return self._prepare(drop)

    def resume(self, drop_id: str) -> Drop | None:
        """Go on with a drop that the ledger knows; None when it does not."""
        drop = self.drops.get(drop_id)
        return self._resume(drop) if drop else None

    def finish(self, drops: Sequence[Drop], *, dispatch: bool = False) -> None:
        """End the invocation that saw to `drops`: announce what is final, see that the others get a job.

        Drops that stay PREPARED, because their job is not due or another invocation dispatches, are
        dispatched by a message that comes when they are due; what the brakes hold back is the sweep's.
        """
        self.announcer.announce(drops)
        prepared = {drop.drop_id for drop in drops if drop.state is DropState.PREPARED}
        if not prepared and not dispatch:
            return
        try:
            dispatched = self.dispatch.run()
            if dispatched.busy:
                self.queues.dispatch(WHILE_BUSY.total_seconds())
            elif prepared - dispatched.drop_ids:
                self.queues.dispatch(self.dispatch.brakes.window.total_seconds() + 1)
        except (Conflict, ServiceBusy, *AwsError):
            logger.exception("no jobs are started for now, the sweep goes on")

    def has_time(self) -> bool:
        """Whether one more message fits the time left."""
        return self.deadline.leaves(NEEDED)

    def hand_back(self, bodies: Sequence[str]) -> bool:
        """Put messages that do not fit the time left behind the others, as new ones; whether that worked."""
        try:
            self.queues.hand_back_to_prepare(bodies)
        except (ServiceBusy, *AwsError):
            logger.exception("messages are not handed back: they return as they are")
            return False
        return True

    def _source(self, arrival: Arrival) -> Source:
        if arrival.version:
            return Source(arrival.bucket, arrival.key, arrival.version, arrival.sequencer)
        try:
            return self.inbox.current(arrival.bucket, arrival.key, arrival.sequencer)
        except SourceGone:
            # The ETag is all that tells which object it was; preparing it finds it gone and says so.
            version = arrival.etag or arrival.sequencer or "unknown"
            return Source(arrival.bucket, arrival.key, version, arrival.sequencer, versioned=False)

    def _resume(self, drop: Drop) -> Drop:
        now = self.deadline.clock()
        lease_over = drop.lease_until is not None and drop.lease_until <= now
        if drop.state is not DropState.WAITING and not (drop.state is DropState.PREPARING and lease_over):
            logger.info("drop is seen to already", drop_id=drop.drop_id, state=drop.state)
            return drop
        try:
            return self._prepare(self.drops.take_up(drop, now, self.deadline.lease_until))
        except Conflict:
            logger.info("drop was taken by another invocation", drop_id=drop.drop_id)
            return drop

    def _prepare(self, drop: Drop) -> Drop:
        """From the lease to what comes next; every expected trouble ends in a state that says why."""
        now = self.deadline.clock
        had_time = self.deadline.leaves(MOST)
        with about_drop(drop):
            try:
                return self._convert(drop, self.model.get())
            except (ContentError, ReaderDied) as error:
                return self.drops.reject(drop, str(error), None, None, now())
            except ModelUnusable as error:
                return self.drops.wait(drop, str(error), now())
            except (Defect, ResultConflict, SourceUnreadable) as error:
                return self._put_off(drop, error, unread=True)
            except (ServiceBusy, *AwsError) as error:
                return self._put_off(drop, error)
            except ReaderOverdue as error:
                return self.drops.release(drop, f"put off: {error}", now(), now(), crashed=had_time)

    def _put_off(self, drop: Drop, error: Exception, *, unread: bool = False) -> Drop:
        """Let the sweep bring the drop back; what does not pass by itself is for the operator as well.

        A drop that is `unread` by its own fault, and not for a service's, comes back for a day, then no more.
        """
        now = self.deadline.clock()
        if unread and drop.read_failures + 1 >= MAX_READ_FAILURES:
            logger.error("drop failed for good: mend the cause, then retry it", exc_info=error)
            return self.drops.fail(
                drop, f"given up after {MAX_READ_FAILURES} tries: {error}; then retry the drop", now
            )
        logger.warning("the drop is put off", operator_needed=not passes_by_itself(error), exc_info=error)
        rest = min(FIRST_REST * 2 ** min(drop.attempt - 1, 10), LONGEST_REST)
        return self.drops.release(drop, f"put off: {error}", now + rest, now, unread=unread)

    def _convert(self, drop: Drop, model: ApprovedModel) -> Drop:
        if drop.crashes >= MAX_CRASHES:
            raise ContentError(
                f"preparing it ended {drop.crashes} times without an answer (out of memory, out of time or "
                "a crash of the reader): split the file or write it anew"
            )
        done = self.files.convert(drop, model, self.deadline.for_files)
        if done.timestamps_read_as == "UTC":
            logger.info("the file's timestamps have no zone, the feature spec has: they are read as UTC")
        now = self.deadline.clock()
        if done.refusal:
            return self.drops.reject(drop, done.refusal, done.counts, done.rejects_uri, now)
        if done.result_uri:
            return self.drops.score(drop, model.version, done, now)
        return self.drops.finish_preparing(drop, model.version, done, now)
