"""Collect: a transform job that has ended becomes results, drop by drop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from aws_lambda_powertools import Logger

from dropscore.announce import Announcer
from dropscore.aws.clients import AwsError, passes_by_itself
from dropscore.aws.ledger import Conflict, Drops, Jobs
from dropscore.aws.objects import Bucket
from dropscore.aws.queues import Queues
from dropscore.aws.transforms import Transforms
from dropscore.closing import Closing
from dropscore.deadline import MOST, Deadline
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.errors import (
    OutputsIncomplete,
    ReaderDied,
    ReaderOverdue,
    ResultConflict,
    ServiceBusy,
    SourceGone,
    UnknownJob,
)
from dropscore.domain.job import Job, JobState, Outcome
from dropscore.domain.keys import OUTPUT_SUFFIX, outputs_prefix
from dropscore.domain.messages import CollectPart
from dropscore.domain.outcome import FileOutcome
from dropscore.files.isolation import Defect
from dropscore.files.worker import FileWorker
from dropscore.logkeys import about_drop, about_job

logger = Logger(child=True)

NEEDED = 0.2
"""The share of an invocation's time that collecting one more drop may take."""

LOOKS = 3
"""How often to look at a job that others move at the same time, before its message goes back."""

FAN_OUT_PATIENCE = timedelta(minutes=10)
"""How long the messages for a job's parts may take before they are sent again."""


@dataclass(frozen=True)
class Collect:
    """Takes a job from its end in SageMaker to the results of its drops."""

    drops: Drops
    jobs: Jobs
    transforms: Transforms
    work: Bucket
    queues: Queues
    files: FileWorker
    closing: Closing
    announcer: Announcer
    deadline: Deadline

    def job_ended(self, name: str) -> Job:
        """A job may have ended: list its outputs and hand its drops out in parts; the job as it is then.

        Raises
        ------
        UnknownJob
            The ledger does not know it (yet).
        """
        return _looking_again(lambda: self._job_ended(self._known(name)))

    def part(self, message: CollectPart) -> list[Drop]:
        """Collect a part's drops; what does not fit the time left goes into a new message.

        Raises
        ------
        UnknownJob
            The ledger does not know the job.
        """
        return _looking_again(lambda: self._part(self._known(message.job), message))

    def _known(self, name: str) -> Job:
        job = self.jobs.get(name)
        if job is None:
            raise UnknownJob(f"the ledger has no job {name} (yet); the message goes back to the queue")
        return job

    def _job_ended(self, job: Job) -> Job:
        with about_job(job):
            status = None if job.final else self.transforms.describe(job.name)
            if status is None or status.outcome is None:
                logger.info("nothing to collect", state=job.state)
                return job
            return self._take_in(job, status.outcome, status.failure_reason)

    def _take_in(self, job: Job, outcome: Outcome, failure_reason: str | None) -> Job:
        """A job that SageMaker says has ended: note how, and hand its drops out."""
        now = self.deadline.clock()
        if job.fanned_out_at is not None and now - job.fanned_out_at < FAN_OUT_PATIENCE:
            logger.info("its parts are being collected")
            return job
        if job.state is JobState.PLANNED:
            job = self.jobs.start(job, self.jobs.claim(job, now), now)
        outputs = self._outputs(job)
        if job.outcome is None:
            count = sum(map(len, outputs.values()))
            job = self.jobs.end(job, outcome, failure_reason, count, now)
        return self._fan_out(job, outputs if job.outputs else {})  # what its end was noted by stays true

    def _part(self, job: Job, message: CollectPart) -> list[Drop]:
        if job.final:
            return []
        with about_job(job):
            seen, left, trouble = self._collect_some(job, self._named(job, message.outputs))
            self.announcer.announce(seen)
            if trouble:
                raise trouble
            if left:
                self.queues.collect_parts([CollectPart(job.name, message.part, left)])
                return seen
            job = self.jobs.part_done(job, message.part)
            if len(job.parts_done) == len(job.parts):
                self.closing.close(job)
            return seen

    def _named(self, job: Job, outputs: Mapping[str, list[str] | None]) -> Mapping[str, list[str]]:
        """A part's outputs, those listed that its message does not name."""
        listed = self._outputs(job) if None in outputs.values() else {}
        return {
            drop_id: listed.get(drop_id, []) if names is None else names for drop_id, names in outputs.items()
        }

    def _collect_some(
        self, job: Job, outputs: Mapping[str, list[str]]
    ) -> tuple[list[Drop], dict[str, list[str]], Exception | None]:
        """As many of a part's drops as the time allows, whatever happens to one of them.

        Returns
        -------
        tuple
            Those collected; the outputs of those left; what was in the way, for the message to go back.
        """
        seen: list[Drop] = []
        trouble: Exception | None = None
        drops = self.drops.get_all([*outputs])
        left = {drop.drop_id: outputs[drop.drop_id] for drop in drops}
        with suppress(ReaderOverdue):  # with the time of a whole invocation it may fit
            for drop in drops:
                if not self.deadline.leaves(NEEDED):
                    break
                with about_drop(drop):
                    try:
                        seen += self._collect(drop, job, left[drop.drop_id])
                    except (ServiceBusy, *AwsError) as error:
                        needed = not passes_by_itself(error)
                        logger.warning("the drop is put off", operator_needed=needed, exc_info=True)
                        trouble = error
                    else:
                        del left[drop.drop_id]
        return seen, left, trouble

    def _collect(self, drop: Drop, job: Job, outputs: list[str]) -> list[Drop]:
        """One drop: scored or rejected, or left as it is with a note why, for the job's closing to decide."""
        if drop.state is not DropState.SCORING or drop.job != job.name:
            return []
        had_time = self.deadline.leaves(MOST)
        try:
            drop = self._commit(drop, job, self.files.join(drop, job, outputs, self.deadline.for_files))
        except (OutputsIncomplete, ReaderDied, ReaderOverdue, ResultConflict, SourceGone) as error:
            if isinstance(error, ReaderOverdue) and not had_time:
                raise
            logger.warning("drop not scored", reason=str(error))
            self.drops.note_unscored(drop, str(error))
        except Defect as error:
            logger.exception("drop not scored", operator_needed=True)
            self.drops.note_unscored(drop, str(error))
        except Conflict:
            logger.info("drop was collected by another invocation")
        return [drop]

    def _commit(self, drop: Drop, job: Job, done: FileOutcome) -> Drop:
        """What the work with its outputs came to, into the ledger: SCORED, or REJECTED for its rows."""
        now = self.deadline.clock()
        if done.refusal:
            return self.drops.reject(drop, done.refusal, done.counts, done.rejects_uri, now)
        return self.drops.score(drop, job.model, done, now)

    def _outputs(self, job: Job) -> Mapping[str, list[str]]:
        """By drop id, the names of the job's outputs below its prefix, matched by their base name."""
        found: dict[str, list[str]] = defaultdict(list)
        for name in self.work.names(outputs_prefix(job.name)):
            base = name.rsplit("/", 1)[-1]
            if base.endswith(OUTPUT_SUFFIX):
                found[base.split("-", 1)[0]].append(name)
        return found

    def _fan_out(self, job: Job, outputs: Mapping[str, list[str]]) -> Job:
        """Send a message for each part; a job of no members has none, and is closed here."""
        if not job.members:
            return self.closing.close(job)
        self.queues.collect_parts(
            CollectPart(
                job.name, number, {member.drop_id: outputs.get(member.drop_id, []) for member in members}
            )
            for number, members in enumerate(job.parts)
            if number not in job.parts_done
        )
        if len(job.parts_done) == len(job.parts):
            return self.closing.close(job)
        return self.jobs.fanned_out(job, self.deadline.clock())


def _looking_again[T](act: Callable[[], T]) -> T:
    """Act anew when somebody else has just moved the job: what is left to do is another thing then."""
    for _ in range(LOOKS - 1):
        with suppress(Conflict):
            return act()
    return act()
