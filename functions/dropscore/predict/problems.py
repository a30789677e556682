"""Problems (RFC 9457): which error a client sees as what, where it asks for predictions."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools import Logger

from dropscore.api.errors import BadRequest, NotJson
from dropscore.api.refusals import BUSY_SECONDS, Refusal, bad_request, unavailable, unforeseen
from dropscore.aws.endpoint import EndpointBusy, EndpointSilent, ModelFailed, TooLarge
from dropscore.domain.errors import ModelUnusable

logger = Logger(child=True)

MENDED_SECONDS = 60
"""When to ask again: an operator takes longer than a throttle."""

_MENDED = {"Retry-After": str(MENDED_SECONDS)}
_SOON = {"Retry-After": str(BUSY_SECONDS)}


def refusal(error: Exception) -> Refusal:
    """What a client sees of an error; what is not theirs to know is in the log."""
    match error:
        case BadRequest(faults=faults):
            return bad_request(faults)
        case NotJson():
            return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error))
        case TooLarge():
            return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
        case EndpointBusy() | EndpointSilent() | ModelFailed() | ModelUnusable():
            return _of_the_model(error)
        case _:
            return unforeseen(error)


def _of_the_model(error: EndpointBusy | EndpointSilent | ModelFailed | ModelUnusable) -> Refusal:
    match error:
        case EndpointBusy(retry_after=seconds):
            logger.info("the endpoint is busy", reason=str(error))
            return unavailable("The model cannot answer now; ask again shortly.", seconds=seconds)
        case EndpointSilent():
            logger.warning("the model is silent", reason=str(error))
            detail = "The model did not answer in time; send fewer rows."
            return Refusal(HTTPStatus.GATEWAY_TIMEOUT, detail, headers=_SOON)
        case ModelFailed():
            logger.error("the model failed", reason=str(error))
            detail = "The model failed on these rows."
            return Refusal(HTTPStatus.BAD_GATEWAY, detail, "model-failed", _MENDED)
    logger.error("the endpoint cannot be used", reason=str(error), operator_needed=True)
    return unavailable("No model can answer; an operator has to act.", "no-model", MENDED_SECONDS)
