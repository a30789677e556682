"""CloudWatch metrics, written to the log in the embedded metric format (EMF): CloudWatch reads them there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from dropscore.domain.drop import Drop, DropState
from dropscore.domain.source import NoDrop

SKIPPED = {NoDrop.HIDDEN: "ObjectsSkippedHidden", NoDrop.SUFFIX: "ObjectsSkippedSuffix"}
"""The metrics of objects that are no drops, by reason; folder markers are not counted."""

_ENDED = {
    DropState.SCORED: "DropsScored",
    DropState.REJECTED: "DropsRejected",
    DropState.FAILED: "DropsFailed",
}
_OPEN = {
    DropState.WAITING: "DropsWaiting",
    DropState.PREPARING: "DropsPreparing",
    DropState.PREPARED: "DropsPrepared",
}


class Metrics:
    """What operators see of the stack; each call writes one line at once, so that no crash loses it.

    Parameters
    ----------
    namespace
        `Dropscore/<stack>`; the only dimension is `service`.
    """

    def __init__(self, namespace: str, service: str) -> None:
        self._namespace = namespace
        self._service = service

    def arrived(self, drops: int) -> None:
        """So many drops have been heard of for the first time."""
        if drops:
            self._write([("DropsArrived", MetricUnit.Count, drops)])

    def skipped(self, reason: NoDrop) -> None:
        """An object of the inbox is no drop; told with each notification of it."""
        if name := SKIPPED.get(reason):
            self._write([(name, MetricUnit.Count, 1)])

    def ended(self, drops: Iterable[Drop]) -> None:
        """These drops are in a final state; told with their announcement, and like it at least once."""
        values: list[tuple[str, MetricUnit, float]] = []
        for drop in drops:
            values.append((_ENDED[drop.state], MetricUnit.Count, 1))
            values.append(("RowsScored", MetricUnit.Count, drop.rows_scored))
            values.append(("RowsRejected", MetricUnit.Count, drop.rows_rejected))
            if drop.state is DropState.SCORED and drop.finished_at is not None:
                seconds = (drop.finished_at - drop.arrived_at).total_seconds()
                values.append(("SecondsToScored", MetricUnit.Seconds, seconds))
        self._write(values)

    def job_started(self) -> None:
        """SageMaker has a job of ours."""
        self._write([("JobsStarted", MetricUnit.Count, 1)])

    def job_failed(self) -> None:
        """A job has left drops unscored."""
        self._write([("JobsFailed", MetricUnit.Count, 1)])

    def still_open(
        self, drops: Mapping[DropState, int], jobs: int, oldest: datetime | None, now: datetime
    ) -> None:
        """How many drops and jobs are not finished, and for how many seconds the oldest has been there."""
        age = (now - oldest).total_seconds() if oldest else 0.0
        counts = [(_OPEN[state], MetricUnit.Count, count) for state, count in drops.items()]
        self._write(
            [*counts, ("JobsOpen", MetricUnit.Count, jobs), ("OldestOpenSeconds", MetricUnit.Seconds, age)]
        )

    def _write(self, values: Iterable[tuple[str, MetricUnit, float]]) -> None:
        metrics = EphemeralMetrics(namespace=self._namespace, service=self._service)
        for name, unit, value in values:
            metrics.add_metric(name, unit, value)
        if metrics.metric_set:
            metrics.flush_metrics()
