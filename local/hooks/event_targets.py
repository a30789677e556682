"""Which queues EventBridge may send to."""

from __future__ import annotations

import logging
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import eventbridge, sqs

SERVICE = "events.amazonaws.com"

logger = logging.getLogger(__name__)


def deliver_where_queues_admit_it() -> None:
    """Deliver a rule's events to a queue only when the queue's policy admits EventBridge.

    MiniStack asks the policy for S3 and SNS, not for EventBridge; as on AWS, what is refused is lost where
    the target has no dead letter queue. See "Using resource-based policies for Amazon EventBridge"
    (EventBridge user guide).
    """
    invoke = eventbridge._invoke_target

    def admitted_only(target: dict[str, Any], event: Any, rule: dict[str, Any], *rest: Any) -> None:
        queue = str(target.get("Arn", ""))
        if ":sqs:" in queue and not sqs.queue_policy_allows(
            queue, SERVICE, str(rule.get("Arn", "")), get_account_id()
        ):
            logger.warning("queue %s does not admit %s", queue, SERVICE)
            return
        invoke(target, event, rule, *rest)

    eventbridge._invoke_target = admitted_only
