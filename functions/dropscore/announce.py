"""Announcing final states on EventBridge and in the metrics, at least once each."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger

from dropscore.aws.clients import AwsError
from dropscore.aws.events import Events
from dropscore.aws.ledger import Conflict, Drops
from dropscore.aws.metrics import Metrics
from dropscore.domain.drop import Drop, DropState

logger = Logger(child=True)

_DETAIL_TYPES = {
    DropState.SCORED: "Drop Scored",
    DropState.REJECTED: "Drop Rejected",
    DropState.FAILED: "Drop Failed",
}


@dataclass(frozen=True)
class Announcer:
    """Tells EventBridge and the metrics what became of drops, and the ledger that it has."""

    events: Events
    drops: Drops
    metrics: Metrics

    def announce(self, drops: Iterable[Drop]) -> list[Drop]:
        """Announce those of the drops that are in a final state; those that were.

        What cannot be announced now stays due in the ledger, and the sweep repeats it.
        """
        final = [drop for drop in drops if drop.state.final and not drop.announced]
        taken = self.events.put([(_DETAIL_TYPES[drop.state], _detail(drop)) for drop in final])
        told = [drop for drop, ok in zip(final, taken, strict=True) if ok]
        self.metrics.ended(told)
        for drop in told:
            self._note(drop)
        return told

    def _note(self, drop: Drop) -> None:
        try:
            with suppress(Conflict):
                self.drops.note_announced(drop)
        except AwsError:
            logger.warning(
                "announcement not noted, the sweep repeats it", drop_id=drop.drop_id, exc_info=True
            )


def _detail(drop: Drop) -> dict[str, Any]:
    """The event's detail; what does not apply is null."""
    model = drop.model
    return {
        "drop_id": drop.drop_id,
        "state": drop.state.value,
        "reason": drop.reason,
        "source_bucket": drop.source.bucket,
        "source_key": drop.source.key,
        "source_version": drop.source.version,
        "rows_in": drop.rows_in,
        "rows_scored": drop.rows_scored,
        "rows_rejected": drop.rows_rejected,
        "model_group": model.group if model else None,
        "model_version": model.version if model else None,
        "model_package_arn": model.package_arn if model else None,
        "transform_job": drop.job,
        "result_uri": drop.result_uri,
        "rejects_uri": drop.rejects_uri,
    }
