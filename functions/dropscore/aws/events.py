"""EventBridge: tells whoever listens what became of drops."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from dropscore.aws.clients import AwsError, error_code, passes_by_itself

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

logger = Logger(child=True)

SOURCE = "dropscore"

MAX_ENTRIES = 10
MAX_BYTES = 256 * 1024 - 1
"""PutEvents takes 10 entries of less than 256 KB together: the source, the detail type and the detail of each
in UTF-8 ("Calculating PutEvents event entry size", EventBridge User Guide).
"""


class Events:
    """Puts events on the default bus."""

    def __init__(self, client: EventBridgeClient) -> None:
        self._client = client

    def put(self, events: Sequence[tuple[str, Mapping[str, Any]]]) -> list[bool]:
        """Put events, each a detail type and its detail; for each, whether EventBridge has taken it.

        A request that is refused for its content is made again with each of its events alone: one that
        cannot be put keeps no other from it. Once EventBridge is busy or denies access, the rest is left.
        """
        taken: list[bool] = []
        requests = deque(_batches(events))
        while requests:
            entries = requests.popleft()
            try:
                answer = self._client.put_events(Entries=entries)  # type: ignore[arg-type]  # dicts
            except AwsError as error:
                passes = passes_by_itself(error)
                logger.warning(
                    "events are not put, the sweep repeats them",
                    events=len(entries),
                    operator_needed=not passes,
                    exc_info=True,
                )
                if passes or error_code(error).startswith("AccessDenied"):
                    break
                if len(entries) == 1:
                    taken.append(False)
                else:
                    requests.extendleft([entry] for entry in reversed(entries))
            else:
                taken += ["ErrorCode" not in entry for entry in answer["Entries"]]
        return taken + [False] * (len(events) - len(taken))


def _batches(events: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[list[dict[str, str]]]:
    """The entries of the events, in batches that one request can take."""
    batch: list[dict[str, str]] = []
    size = 0
    for kind, detail in events:
        entry = {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail)}
        length = sum(len(text.encode()) for text in entry.values())
        if batch and (len(batch) == MAX_ENTRIES or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch
