"""What the doors have in common: messages in batches, and a logger that knows the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger

logger = Logger()

Event = dict[str, Any]


def is_sqs(event: Event) -> bool:
    """Whether the event is a batch of SQS messages."""
    records = event.get("Records")
    return isinstance(records, list) and bool(records) and records[0].get("eventSource") == "aws:sqs"


def each_message(event: Event, see_to: Callable[[str], None]) -> dict[str, list[dict[str, str]]]:
    """Call `see_to` with each message's body; the partial batch response that returns those it failed for.

    One bad message never returns the others (`ReportBatchItemFailures`, Lambda developer guide, "Using Lambda
    with Amazon SQS").
    """
    failures = []
    for record in event["Records"]:
        try:
            see_to(record["body"])
        except Exception:
            logger.exception("message goes back to the queue", message_id=record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
