"""The door of PredictFunction: `POST /predict`, as API Gateway hands it over (payload format 2.0)."""

from __future__ import annotations

import base64
import binascii
import json
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dropscore.api.errors import BadRequest, Fault, NotJson
from dropscore.api.refusals import MEDIA_TYPE
from dropscore.deadline import Deadline, system_clock
from dropscore.handlers.invocation import Event, logger
from dropscore.predict.application import predict
from dropscore.predict.asked import read
from dropscore.predict.problems import refusal

JSON = "application/json"


@logger.inject_lambda_context(clear_state=True, correlation_id_path="requestContext.requestId")
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Answer `{"data": [[38, 16, 4]]}` or `{"rows": [{"ts": "…"}]}`.

    Returns
    -------
    dict
        `{"predictions": [...], "model_version": n}`, or a problem document (RFC 9457).
    """
    try:
        asked = read(_body(event))
        predicted = predict()(asked, Deadline.after(system_clock, context.get_remaining_time_in_millis()))
    except Exception as error:  # noqa: BLE001 - whatever happens, the client gets a problem document
        refused = refusal(error)
        body = refused.body(str(event.get("rawPath", "")))
        return _answer(refused.status, MEDIA_TYPE, body, **refused.headers)
    logger.info("predicted", rows=len(predicted.predictions), model_version=predicted.version)
    document = {"predictions": predicted.predictions, "model_version": predicted.version}
    return _answer(HTTPStatus.OK, JSON, json.dumps(document))


def _body(event: Event) -> bytes:
    """The body of the request.

    Raises
    ------
    NotJson, BadRequest
        Its media type is another one, or it is not what API Gateway calls base64.
    """
    said = str(event.get("headers", {}).get("content-type", JSON))
    if said.partition(";")[0].strip().lower() != JSON:
        raise NotJson(said)
    body = str(event.get("body") or "")
    if not event.get("isBase64Encoded"):
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise BadRequest(Fault("body", f"is not base64: {error}")) from error


def _answer(status: HTTPStatus, media_type: str, body: str, **headers: str) -> dict[str, Any]:
    """As payload format 2.0 has it ("Create AWS Lambda proxy integrations for HTTP APIs")."""
    headers = {"Content-Type": media_type, "Cache-Control": "no-store", **headers}
    return {"statusCode": status.value, "headers": headers, "body": body}
