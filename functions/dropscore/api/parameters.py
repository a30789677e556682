"""The parameters that requests may have: their types, limits and meaning."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from dropscore.api.times import PATTERN, moment
from dropscore.domain.drop import DropState

KEY_BYTES = 1_024
"""The longest key that S3 takes, in UTF-8 ("Naming Amazon S3 objects")."""

CURSOR_CHARACTERS = 8_192
"""API Gateway takes 10,240 bytes of request line and headers."""

MOST_ROWS = 10_000
MOST_DROPS = 1_000
MOST_MODELS = 20
"""Each version costs a call to SageMaker."""

LATEST_VERSION = 2**53 - 1
"""Beyond it not every reader of JSON can tell whole numbers apart (RFC 8259, 6)."""


def _whole_number(value: object) -> object:
    """Digits only: pydantic itself takes ` 1 `, `1.0` and `1_0`, too."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("is not a whole number")
    return value


def _moment(value: object) -> object:
    return moment(value) if isinstance(value, str) else value


def _zoned_moment(value: object) -> object:
    if isinstance(value, str) and value[-1:] not in ("z", "Z") and value[-6:-5] not in ("+", "-"):
        raise ValueError(f"{value!r} lacks an offset such as Z (in a URL, + is written %2B)")
    return _moment(value)


def _in_milliseconds(value: datetime) -> datetime:
    """As the ledger counts: finer parts are rounded up, so that no drop before it counts as not before it."""
    finer = timedelta(microseconds=-value.microsecond % 1_000)
    return value + finer if value < datetime.max.replace(tzinfo=value.tzinfo) - finer else value


def _key(value: str) -> str:
    if len(value.encode()) > KEY_BYTES:
        raise ValueError(f"is longer than any key of S3, {KEY_BYTES} bytes")
    return value


_DATE_TIME = WithJsonSchema({"type": "string", "format": "date-time"})
_MAYBE_ZONED = WithJsonSchema(
    {
        "type": "string",
        "pattern": f"^{PATTERN}$",
        "examples": ["2026-03-04T00:00:00Z", "2026-03-04T00:00:00"],
    }
)

_Arrival = Annotated[datetime, BeforeValidator(_zoned_moment), AfterValidator(_in_milliseconds), _DATE_TIME]
_Timestamp = Annotated[datetime, BeforeValidator(_moment), _MAYBE_ZONED]
_Key = Annotated[str, AfterValidator(_key)]
_Number = BeforeValidator(_whole_number)

DropId = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{20}$",
        description="The drop's id: 20 hex digits. Anything else is no drop, and is answered 404.",
    ),
]
JobName = Annotated[
    str,
    Path(
        pattern="^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$",
        description="The transform job's name. What cannot be one is answered 404.",
    ),
]

State = Annotated[DropState | None, Query(description="Only drops in this state, the newest first.")]
KeyPrefix = Annotated[
    _Key | None,
    Query(min_length=1, max_length=KEY_BYTES, description="Only drops whose key begins so, sorted by key."),
]
SourceKey = Annotated[
    _Key | None,
    Query(
        min_length=1,
        max_length=KEY_BYTES,
        description="Only drops of exactly this key, its current version first.",
    ),
]
Version = Annotated[
    Annotated[int, Field(ge=1, le=LATEST_VERSION), _Number] | None,
    Query(description="Only drops that this version of the model scores or has scored, the newest first."),
]
ArrivedFrom = Annotated[
    _Arrival | None, Query(alias="from", description="Only drops that arrived at this time or later.")
]
ArrivedTo = Annotated[
    _Arrival | None, Query(alias="to", description="Only drops that arrived before this time.")
]
TimeFrom = Annotated[
    _Timestamp | None,
    Query(
        alias="from",
        description="Only rows whose `ts` is this time or later; without an offset it means UTC. "
        "A result whose timestamps have no zone is compared as it stands.",
    ),
]
TimeTo = Annotated[
    _Timestamp | None,
    Query(alias="to", description="Only rows whose `ts` is before this time; as `from`."),
]
Columns = Annotated[
    str | None,
    Query(
        pattern="^[^,]+(,[^,]+)*$",
        max_length=KEY_BYTES,
        description="Names of columns, separated by commas, in the order wanted. "
        "All but `drop_id` when it is left out.",
        openapi_examples={"some": {"value": "row,ts,prediction"}},
    ),
]
Download = Annotated[
    Literal["parquet", "link"] | None,
    Query(
        description="The whole result, as a URL that is good for a few minutes: `parquet` answers 303 to it, "
        "`link` says it in JSON, for pages, which cannot follow it to another host."
    ),
]
Spreadsheet = Annotated[
    Literal["true", "false"],
    Query(
        description="`true`: in CSV, each text that begins with `=`, `+`, `-`, `@`, a tab or a line end gets "
        "a `'` before it, so that no spreadsheet takes it for a formula. Other forms stay as they are."
    ),
]
Cursor = Annotated[
    str | None,
    Query(
        max_length=CURSOR_CHARACTERS,
        pattern="^[A-Za-z0-9_-]+$",
        description="Where the page begins: the `next_cursor` of the page before, of the same request.",
    ),
]
RowLimit = Annotated[int, Field(ge=1, le=MOST_ROWS), _Number, Query(description="Most rows of the page.")]
DropLimit = Annotated[int, Field(ge=1, le=MOST_DROPS), _Number, Query(description="Most drops of the page.")]
ModelLimit = Annotated[
    int, Field(ge=1, le=MOST_MODELS), _Number, Query(description="Most versions of the page.")
]
