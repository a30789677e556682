"""`/drops`, `/drops/{drop_id}` and `/jobs/{job}`: what the ledger says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.request import Request

from dropscore.api.answers import JobDetail
from dropscore.api.caching import CHECKED, Kept
from dropscore.api.cursors import Cursors
from dropscore.api.drop_answers import DropDetail, DropPage, DropSummary
from dropscore.api.encoding import MOST_BYTES
from dropscore.api.errors import BadRequest, Fault, NotFound
from dropscore.api.links import next_link
from dropscore.api.media import JSON, json_only
from dropscore.api.parameters import (
    ArrivedFrom,
    ArrivedTo,
    Cursor,
    DropId,
    DropLimit,
    JobName,
    KeyPrefix,
    SourceKey,
    State,
    Version,
)
from dropscore.api.reading import Reading
from dropscore.aws.clients import ENOUGH
from dropscore.domain.catalogue import (
    Arrived,
    ByVersion,
    Everything,
    InState,
    OfKey,
    Selection,
    UnderPrefix,
)
from dropscore.domain.drop import DropState

_FRAME_BYTES = 8_192
"""What stands around the drops: a cursor, which has a key's first 960 bytes and 54 more, in base64url."""


@dataclass(frozen=True)
class DropRoutes:
    """What there is to know about drops and jobs."""

    reading: Reading

    def drops(  # noqa: PLR0913 - each is a parameter of the route
        self,
        request: Request,
        *,
        state: State = None,
        key_prefix: KeyPrefix = None,
        source_key: SourceKey = None,
        model_version: Version = None,
        since: ArrivedFrom = None,
        until: ArrivedTo = None,
        limit: DropLimit = 100,
        cursor: Cursor = None,
    ) -> Response[DropPage]:
        """Drops, the newest first: all, or those that one filter selects.

        At most one of `state`, `key_prefix`, `source_key` and `model_version`; `from` and `to` go with any of
        them, and with none.
        """
        json_only(request)
        selection = _selection(
            state=state, key_prefix=key_prefix, source_key=source_key, model_version=model_version
        )
        arrived = Arrived(since, until)
        cursors = Cursors("drops", selection, arrived)
        deadline = request.context["deadline"]
        page = self.reading.catalogue.page(
            selection, arrived, limit, cursors.read(cursor), lambda: deadline.left < ENOUGH
        )
        drops = _fitting([DropSummary.of(drop) for drop in page.drops])
        page = page.first(len(drops))
        following = cursors.write(page.position) if page.position is not None else None
        body = DropPage(drops=drops, next_cursor=following)
        return Response(HTTPStatus.OK.value, JSON, body, {**CHECKED, **next_link(request, following)})

    def drop(self, request: Request, drop_id: DropId) -> Response[DropDetail | None]:
        """All that is known of a drop: its state and how it came to it, counts, lineage, errors, links."""
        json_only(request)
        drop = self.reading.drop(drop_id)
        final = drop.state in (DropState.SCORED, DropState.REJECTED)  # the operator may revive a FAILED one
        kept = Kept("drop", drop_id, drop.finished_at, self.reading.code) if final else None
        if kept and (known := kept.unless_known(request)):
            return known
        return Response(
            HTTPStatus.OK.value, JSON, DropDetail.of(drop), kept.headers if kept else dict(CHECKED)
        )

    def job(self, request: Request, job: JobName) -> Response[JobDetail | None]:
        """All that is known of a job: its state, its model version, its end and its members."""
        json_only(request)
        found = self.reading.jobs.get(job)
        if found is None:
            raise NotFound(f"There is no job {job}.")
        kept = Kept("job", job, found.state, self.reading.code) if found.final else None
        if kept and (known := kept.unless_known(request)):
            return known
        return Response(
            HTTPStatus.OK.value, JSON, JobDetail.of(found), kept.headers if kept else dict(CHECKED)
        )


def _fitting(drops: Sequence[DropSummary]) -> list[DropSummary]:
    """The first of the drops that an answer holds, in JSON; it holds any one: an item has 400 KB at most."""
    left = MOST_BYTES - _FRAME_BYTES
    kept: list[DropSummary] = []
    for drop in drops:
        left -= len(json.dumps(drop.model_dump(mode="json"))) + 1  # all that is not ASCII is escaped
        if left < 0:
            break
        kept.append(drop)
    return kept


def _selection(**filters: object) -> Selection:
    """What the filters select.

    Raises
    ------
    BadRequest
        There is more than one.
    """
    said = {name: value for name, value in filters.items() if value is not None}
    if len(said) > 1:
        raise BadRequest(*(Fault(name, f"is one filter too many: {' and '.join(said)}") for name in said))
    match said:
        case {"state": DropState() as state}:
            return InState(state)
        case {"key_prefix": str(prefix)}:
            return UnderPrefix(prefix)
        case {"source_key": str(key)}:
            return OfKey(key)
        case {"model_version": int(version)}:
            return ByVersion(version)
    return Everything()
