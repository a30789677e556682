"""Converts one drop out of S3, in a process of its own, and counts what it asks of S3.

`python -m benchmarks.fetcher <how> <endpoint> <folder> <key> <features> <away>`: `how` is one of `WAYS`, the
shards are written below `folder`, and S3, which is next door here, answers `away` milliseconds later.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import benchmarks.as_on_lambda  # noqa: F401 - before pyarrow, or it would find what Lambda has not
from benchmarks.child import measured
from benchmarks.disk import DiskS3
from benchmarks.ended_job import INBOX, LIMITS, WORK
from dropscore.aws.objects import Bucket
from dropscore.aws.ranged import RangedFile
from dropscore.domain.features import Extraction
from dropscore.domain.reading import OpenParquet, open_parquet
from dropscore.domain.shards import Shard
from dropscore.domain.spec import FeatureSpec
from dropscore.files.conversion import NewObject, batches_of, pieces_of
from dropscore.files.threads import Threads
from local.clients import make_client

_MEGABYTE_SECONDS = 1 / 90
"""What a megabyte from S3 takes on one connection, about: an assumption."""


class Counter:
    """Counts what a client gets of S3, and has it wait as if S3 were away."""

    def __init__(self, client: Any, away_ms: int) -> None:
        self._away = away_ms / 1000
        self._lock = Lock()
        self.requests = 0
        self.bytes = 0
        client.meta.events.register("after-call.s3.GetObject", self._got)

    def _got(self, parsed: dict[str, Any], **_: object) -> None:
        with self._lock:
            self.requests += 1
            self.bytes += parsed["ContentLength"]
        if self._away:
            time.sleep(self._away + parsed["ContentLength"] / 1e6 * _MEGABYTE_SECONDS)


def fetch(file: RangedFile, features: tuple[str, ...], _: Path) -> int:
    """Read the columns, and convert nothing; how many batches that is."""
    with Threads() as threads:
        parquet = open_parquet(file)
        columns = _extraction(parquet, features).columns
        return sum(1 for _ in batches_of(file, parquet, columns, threads))


def convert(file: RangedFile, features: tuple[str, ...], folder: Path) -> int:
    """Write the shards; how many that makes."""
    work = Bucket(DiskS3(folder), WORK)  # type: ignore[arg-type]
    with Threads() as threads:
        parquet = open_parquet(file)
        pieces = pieces_of(file, parquet, _extraction(parquet, features), LIMITS.shard_bytes, threads)
        shards = (NewObject(f"{piece.number}.csv", piece.csv) for piece in pieces if isinstance(piece, Shard))
        return sum(
            1 for _ in threads.in_order(lambda shard: work.put(shard.key, shard.body, "text/csv"), shards)
        )


def _extraction(parquet: OpenParquet, features: tuple[str, ...]) -> Extraction:
    return Extraction.bind(FeatureSpec(features, timestamp="ts"), parquet.schema_arrow)


def _whole(bucket: Bucket, key: str) -> RangedFile:
    """The object, all of which is in memory."""
    ranges = bucket.ranges(key)
    return RangedFile(ranges, ranges.tail(2**40))


WAYS: dict[
    str, tuple[bool, Callable[[Bucket, str], RangedFile], Callable[[RangedFile, tuple[str, ...], Path], int]]
] = {
    "ranges": (False, Bucket.open, convert),
    "whole": (False, _whole, convert),
    "fetch": (False, Bucket.open, fetch),
    "convert": (True, _whole, convert),
}
"""Whether the file is opened before the clock is started, how that is done, and what is done with it.

`ranges` is what prepare does; `whole` fetches the object first; `fetch` converts nothing; `convert` fetches
nothing.
"""


def main(how: str, endpoint: str, folder: Path, key: str, features: str, away: int) -> None:
    """Do it one of the `WAYS`."""
    client = make_client("s3", endpoint)
    client.list_buckets()  # connected
    counter = Counter(client, away)
    before, opening, work = WAYS[how]
    opened = partial(opening, Bucket(client, INBOX), key)
    at_hand = opened() if before else None
    with measured() as told:
        work(at_hand or opened(), tuple(features.split(",")), folder)
        told["requests"] = counter.requests
        told["fetched"] = counter.bytes


if __name__ == "__main__":
    _how, _endpoint, _folder, _key, _features, _away = sys.argv[1:]
    main(_how, _endpoint, Path(_folder), _key, _features, int(_away))
