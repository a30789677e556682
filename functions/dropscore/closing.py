"""Closing a job: what becomes of the drops it left unscored, and of its model version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from aws_lambda_powertools import Logger

from dropscore.announce import Announcer
from dropscore.aws.ledger import Conflict, Drops, Jobs, Versions
from dropscore.aws.metrics import Metrics
from dropscore.aws.queues import Queues
from dropscore.deadline import Clock
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.job import (
    AWS_RETRY_SECONDS,
    MAX_BARREN,
    GiveUp,
    Job,
    JobState,
    Outcome,
    Retry,
    RetryLater,
    Verdict,
    after_unscored,
    is_first_try,
    unscored_reason,
)
from dropscore.files.written import WrittenResults

logger = Logger(child=True)


@dataclass(frozen=True)
class Closing:
    """Settles a job all of whose parts have been seen to."""

    drops: Drops
    jobs: Jobs
    versions: Versions
    results: WrittenResults
    queues: Queues
    announcer: Announcer
    metrics: Metrics
    clock: Clock

    def close(self, job: Job) -> Job:
        """Retry or give up what is unscored, then close the job; may be repeated after a crash."""
        unscored = [
            drop
            for drop in self.drops.get_all([member.drop_id for member in job.members])
            if drop.state is DropState.SCORING and drop.job == job.name
        ]
        if job.members:
            self._judge_version(job, unscored)
        settled = self._adopt(job, unscored)
        adopted = {drop.drop_id for drop in settled}
        unscored = [drop for drop in unscored if drop.drop_id not in adopted]
        verdicts = after_unscored(job, unscored)
        settled += self._settle(job, unscored, verdicts)
        well = job.outcome is Outcome.COMPLETED and not unscored
        try:
            state = JobState.DONE if well else JobState.FAILED
            job = self.jobs.close(job, state, _reason(job, verdicts.values()), self.clock())
        except Conflict:
            logger.info("the job was closed by another invocation")
        else:
            if not well:
                self.metrics.job_failed()
        self.announcer.announce(settled)
        if any(drop.state is DropState.PREPARED for drop in settled) or self.jobs.held_back(self.clock()):
            self.queues.dispatch(delay_seconds=1)
        return job

    def _adopt(self, job: Job, unscored: Sequence[Drop]) -> list[Drop]:
        """Commit results that a reader has put and that nobody committed, for it died or was too slow."""
        adopted = []
        for drop in unscored:
            if done := self.results.left_behind(drop, job):
                with suppress(Conflict):
                    adopted.append(self.drops.score(drop, job.model, done, self.clock()))
        return adopted

    def _settle(self, job: Job, unscored: Sequence[Drop], verdicts: Mapping[str, Verdict]) -> list[Drop]:
        settled = []
        if job.aws_failure and any(drop.aws_failures + 1 >= len(AWS_RETRY_SECONDS) for drop in unscored):
            logger.error(
                "AWS has failed the same drops for hours: look at its health, or change InstanceType",
                reason=_reason(job, verdicts.values()),
                operator_needed=True,
            )
        for drop in unscored:
            try:
                if job.outputs:  # a reader may have put its result, or do so yet
                    self.drops.keep_result_date(drop, job.model, str(job.scored_date))
                settled.append(self._apply(verdicts[drop.drop_id], job, drop))
            except Conflict:
                logger.info("drop was settled by another invocation", drop_id=drop.drop_id)
        return settled

    def _apply(self, verdict: Verdict, job: Job, drop: Drop) -> Drop:
        match verdict:
            case RetryLater(cohort, due, reason):
                return self.drops.score_later(drop, cohort, reason, due, self.clock())
            case GiveUp(reason):
                logger.error(
                    "drop failed for good: mend the cause, then retry it", drop_id=drop.drop_id, reason=reason
                )
                return self.drops.fail(drop, reason, self.clock())
            case Retry(cohort):
                alone = len(job.members) == 1
                reason = unscored_reason(job, drop)
                return self.drops.score_again(drop, cohort, reason, alone=alone, now=self.clock())

    def _judge_version(self, job: Job, unscored: Sequence[Drop]) -> None:
        """Hold a version whose jobs end without any output, twice in a row.

        A drop that fails alone counts once, however often it is tried. Once the version has scored others,
        one that fails alone counts no more, and of drops that fail together only the first job does: a few
        bad files hold nobody up, and a broken role still does. A failure of AWS's own says nothing of it.
        """
        arn = job.model.package_arn
        alone = len(job.members) == 1
        if job.outputs:
            self.versions.job_fruitful(arn)
        elif not job.aws_failure and (
            not self.versions.get(arn).proven or (not alone and all(map(is_first_try, unscored)))
        ):
            barren = self.versions.note_barren(arn, job.members[0].drop_id if alone else job.name)
            if len(barren) >= MAX_BARREN:
                reason = f"its jobs end without output: {job.failure_reason or job.outcome}"
                logger.error(
                    "model version held: release or reject it",
                    model_package_arn=arn,
                    reason=reason,
                    operator_needed=True,
                )
                self.versions.hold(arn, reason)


def _reason(job: Job, verdicts: Iterable[Verdict]) -> str | None:
    """What the job says of its end."""
    later = (verdict.reason for verdict in verdicts if isinstance(verdict, RetryLater))
    return next(later, job.failure_reason)
