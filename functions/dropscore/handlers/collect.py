"""The door of CollectFunction: transform job events and our own messages, from CollectQueue or bare."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dropscore.bootstrap import application
from dropscore.collect import Collect
from dropscore.domain.messages import CollectPart, Ignored, JobEnded, collect_request, read_body
from dropscore.handlers.invocation import Event, each_message, is_sqs, logger


@logger.inject_lambda_context(clear_state=True)
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Collect what the messages name.

    Returns
    -------
    dict
        For a batch of messages Lambda's partial batch response; for a bare event what came of it.
    """
    app = application()
    collect = app.collect(app.deadline(context.get_remaining_time_in_millis()))
    if is_sqs(event):
        return dict(each_message(event, lambda body: _log(_see_to(collect, read_body(body)))))
    return _see_to(collect, event)


def _see_to(collect: Collect, body: Any) -> dict[str, Any]:
    request = collect_request(body)
    match request:
        case JobEnded(name):
            job = collect.job_ended(name)
            return {"job": job.name, "state": job.state.value, "drops": len(job.members)}
        case CollectPart():
            drops = collect.part(request)
            return {
                "job": request.job,
                "drops": [{"drop_id": d.drop_id, "state": d.state.value} for d in drops],
            }
        case Ignored(why):
            return {"ignored": why}


def _log(answer: dict[str, Any]) -> None:
    logger.info("collected", extra=answer)
