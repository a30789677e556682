"""The door of PrepareFunction: S3 notifications and our own messages, from InboxQueue or bare."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dropscore.bootstrap import application
from dropscore.domain.drop import Drop
from dropscore.domain.errors import ForeignBucket
from dropscore.domain.messages import Arrival, DispatchNow, Ignored, Resume, prepare_requests, read_body
from dropscore.domain.source import NoDrop
from dropscore.handlers.invocation import Event, each_message, is_sqs, logger
from dropscore.prepare import Prepare


@logger.inject_lambda_context(clear_state=True)
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Prepare what the messages name, then dispatch.

    Returns
    -------
    dict
        For a batch of messages Lambda's partial batch response; for a bare event the drops and their states.
    """
    app = application()
    visit = _Visit(app.prepare(app.deadline(context.get_remaining_time_in_millis())))
    if is_sqs(event):
        answer: dict[str, Any] = each_message(event, visit.message)
        answer["batchItemFailures"] += visit.hand_back(event)
    else:
        visit.requests(event)
        answer = {"drops": visit.seen}
    visit.prepare.finish(list(visit.drops.values()), dispatch=visit.dispatch)
    return answer


class _Visit:
    """One invocation: what its messages asked for, and what came of it."""

    def __init__(self, prepare: Prepare) -> None:
        self.prepare = prepare
        self.drops: dict[str, Drop] = {}
        self.dispatch = False
        self.left: list[str] = []

    @property
    def seen(self) -> list[dict[str, Any]]:
        return [
            {"drop_id": d.drop_id, "state": d.state.value, "reason": d.reason} for d in self.drops.values()
        ]

    def message(self, body: str) -> None:
        if self.left or not self.prepare.has_time():
            self.left.append(body)
        else:
            self.requests(read_body(body))

    def hand_back(self, event: Event) -> list[dict[str, str]]:
        """Hand back what was left for lack of time, all at once; the failures where that does not work."""
        if not self.left or self.prepare.hand_back(self.left):
            return []
        left = {*self.left}
        return [{"itemIdentifier": r["messageId"]} for r in event["Records"] if r["body"] in left]

    def requests(self, body: Any) -> None:
        for request in prepare_requests(body):
            match request:
                case Ignored(why):
                    logger.info("message is not for us", reason=why)
                case DispatchNow():
                    self.dispatch = True
                case Arrival():
                    self._arrive(request)
                case Resume(drop_id):
                    self._note(self.prepare.resume(drop_id))

    def _arrive(self, arrival: Arrival) -> None:
        try:
            found = self.prepare.arrive(arrival)
        except ForeignBucket as error:
            logger.warning("message is not for us", reason=str(error))
            return
        if isinstance(found, NoDrop):
            why = found.describe(self.prepare.suffixes)
            logger.info("object is no drop", source_key=arrival.key, reason=why)
        else:
            self._note(found)

    def _note(self, drop: Drop | None) -> None:
        if drop is None:
            logger.warning("the ledger has no such drop")
            return
        self.drops[drop.drop_id] = drop
        logger.info(
            "drop",
            drop_id=drop.drop_id,
            source_key=drop.source.key,
            state=drop.state,
            reason=drop.reason,
            model_version=drop.model.version if drop.model else None,
        )
