"""The stack's queues as SQS and CloudWatch see them: how deep, and how old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.stack import Stack

QUEUES = ("InboxQueue", "CollectQueue")
DLQS = ("InboxDlq", "CollectDlq", "UndeliveredDlq")

RECENT = timedelta(minutes=15)
"""CloudWatch has SQS's metrics a few minutes late ("Monitoring queues", SQS Developer Guide)."""


@dataclass(frozen=True)
class Depth:
    """A queue.

    Attributes
    ----------
    name
        Its logical name in the template.
    waiting, in_flight, delayed
        Messages to be received; with a consumer; not due yet. SQS counts approximately.
    oldest_seconds
        Age of the oldest message; None where CloudWatch does not say it (yet).
    """

    name: str
    waiting: int
    in_flight: int
    delayed: int
    oldest_seconds: float | None

    @property
    def total(self) -> int:
        """All messages in it."""
        return self.waiting + self.in_flight + self.delayed


def depths(stack: Stack) -> list[Depth]:
    """All queues of the stack, those for work first."""
    ages = _ages(stack, (*QUEUES, *DLQS))
    return [_depth(stack, name, ages.get(name)) for name in (*QUEUES, *DLQS)]


def depth(stack: Stack, name: str) -> Depth:
    """One queue, without its age."""
    return _depth(stack, name, None)


def _depth(stack: Stack, name: str, oldest: float | None) -> Depth:
    attributes = stack.connection.client("sqs").get_queue_attributes(
        QueueUrl=stack.resource(name),
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ],
    )["Attributes"]
    found = Depth(
        name,
        int(attributes["ApproximateNumberOfMessages"]),
        int(attributes.get("ApproximateNumberOfMessagesNotVisible", 0)),
        int(attributes.get("ApproximateNumberOfMessagesDelayed", 0)),
        oldest,
    )
    return found if found.total else Depth(name, 0, 0, 0, None)  # a metric outlives the last message


def _ages(stack: Stack, names: tuple[str, ...]) -> dict[str, float]:
    """The latest that CloudWatch knows, by logical name."""
    now = datetime.now(UTC)
    queries: list[dict[str, Any]] = [
        {
            "Id": f"q{place}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/SQS",
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": stack.resource(name).rsplit("/", 1)[-1]}],
                },
                "Period": 60,
                "Stat": "Maximum",
            },
        }
        for place, name in enumerate(names)
    ]
    answer = stack.connection.client("cloudwatch").get_metric_data(
        StartTime=now - RECENT, EndTime=now, MetricDataQueries=queries, ScanBy="TimestampDescending"
    )
    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    found = {name: values.get(f"q{place}") for place, name in enumerate(names)}
    return {name: float(ages[0]) for name, ages in found.items() if ages}
