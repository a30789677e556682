"""Asks the results API for pages, in a process of its own, and counts what that takes."""

from __future__ import annotations

import gzip
import json
import sys
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

from aws_lambda_powertools.utilities.typing import LambdaContext

from benchmarks.child import measured
from benchmarks.disk import DiskS3
from benchmarks.large_results import RESULTS, lineage
from dropscore.api.app import ResultsApi
from dropscore.api.cursors import Cursors
from dropscore.api.reading import Reading
from dropscore.aws.objects import Bucket
from dropscore.deadline import system_clock
from dropscore.domain.drop import Drop
from dropscore.settings import ApiAuth, ApiSettings

PAGES = 20
"""Pages that are asked for, each the same: one alone is too short to be measured."""

EVENT = Path(__file__).resolve().parents[1] / "events" / "api-predictions.json"


class Ledger:
    """Knows of every drop that it is SCORED, with as many rows as its id says."""

    def get(self, drop_id: str) -> Drop:
        """The drop."""
        where = lineage(int(drop_id))
        return replace(where.drop, result_uri=f"s3://{RESULTS}/{where.key}")


class Context(LambdaContext):
    """Lambda's context, as far as the API looks at it."""

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]  # theirs is static
        """What a request has."""
        return 29_000


def main(folder: Path, rows: int, place: int, limit: int, *, kept: bool) -> None:
    """Ask for the page that begins at `place`, `PAGES` times over, and tell what a page of them took.

    Parameters
    ----------
    kept
        Whether the function has read of the result before, and has its footer in memory.
    """
    s3 = DiskS3(folder)
    settings = ApiSettings(RESULTS, "ledger", "dropscore", "benchmark", ApiAuth.IAM)
    nobody = cast(Any, None)  # a page of rows asks neither registry nor catalogue
    reading = Reading(
        cast(Any, Ledger()), nobody, nobody, nobody, nobody, Bucket(cast(Any, s3), RESULTS), settings
    )
    api = ResultsApi(reading, system_clock)
    event = _event(reading.drop(f"{rows:020d}"), place, limit)
    rows_a_page = _rows(api.answer(event, Context()), place)
    requests, fetched = s3.requests["GET"], s3.bytes_read
    with measured() as told:
        for _ in range(PAGES):
            if not kept:
                reading.__dict__.pop("rows")  # the footers with it
            api.answer(event, Context())
        told["rows_a_page"] = rows_a_page
        told["requests_a_page"] = (s3.requests["GET"] - requests) / PAGES
        told["kilobytes_a_page"] = round((s3.bytes_read - fetched) / PAGES / 1_000)


def _event(drop: Drop, place: int, limit: int) -> dict[str, Any]:
    """A request as API Gateway hands it over, made of the one in `events/`."""
    cursor = Cursors("predictions", drop.drop_id, drop.result_uri, None, None, None).write(str(place))
    query = {"limit": str(limit), "cursor": cursor}
    path = f"/drops/{drop.drop_id}/predictions"
    event: dict[str, Any] = json.loads(EVENT.read_text())
    event |= {"rawPath": path, "rawQueryString": urlencode(query), "queryStringParameters": query}
    event["requestContext"]["http"]["path"] = path
    return event


def _rows(answer: dict[str, Any], place: int) -> int:
    """How many rows the page has; those that are long are fewer than was asked for.

    Raises
    ------
    AssertionError
        It is not the page that begins at `place`.
    """
    body = b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
    said = json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
    rows = [row["row"] for row in said.get("predictions", ())]
    if not rows or rows != [*range(place, place + len(rows))]:
        raise AssertionError(f"{answer['statusCode']}: not the rows from {place} on: {rows[:3] or said}")
    return len(rows)


if __name__ == "__main__":
    _path, *_numbers, _footer = sys.argv[1:]
    main(Path(_path), *map(int, _numbers), kept=_footer == "kept")
