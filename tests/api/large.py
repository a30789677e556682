"""Asks for pages of small and large results, in a process of its own: what time and memory they take.

The rows lie in files instead of S3: what is measured is our own work. `python -m tests.api.large FOLDER`
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from dropscore.api.app import ResultsApi
from dropscore.api.cursors import Cursors
from dropscore.api.reading import Reading
from dropscore.aws.ranged import Tail
from dropscore.deadline import system_clock
from dropscore.domain.drop import Drop, DropState, Source
from dropscore.settings import ApiAuth, ApiSettings
from tests.api.asking import Context, request

NOW = datetime(2026, 3, 4, tzinfo=UTC)
REPEATS = 15


class Folder:
    """Stands in for the results bucket."""

    def __init__(self, folder):
        self._folder = folder

    def uri(self, key):
        return f"s3://results/{key}"

    def ranges(self, key, _etag=None):
        return File(self._folder / key)


class File:
    """Ranges of one file."""

    def __init__(self, path):
        self._path = path

    def tail(self, size):
        whole = self._path.stat().st_size
        size = min(size, whole)
        return Tail(self.part(whole - size, size), whole, "etag")

    def part(self, start, size):
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(size)


class Ledger:
    """Knows of every drop that it is SCORED, with as many rows as its id says."""

    def get(self, drop_id):
        rows = int(drop_id)
        return Drop(
            drop_id,
            DropState.SCORED,
            Source("inbox", "a.parquet", "v"),
            NOW,
            finished_at=NOW,
            rows_in=rows,
            rows_scored=rows,
            result_uri=f"s3://results/predictions/{drop_id}.parquet",
        )


def main(folder):
    """Print the median seconds of CPU of each page, and the peak of memory in MiB."""
    settings = ApiSettings("results", "ledger", "dropscore", "abc123", ApiAuth.IAM)
    reading = Reading(Ledger(), None, None, None, None, Folder(Path(folder)), settings)
    api = ResultsApi(reading, system_clock)
    seconds = {
        f"{rows} {place} {limit}": _seconds(api, f"{rows:020d}", place, limit)
        for rows, place, limit in json.loads(os.environ["PAGES"])
    }
    sys.stdout.write(json.dumps({"seconds": seconds, "peak": _peak()}))


def _peak():
    """Of this program's memory; `ru_maxrss` counts the parent's, too, from before it was one."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def _seconds(api, drop_id, place, limit):
    uri = f"s3://results/predictions/{drop_id}.parquet"
    cursor = Cursors("predictions", drop_id, uri, None, None, None).write(str(place))
    event = request(f"/drops/{drop_id}/predictions?limit={limit}&cursor={cursor}")
    taken = []
    for _ in range(REPEATS):
        start = time.process_time()
        answer = api.answer(event, Context())
        taken.append(time.process_time() - start)
        if answer["statusCode"] != 200:
            raise AssertionError(answer)
    return median(taken)


if __name__ == "__main__":
    main(sys.argv[1])
