"""The API's description in OpenAPI 3.1: made from the routes, completed with what Powertools cannot know."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver

from dropscore.api.answers import Health, JobDetail, ModelPage
from dropscore.api.drop_answers import DownloadLink, DropDetail, DropPage, PredictionPage, RejectPage
from dropscore.api.media import CSV, HTML, JSON, NDJSON
from dropscore.api.problems import BadRequestProblem, GatewayMessage, NotReadyProblem, Problem
from dropscore.api.refusals import MEDIA_TYPE

VERSION = "1.0.0"

DESCRIPTION = """\
What became of the Parquet files that were dropped into the inbox, and their predictions. Read-only: GET \
and HEAD.

**Who may read.** The stack's parameter `ApiAuth` says which of the two schemes below holds: `sigv4` (an \
IAM principal that may `execute-api:Invoke`) or `jwt` (a token of the stack's issuer with the scope \
`dropscore/read`). `/health`, `/openapi.json`, `/docs` and `/` are open to anybody and hold no data.

**Pages.** A list comes in pages: ask again with `cursor` set to `next_cursor` until that is null, or \
follow the header `Link` with `rel="next"`. A page may be shorter than `limit`, even empty, before the end. \
A cursor is good for the request that it was given for; only `limit` may change.

**Caching.** What never changes again has an ETag; ask with `If-None-Match`, and 304 says that it is still so.

**Errors** are problem documents (RFC 9457). API Gateway's own, 401, 403 and 429, are `{"message": …}`.

**Times** are in UTC (RFC 3339), but for the timestamps of a result whose source has none: those have no `Z`.
"""

_SCHEMES = {
    "jwt": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "With ApiAuth=JWT: a token of the stack's issuer with the scope `dropscore/read`.",
    },
    "sigv4": {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
        "description": "With ApiAuth=IAM: AWS Signature Version 4 for the service `execute-api`.",
    },
}

_TAGS = [
    {"name": "drops", "description": "Files that arrived, and what became of them."},
    {"name": "results", "description": "Their rows: predictions, and what could not be scored."},
    {"name": "jobs and models", "description": "What scored them."},
    {"name": "the API itself", "description": "Open to anybody."},
]

_TEXT = {"schema": {"type": "string"}}


@dataclass(frozen=True)
class Operation:
    """A route as it is documented: what it can answer beside the problems that every one has.

    Attributes
    ----------
    content
        What 200 has, by media type: a model, or a schema of what is no JSON.
    problems
        Its own problems, by status.
    links
        Where an answer leads.
    kept
        Whether clients may keep some of its answers, and are answered 304 then.
    paged
        Whether it comes in pages.
    """

    path: str
    name: str
    tag: str
    content: dict[str, Any]
    problems: Mapping[int, type[Problem]]
    links: Mapping[str, Any] = field(default_factory=dict)
    kept: bool = False
    paged: bool = False
    anonymous: bool = False
    redirects: bool = False

    def documentation(self, handler: Callable[..., Any]) -> dict[str, Any]:
        """What Powertools documents the route with; what it does is said by the handler's docstring."""
        said = inspect.getdoc(handler) or ""
        return {
            "operation_id": self.name,
            "summary": said.split("\n", 1)[0],
            "description": said,
            "tags": [self.tag],
            "responses": self._responses(),
            "openapi_extensions": {"security": []} if self.anonymous else None,
        }

    def _responses(self) -> dict[int, Any]:
        responses: dict[int, Any] = {
            200: {
                "description": "As asked.",
                "headers": self._headers(),
                "content": self.content,
                "links": self.links,
            }
        }
        if self.redirects:
            responses[303] = {
                "description": "The whole file is at `Location`, for 300 seconds.",
                "headers": {"Location": _header("A presigned URL of S3: whoever has it can read the file.")},
                "content": {},
            }
        if self.kept:
            responses[304] = {
                "description": "The client has it already, as its If-None-Match says.",
                "headers": {"ETag": _header("As with 200.")},
                "content": {},
            }
        problems: dict[int, type[Problem]] = {400: BadRequestProblem, **self.problems, 406: Problem}
        responses |= {status: _problem(status, model) for status, model in problems.items()}
        responses |= {status: _failure(status) for status in (500, 503)}
        gateways = (429,) if self.anonymous else (401, 403, 429)
        responses |= {status: _gateways(status) for status in gateways}
        return responses

    def _headers(self) -> dict[str, Any]:
        headers = {}
        if self.kept:
            headers["ETag"] = _header("Of what never changes again.")
        if self.paged:
            headers["Link"] = _header('The next page: `<?…>; rel="next"`.')
        return headers


_NOT_FOUND = {404: Problem}


def _first_drop(operation: str) -> dict[str, Any]:
    return {"operationId": operation, "parameters": {"drop_id": "$response.body#/drops/0/drop_id"}}


