"""What IAM calls SQS's batch requests."""

from __future__ import annotations

from typing import Any

from ministack.core import iam_actions

_SINGLE = {
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}


def name_batches_by_their_single_action() -> None:
    """Let a permission for an SQS action cover the batch form of it.

    IAM knows no batch actions ("Amazon SQS API permissions", SQS developer guide): ``sqs:SendMessage`` is
    what SendMessageBatch needs. MiniStack asks for the batch's own name, which no policy of AWS can grant.
    """
    name_action = iam_actions.extract_iam_action

    def action(service: str, *rest: Any) -> str | None:
        named: str | None = name_action(service, *rest)
        return _SINGLE.get(named, named) if named else named

    iam_actions.extract_iam_action = action
