"""The door of SweepFunction: the schedule, and the operator's requests."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dropscore.bootstrap import application
from dropscore.handlers.invocation import Event, logger


@logger.inject_lambda_context(clear_state=True, correlation_id_path="id")
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Sweep once, or do what the operator asks.

    `{"retry": ["<drop_id>", …]}` brings FAILED drops back, `{"release": "<model package ARN>"}` lets a held
    model version score again; everything else, such as the schedule's event, is a sweep.

    Returns
    -------
    dict
        What was found to do, or what came of the request.
    """
    app = application()
    sweep = app.sweep(app.deadline(context.get_remaining_time_in_millis()))
    match event:
        case {"retry": list(drop_ids)}:
            answer: dict[str, Any] = {"retry": sweep.retry(map(str, drop_ids))}
        case {"release": str(package_arn)}:
            answer = {"release": {package_arn: sweep.release(package_arn)}}
        case _:
            answer = asdict(sweep.run())
    logger.info("swept", extra=answer)
    return answer
