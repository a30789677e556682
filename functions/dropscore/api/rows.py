"""`/drops/{drop_id}/predictions` and `/drops/{drop_id}/rejects`: the rows, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.request import Request

from dropscore.api.answers import public
from dropscore.api.caching import NEVER_KEPT, Kept
from dropscore.api.cursors import Cursors, refused
from dropscore.api.drop_answers import DownloadLink
from dropscore.api.encoding import MOST_BYTES
from dropscore.api.errors import BadRequest, Fault, NotReady
from dropscore.api.links import next_link
from dropscore.api.media import CSV, JSON, NDJSON, PARQUET, wanted
from dropscore.api.parameters import (
    Columns,
    Cursor,
    Download,
    DropId,
    RowLimit,
    Spreadsheet,
    TimeFrom,
    TimeTo,
)
from dropscore.api.reading import Reading
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.errors import quoted
from dropscore.domain.window import TooWide, UnknownColumn, Window

DOWNLOAD_SECONDS = 300
"""How long the URL of a download is good for."""

_ALL_ROWS = "the whole file comes; leave this out"


@dataclass(frozen=True)
class Asked:
    """A page of rows that is asked for.

    Attributes
    ----------
    name
        What the rows are called in the answer.
    said
        What the answer in JSON says before the rows.
    uri
        Of the object that they are in; None where there is none.
    total
        How many there are, as the ledger says.
    spreadsheet
        Whether CSV is for a spreadsheet.
    """

    name: str
    said: Mapping[str, Any]
    uri: str | None
    total: int
    media: str
    window: Window
    cursors: Cursors
    spreadsheet: bool


@dataclass(frozen=True)
class RowRoutes:
    """What there is to read of a drop's rows."""

    reading: Reading

    def predictions(  # noqa: PLR0913 - each is a parameter of the route
        self,
        request: Request,
        drop_id: DropId,
        *,
        limit: RowLimit = 1_000,
        cursor: Cursor = None,
        since: TimeFrom = None,
        until: TimeTo = None,
        columns: Columns = None,
        spreadsheet: Spreadsheet = "false",
        download: Download = None,
    ) -> Response[Any]:
        """The predictions of a SCORED drop, in the order of its rows."""
        media = PARQUET if download else wanted(request, [JSON, CSV, NDJSON, PARQUET])
        names = _names(columns)
        drop = self.reading.drop(drop_id)
        if drop.state is not DropState.SCORED:
            raise NotReady(drop, "predictions")
        if media == PARQUET:
            return self._download(request, drop, download)
        cursors = Cursors("predictions", drop_id, drop.result_uri, names, since, until)
        window = Window(_place(cursors.read(cursor)), limit, names, _bare(since), _bare(until))
        said = {"drop_id": drop_id}
        what = "predictions", said, drop.result_uri, drop.rows_scored
        asked = Asked(*what, media, window, cursors, spreadsheet == "true")
        return self._page(request, asked)

    def rejects(
        self,
        request: Request,
        drop_id: DropId,
        *,
        limit: RowLimit = 1_000,
        cursor: Cursor = None,
        spreadsheet: Spreadsheet = "false",
    ) -> Response[Any]:
        """The rows of a SCORED or REJECTED drop that could not be scored, with the reasons."""
        media = wanted(request, [JSON, CSV, NDJSON])
        drop = self.reading.drop(drop_id)
        if drop.state not in (DropState.SCORED, DropState.REJECTED):
            raise NotReady(drop, "rejects")
        cursors = Cursors("rejects", drop_id, drop.rejects_uri, drop.finished_at)
        window = Window(_place(cursors.read(cursor)), limit, ("row", "column", "reason"))
        said = {"drop_id": drop_id, "state": drop.state.value, "reason": public(drop.reason)}
        what = "rejects", said, drop.rejects_uri, drop.rows_rejected
        asked = Asked(*what, media, window, cursors, spreadsheet == "true")
        return self._page(request, asked)

    def _page(self, request: Request, asked: Asked) -> Response[Any]:
        what = (asked.name, asked.said, asked.uri, asked.media, asked.window, asked.spreadsheet)
        kept = Kept(*what, self.reading.code)
        if known := kept.unless_known(request):
            return known
        rows, end = self._rows(asked)
        following = asked.cursors.write(str(end)) if end is not None else None
        body = _BODIES[asked.media](asked, rows, following)
        headers = {**kept.headers, **next_link(request, following)}
        return Response(HTTPStatus.OK.value, _CONTENT_TYPES[asked.media], body, headers)

    def _rows(self, asked: Asked) -> tuple[Sequence[str], int | None]:
        """The rows as text, and the place of the one after them."""
        if asked.uri is None:
            if asked.window.start:
                raise refused("names a place that there is not")
            return [",".join(asked.window.columns or ())] if asked.media == CSV else [], None
        key = self._key(asked.uri, asked.name)
        read = self.reading.rows.json
        if asked.media == CSV:
            read = self.reading.rows.spreadsheet if asked.spreadsheet else self.reading.rows.csv
        try:
            text = read(key, asked.total, asked.window, MOST_BYTES - _FRAME_BYTES)
        except (UnknownColumn, TooWide) as error:
            raise BadRequest(Fault("columns", str(error))) from error
        return text.rows, text.end

    def _download(self, request: Request, drop: Drop, form: Download) -> Response[Any]:
        """The way to the whole file."""
        said = set(request.query_parameters or {}) - {"download"}
        if said:
            raise BadRequest(*(Fault(name, _ALL_ROWS) for name in sorted(said)))
        key = self._key(str(drop.result_uri), "predictions")
        now = request.context["deadline"].clock().replace(microsecond=0)
        url = self.reading.results.presigned(key, f"{drop.drop_id}.parquet", PARQUET, DOWNLOAD_SECONDS)
        if form != "link":
            return Response(HTTPStatus.SEE_OTHER.value, headers={**NEVER_KEPT, "Location": url})
        link = DownloadLink(
            drop_id=drop.drop_id, url=url, expires_at=now + timedelta(seconds=DOWNLOAD_SECONDS)
        )
        return Response(HTTPStatus.OK.value, JSON, link.model_dump_json(), dict(NEVER_KEPT))

    def _key(self, uri: str, folder: str) -> str:
        """The key of an object that the ledger names."""
        start = f"{self.reading.results.uri(folder)}/"
        if not uri.startswith(start):
            raise AssertionError(f"the ledger names {uri}, which is not below {start}")
        return uri.removeprefix(self.reading.results.uri(""))


