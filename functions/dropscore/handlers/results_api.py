"""The door of ResultsApiFunction: requests of API Gateway, payload format 2.0."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from dropscore.api.composition import results_api

logger = Logger(use_rfc3339=True)


@logger.inject_lambda_context(clear_state=True, correlation_id_path="requestContext.requestId")
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request.

    Returns
    -------
    dict
        The response, as payload format 2.0 has it.
    """
    return results_api().answer(event, context)