_TO_DROPS = {"drop": _first_drop("getDrop"), "predictions": _first_drop("getPredictions")}
_TO_JOB = {"job": {"operationId": "getJob", "parameters": {"job": "$response.body#/transform_job"}}}

OPERATIONS = (
    Operation("/drops", "listDrops", "drops", {JSON: {"model": DropPage}}, {}, _TO_DROPS, paged=True),
    Operation(
        "/drops/{drop_id}", "getDrop", "drops", {JSON: {"model": DropDetail}}, _NOT_FOUND, _TO_JOB, kept=True
    ),
    Operation(
        "/drops/{drop_id}/predictions",
        "getPredictions",
        "results",
        {JSON: {"model": PredictionPage | DownloadLink}, CSV: _TEXT, NDJSON: _TEXT},
        {**_NOT_FOUND, 409: NotReadyProblem},
        kept=True,
        paged=True,
        redirects=True,
    ),
    Operation(
        "/drops/{drop_id}/rejects",
        "getRejects",
        "results",
        {JSON: {"model": RejectPage}, CSV: _TEXT, NDJSON: _TEXT},
        {**_NOT_FOUND, 409: NotReadyProblem},
        kept=True,
        paged=True,
    ),
    Operation(
        "/jobs/{job}", "getJob", "jobs and models", {JSON: {"model": JobDetail}}, _NOT_FOUND, kept=True
    ),
    Operation("/models", "listModels", "jobs and models", {JSON: {"model": ModelPage}}, {}, paged=True),
    Operation("/health", "getHealth", "the API itself", {JSON: {"model": Health}}, {}, anonymous=True),
    Operation(
        "/openapi.json",
        "getDescription",
        "the API itself",
        {JSON: {"schema": {"type": "object"}}},
        {},
        kept=True,
        anonymous=True,
    ),
    Operation("/docs", "getDocs", "the API itself", {HTML: _TEXT}, {}, kept=True, anonymous=True),
    Operation("/", "getPage", "the API itself", {HTML: _TEXT}, {}, kept=True, anonymous=True),
)
"""The routes."""


def document(resolver: APIGatewayHttpResolver) -> str:
    """The document: the same code gives the same text."""
    made = json.loads(resolver.get_openapi_json_schema(title="Dropscore results", version=VERSION))
    made["info"]["description"] = DESCRIPTION
    made["servers"] = [{"url": ".", "description": "Where this document is."}]
    made["security"] = [{"sigv4": []}, {"jwt": ["dropscore/read"]}]
    made["tags"] = _TAGS
    made["components"]["securitySchemes"] = _SCHEMES
    for operation in (item["get"] for item in made["paths"].values()):
        del operation["responses"]["422"]  # Powertools' own answer, which the API gives as 400
        operation["responses"] = {status: _bare(said) for status, said in operation["responses"].items()}
        for parameter in operation.get("parameters", []):
            parameter["schema"] = _present(parameter["schema"])
    for name in ("HTTPValidationError", "ResponseValidationError", "ValidationError"):
        del made["components"]["schemas"][name]
    return json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _bare(response: dict[str, Any]) -> dict[str, Any]:
    """A response without the content that it has not."""
    return {name: said for name, said in response.items() if said}


def _present(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter that is there: a query knows no null. What it means is said beside it."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    merged = {**schema, **kinds[0]} if kinds else schema
    kept = {name: said for name, said in merged.items() if name not in ("anyOf", "description", "title")}
    return {name: int(said) if isinstance(said, float) else said for name, said in kept.items()}


def _problem(status: int, model: type[Problem]) -> dict[str, Any]:
    headers = {}
    if status == 409:  # noqa: PLR2004 - HTTP's
        headers["Retry-After"] = _header("Seconds; only where waiting helps.")
    return {"description": _WHY[status], "headers": headers, "content": {MEDIA_TYPE: {"model": model}}}


def _failure(status: int) -> dict[str, Any]:
    """Ours, or API Gateway's where the function did not answer."""
    content = {MEDIA_TYPE: {"model": Problem}, JSON: {"model": GatewayMessage}}
    headers = {"Retry-After": _header("Seconds.")} if status == 503 else {}  # noqa: PLR2004 - HTTP's
    return {"description": _WHY[status], "headers": headers, "content": content}


def _gateways(status: int) -> dict[str, Any]:
    return {"description": _WHY[status], "content": {JSON: {"model": GatewayMessage}}}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


_WHY = {
    400: "A parameter is unknown, doubled, empty, malformed or does not fit the others: `errors` names it.",
    401: "No token, or none that is good (ApiAuth=JWT).",
    403: "No signature, none that is good, or no right to read; or a token without the scope.",
    404: "There is no such thing.",
    406: "Accept names no media type that there is.",
    409: "The drop is not in a state that has what was asked for.",
    429: "Over the stack's limits on requests.",
    500: "A defect; the function's log has the request's id.",
    503: "A service that the API reads from is busy.",
}
