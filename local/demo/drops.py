"""The demo's drops on their way: put into the inbox, then watched until each is in a final state."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dropscore.aws.ledger.items import drop_of, drop_pk
from dropscore.aws.ledger.table import Table
from dropscore.domain.drop import Drop
from dropscore.domain.source import Source
from local.demo.files import DemoInputError, DropFile
from local.errors import LocalError

if TYPE_CHECKING:
    from local.stack import LocalStack

POLL_SECONDS = 0.25
POLL_SECONDS_PER_DROP = 0.005
"""Looking costs the embedded AWS time that the drops need."""


class NotFinishedError(LocalError):
    """Drops are not in a final state in time; the message says where they are stuck."""


def put(stack: LocalStack, files: Sequence[DropFile], on_put: Callable[[int], None]) -> list[Source]:
    """Put files into the inbox.

    Parameters
    ----------
    stack
        Up.
    files
        What to put, in that order.
    on_put
        Called after each, with how many were put so far.

    Returns
    -------
    list of Source
        The version that each file became.

    Raises
    ------
    DemoInputError
        A file cannot be read.
    """
    s3, bucket = stack.client("s3"), stack.outputs["InboxBucketName"]
    sources = []
    for file in files:
        try:
            with file.path.open("rb") as body:
                version = s3.put_object(Bucket=bucket, Key=file.key, Body=body)["VersionId"]
        except OSError as error:
            raise DemoInputError(
                f"{file.path} cannot be read ({error.strerror}): give files that can"
            ) from error
        sources.append(Source(bucket, file.key, version))
        on_put(len(sources))
    return sources


def wait_until_final(
    stack: LocalStack,
    sources: Sequence[Source],
    limit_seconds: float,
    on_change: Callable[[Sequence[Drop]], None],
) -> list[Drop]:
    """Watch the ledger until every drop is SCORED, REJECTED or FAILED.

    Parameters
    ----------
    stack
        Up.
    sources
        What was put.
    limit_seconds
        How long to wait at most.
    on_change
        Called with the drops that the ledger knows, after every look.

    Returns
    -------
    list of Drop
        In the order of `sources`.

    Raises
    ------
    NotFinishedError
        The limit passed; the message counts the states and quotes a reason.
    """
    table = Table(stack.client("dynamodb"), stack.outputs["LedgerTableName"])
    deadline = time.monotonic() + limit_seconds
    found: dict[str, Drop] = {}
    while True:
        open_ids = [source.drop_id for source in sources if not _is_final(found.get(source.drop_id))]
        if not open_ids:
            return [found[source.drop_id] for source in sources]
        if time.monotonic() > deadline:
            raise NotFinishedError(_stuck(sources, found, limit_seconds))
        for item in table.get_all([drop_pk(drop_id) for drop_id in open_ids]):
            found[item["drop_id"]] = drop_of(item)
        on_change(list(found.values()))
        time.sleep(POLL_SECONDS + POLL_SECONDS_PER_DROP * len(open_ids))


def _is_final(drop: Drop | None) -> bool:
    """Whether a drop is known and nothing more happens to it."""
    return drop is not None and drop.state.final


def _stuck(sources: Sequence[Source], found: dict[str, Drop], limit_seconds: float) -> str:
    """Say what became of the drops, and what holds up the first that is not done."""
    drops = [found.get(source.drop_id) for source in sources]
    states = Counter(drop.state.value if drop else "not in the ledger" for drop in drops)
    counted = ", ".join(f"{count} {name}" for name, count in states.most_common())
    reason = next((drop.reason for drop in drops if drop and drop.reason and not drop.state.final), None)
    return f"not finished within {limit_seconds:.0f} s: {counted}{f' ({reason})' if reason else ''}"
