"""Problems (RFC 9457): which error a client sees as what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger

from dropscore.aws.clients import passes_by_itself
from dropscore.aws.endpoint import EndpointBusy, EndpointSilent, ModelFailed, TooLarge
from dropscore.domain.errors import ModelUnusable
from dropscore.predict.errors import BadRequest, NotJson

logger = Logger(child=True)

MEDIA_TYPE = "application/problem+json"
MENDED_SECONDS, BUSY_SECONDS = 60, 2
"""When to ask again: an operator takes longer than a throttle."""

_SLUG = "urn:dropscore:problem:"


@dataclass(frozen=True)
class Refusal:
    """What becomes of an error."""

    status: HTTPStatus
    detail: str
    slug: str | None = None
    retry_after: int | None = None
    members: Mapping[str, Any] = field(default_factory=dict)

    def response(self, path: str) -> dict[str, Any]:
        """The problem document about a request for `path`, as API Gateway takes it (payload format 2.0)."""
        document = {
            "type": _SLUG + self.slug if self.slug else "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            "instance": path,
            **self.members,
        }
        headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return {"statusCode": self.status.value, "headers": headers, "body": json.dumps(document)}


def refusal(error: Exception) -> Refusal:
    """What a client sees of an error; what is not theirs to know is in the log."""
    match error:
        case BadRequest(faults=faults):
            errors = [{"field": fault.field, "detail": fault.detail} for fault in faults]
            return Refusal(HTTPStatus.BAD_REQUEST, str(error), "bad-request", members={"errors": errors})
        case NotJson():
            return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error))
        case TooLarge():
            return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
        case EndpointBusy() | EndpointSilent() | ModelFailed() | ModelUnusable():
            return _of_the_model(error)
        case _ if passes_by_itself(error):
            logger.warning("a service is busy", reason=str(error))
            return _unavailable("A service is busy; ask again shortly.", "busy", BUSY_SECONDS)
    logger.error("the request failed", exc_info=error)
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "The request failed; the function's log says why.")


def _of_the_model(error: EndpointBusy | EndpointSilent | ModelFailed | ModelUnusable) -> Refusal:
    match error:
        case EndpointBusy(retry_after=seconds):
            logger.info("the endpoint is busy", reason=str(error))
            return _unavailable("The model cannot answer now; ask again shortly.", "busy", seconds)
        case EndpointSilent():
            logger.warning("the model is silent", reason=str(error))
            return Refusal(HTTPStatus.GATEWAY_TIMEOUT, "The model did not answer in time; send fewer rows.")
        case ModelFailed():
            logger.error("the model failed", reason=str(error))
            return Refusal(HTTPStatus.BAD_GATEWAY, "The model failed on these rows.", "model-failed")
    logger.error("the endpoint cannot be used", reason=str(error), operator_needed=True)
    return _unavailable("No model can answer; an operator has to act.", "no-model", MENDED_SECONDS)


def _unavailable(detail: str, slug: str, seconds: int) -> Refusal:
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, slug, seconds)
