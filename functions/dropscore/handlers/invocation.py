"""What the doors have in common: messages in batches, and a logger that knows the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger

from dropscore.domain.messages import correlation_id

logger = Logger(use_rfc3339=True)

Event = dict[str, Any]


def is_sqs(event: Event) -> bool:
    """Whether the event is a batch of SQS messages."""
    records = event.get("Records")
    return isinstance(records, list) and bool(records) and records[0].get("eventSource") == "aws:sqs"


def each_message(event: Event, see_to: Callable[[str], None]) -> dict[str, list[dict[str, str]]]:
    """Call `see_to` with each message's body; the partial batch response that returns those it failed for.

    Log lines carry the message's id, and as correlation id what S3 or EventBridge called the event.

    One bad message never returns the others (`ReportBatchItemFailures`, Lambda developer guide, "Using Lambda
    with Amazon SQS").
    """
    failures = []
    for record in event["Records"]:
        message, body = record["messageId"], record["body"]
        with logger.append_context_keys(message_id=message, correlation_id=correlation_id(body) or message):
            try:
                see_to(body)
            except Exception:
                logger.exception("message goes back to the queue")
                failures.append({"itemIdentifier": message})
    return {"batchItemFailures": failures}
