"""The API: its routes, and the way of a request through them."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from urllib.parse import quote

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from dropscore.api.caching import NEVER_KEPT
from dropscore.api.documents import DocumentRoutes
from dropscore.api.drops import DropRoutes
from dropscore.api.encoding import Event, encoded
from dropscore.api.errors import BadRequest, Fault, MethodNotAllowed, NotFound
from dropscore.api.models import ModelRoutes
from dropscore.api.openapi import OPERATIONS, Operation, document
from dropscore.api.problems import concerns_answer, invalid, response
from dropscore.api.queries import query_faults
from dropscore.api.reading import Reading
from dropscore.api.rows import RowRoutes
from dropscore.deadline import Clock, Deadline

logger = Logger(child=True)

Handler = Callable[..., Response[Any]]

METHODS = ("GET", "HEAD", "OPTIONS")
"""What every address takes; to HEAD the answer has no body (RFC 9110, 9.3.2), to OPTIONS it is these."""


class ResultsApi:
    """The read-only results API over what it reads from."""

    def __init__(self, reading: Reading, clock: Clock) -> None:
        self._clock = clock
        self._resolver = APIGatewayHttpResolver(enable_validation=True, debug=False)
        self._resolver.use([self._checked])
        self._resolver.exception_handler(Exception)(self._problem)
        self._resolver.not_found(self._unrouted)
        self._parameters: dict[str, list[str]] = {}
        for operation, handler in zip(OPERATIONS, _handlers(reading, self.document), strict=True):
            self._add(operation, handler)

    def document(self) -> str:
        """The API's description, in OpenAPI."""
        return document(self._resolver)

    def answer(self, event: Event, context: LambdaContext) -> dict[str, Any]:
        """Answer one request of API Gateway's (payload format 2.0)."""
        deadline = Deadline.after(self._clock, context.get_remaining_time_in_millis())
        self._resolver.context["deadline"] = deadline
        answer = encoded(self._resolver.resolve(event, context), event)
        logger.info(
            "answered",
            method=event["requestContext"]["http"]["method"],
            path=quote(event["rawPath"]),
            status=answer["statusCode"],
            milliseconds=round((deadline.length - deadline.left).total_seconds() * 1_000),
        )
        return answer

    def _add(self, operation: Operation, handler: Handler) -> None:
        path = operation.path.replace("{", "<").replace("}", ">")
        self._resolver.get(path, **operation.documentation(handler))(handler)
        self._resolver.head(path, include_in_schema=False)(handler)
        self._parameters[operation.path] = _query_parameters(handler)

    def _checked(self, resolver: APIGatewayHttpResolver, proceed: Handler) -> Response[Any]:
        """Middleware: refuse what Powertools lets pass."""
        if not resolver.current_event.path.isprintable():  # its routes let a newline follow
            raise NotFound("Nothing is at this address.")
        if faults := self._query_faults():
            raise BadRequest(*faults)
        return proceed(resolver)

    def _query_faults(self) -> list[Fault]:
        route = self._resolver.request.route
        if route not in self._parameters:  # nothing is at this address, whatever the query
            return []
        return query_faults(self._resolver.current_event.raw_query_string, self._parameters[route])

    def _problem(self, error: Exception) -> Response[str]:
        path = self._resolver.current_event.path
        if isinstance(error, RequestValidationError) and not concerns_answer(error):
            error = invalid(error, self._query_faults())
        return response(error, path)

    def _unrouted(self, _error: Exception) -> Response[str]:
        event = self._resolver.current_event
        if not self._is_address(event.path):
            return response(NotFound("Nothing is at this address."), event.path)
        if event.http_method == "OPTIONS":  # with a status that a browser's preflight is content with
            return Response(HTTPStatus.NO_CONTENT.value, headers={**NEVER_KEPT, "Allow": ", ".join(METHODS)})
        if event.http_method in METHODS:  # a name that none of its kind can have
            return response(NotFound("Nothing can have this name."), event.path)
        return response(MethodNotAllowed(event.http_method, METHODS), event.path)

    def _is_address(self, path: str) -> bool:
        patterns = (re.sub(r"\{\w+\}", "[^/]+", address) for address in self._parameters)
        return any(re.fullmatch(pattern, path) for pattern in patterns)


def _handlers(reading: Reading, describe: Callable[[], str]) -> list[Handler]:
    """What answers each of `OPERATIONS`."""
    drops, rows, documents = DropRoutes(reading), RowRoutes(reading), DocumentRoutes(reading, describe)
    return [
        drops.drops,
        drops.drop,
        rows.predictions,
        rows.rejects,
        drops.job,
        ModelRoutes(reading).models,
        documents.health,
        documents.openapi_json,
        documents.docs,
        documents.page,
    ]


def _query_parameters(handler: Handler) -> list[str]:
    """The names that a handler's parameters have in a query."""
    hints = get_type_hints(handler, include_extras=True)
    found = {name: get_args(hint)[1:] for name, hint in hints.items() if get_origin(hint) is Annotated}
    return [
        part.alias or name for name, metadata in found.items() for part in metadata if isinstance(part, Query)
    ]
