"""The events SageMaker sends to EventBridge when a transform job changes state."""

from __future__ import annotations

from local.sagemaker.faults import faults
from local.sagemaker.neighbours import put_aws_event
from local.sagemaker.store import Document, Store, TransformJob

DETAIL_TYPE = "SageMaker Transform Job State Change"


def announce(store: Store, job: TransformJob) -> None:
    """Send the job's state to the default event bus.

    Final states are subject to the faults "drop events" and "duplicate events". Must run in a context that
    names the job's account and region (MiniStack keeps them in context variables).
    """
    for _ in range(faults.deliveries() if job.status.is_final else 1):
        put_aws_event(DETAIL_TYPE, job.arn, event_detail(store, job))


def event_detail(store: Store, job: TransformJob) -> Document:
    """The event's detail; times in epoch milliseconds and absent ones null, as recorded events have them."""
    return {
        "TransformJobName": job.name,
        "TransformJobArn": job.arn,
        "TransformJobStatus": job.status.value,
        "FailureReason": job.failure_reason,
        "ModelName": job.request["ModelName"],
        "TransformInput": job.request["TransformInput"],
        "TransformOutput": job.request["TransformOutput"],
        "TransformResources": job.request["TransformResources"],
        "CreationTime": _milliseconds(job.created),
        "TransformStartTime": _milliseconds(job.started),
        "TransformEndTime": _milliseconds(job.ended),
        "Tags": store.tags.get(job.arn, {}),
    }


def _milliseconds(moment: float | None) -> int | None:
    return None if moment is None else int(moment * 1000)