_FRAME_BYTES = 32_768
"""What stands around the rows in JSON: a reason of `MAX_MESSAGE` bytes, each six at most (a control character
is escaped so), and a cursor of a place.
"""

_CONTENT_TYPES = {JSON: JSON, NDJSON: NDJSON, CSV: f"{CSV}; charset=utf-8; header=present"}


def _json(asked: Asked, rows: Sequence[str], following: str | None) -> str:
    said = json.dumps(asked.said, separators=(",", ":"))[:-1]
    return f'{said},"{asked.name}":[{",".join(rows)}],"next_cursor":{json.dumps(following)}}}'


def _ndjson(_asked: Asked, rows: Sequence[str], _following: str | None) -> str:
    return "".join(f"{row}\n" for row in rows)


def _csv(_asked: Asked, rows: Sequence[str], _following: str | None) -> str:
    return "".join(f"{row}\r\n" for row in rows)


_BODIES = {JSON: _json, NDJSON: _ndjson, CSV: _csv}


def _names(columns: str | None) -> tuple[str, ...] | None:
    """The columns asked for.

    Raises
    ------
    BadRequest
        One is named twice.
    """
    if columns is None:
        return None
    names = tuple(columns.split(","))
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadRequest(Fault("columns", f"names {quoted(twice)} more than once"))
    return names


def _place(position: str | None) -> int:
    """A place in the object; whether it has so many rows is seen when it is read.

    Raises
    ------
    BadRequest
        The position is not a number as `str` writes it.
    """
    if position is None:
        return 0
    if not (position.isascii() and position.isdigit()) or str(int(position[:19])) != position:
        raise refused("names a place that there is not")
    return int(position)


def _bare(moment: datetime | None) -> datetime | None:
    """A moment as results have it: in UTC, without saying so."""
    return moment.replace(tzinfo=None) if moment else None
