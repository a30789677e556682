"""Problems (RFC 9457): which error a reader of results sees as what."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from pydantic import Field

from dropscore.api.answers import Answer, public
from dropscore.api.caching import NEVER_KEPT
from dropscore.api.errors import (
    BadRequest,
    Fault,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    NotReady,
    Unhealthy,
)
from dropscore.api.refusals import MEDIA_TYPE, Refusal, bad_request, unavailable, unforeseen
from dropscore.domain.drop import DropState
from dropscore.domain.errors import BadPosition, SourceGone

logger = Logger(child=True)

PENDING_SECONDS = 30
"""When to ask again: a transform job takes minutes."""


class FaultyField(Answer):
    """What is wrong with one parameter."""

    field: str
    detail: str


class Problem(Answer):
    """Why a request was not answered as asked (RFC 9457)."""

    type: str = Field(description="`about:blank` where the status says it all.")
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path of the request.")


class BadRequestProblem(Problem):
    """Parameters are at fault."""

    errors: Sequence[FaultyField]


class NotReadyProblem(Problem):
    """The drop is not in a state that has what was asked for."""

    state: DropState
    reason: str | None


class GatewayMessage(Answer):
    """What API Gateway says where the function was not asked, or did not answer."""

    message: str


def response(error: Exception, path: str) -> Response[str]:
    """The problem document about an error of a request for `path`."""
    refused = refusal(error)
    headers = {**NEVER_KEPT, **refused.headers}
    return Response(refused.status.value, MEDIA_TYPE, refused.body(path), headers=headers)


def refusal(error: Exception) -> Refusal:  # noqa: C901, PLR0911 - the table of them
    """What a client sees of an error."""
    match error:
        case BadRequest(faults=faults):
            return bad_request(faults)
        case NotFound():
            return Refusal(HTTPStatus.NOT_FOUND, str(error))
        case MethodNotAllowed(allowed=allowed):
            return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, str(error), headers={"Allow": allowed})
        case NotAcceptable():
            return Refusal(HTTPStatus.NOT_ACCEPTABLE, str(error))
        case NotReady():
            return _not_ready(error)
        case BadPosition():
            return bad_request([Fault("cursor", "names a place that there is not")])
        case Unhealthy():
            logger.warning("the ledger cannot be reached", error=str(error))
            return unavailable("The ledger cannot be reached.")
        case SourceGone():
            return Refusal(HTTPStatus.NOT_FOUND, "Its rows are no longer there: somebody has deleted them.")
        case _:
            return unforeseen(error)


def concerns_answer(error: RequestValidationError) -> bool:
    """Whether it is our own answer that is not as documented, and not the request."""
    return bool(error.errors()[0]["loc"][0] == "response")


def invalid(error: RequestValidationError, faults: Sequence[Fault]) -> NotFound | BadRequest:
    """What the declared parameters refused, beside the faults that the query has anyway.

    A path that can name nothing names nothing.
    """
    found = [(e["loc"], e["msg"].removeprefix("Value error, ")) for e in error.errors()]
    if any(where[0] == "path" for where, _ in found):
        return NotFound("Nothing can have this name.")
    known = {fault.field for fault in faults}
    more = (Fault(str(where[1]), detail) for where, detail in found if where[1] not in known)
    return BadRequest(*faults, *more)


def _not_ready(error: NotReady) -> Refusal:
    headers = {"Retry-After": str(PENDING_SECONDS)} if error.pending else {}
    slug = "not-ready" if error.pending else "never-ready"
    members = {"state": error.drop.state.value, "reason": public(error.drop.reason)}
    return Refusal(HTTPStatus.CONFLICT, str(error), slug, headers, members)
