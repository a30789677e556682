"""A file in S3 becomes feature shards: how many bytes and requests that takes, and who waits for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.ended_job import INBOX
from benchmarks.inputs import HUNDRED, ONE, TIMESTAMP, month
from benchmarks.measure import DROPSCORE, OURS, Contender, Measured, compare
from benchmarks.report import Case, Goal, Report
from dropscore.aws.ranged import TAIL_BYTES
from dropscore.domain.shards import ROW_GROUP
from local.server_process import ServerProcess

FEATURES = ("minutes", "hour", "day_of_week")
WHOLE = "the whole object first"

BYTES_OVER_NEEDED = 1.05
WAITING = 1.25
"""Fetching and converting at once, over the longer of the two alone."""

AWAY_MS = 30
"""How long S3 takes to answer a function, about."""


@dataclass(frozen=True)
class Shape:
    """A file of the 35 sensor columns.

    Attributes
    ----------
    months
        How many times over the month is in it; 0 for its first 500 rows.
    options
        Of `pyarrow.parquet.write_table`.
    most_requests
        What it may take: one for the tail, one for a footer that is longer, one for each row group or piece.
    bounded
        Whether the bytes are held against those needed: not where the tail alone is more than 5 % of them.
    """

    title: str
    months: int
    options: Mapping[str, Any]
    most_requests: int
    bounded: bool = True


PIECES = 16
"""The timestamps of 4.3 million rows are 35 MB, which snappy makes smaller; pieces have 4 MB."""

SHAPES = (
    Shape("in one row group, which fits into the tail", 0, {}, 1, bounded=False),
    Shape("in one row group", ONE, {}, 2, bounded=False),
    Shape("in many tiny row groups", ONE, {"row_group_size": 500}, 8, bounded=False),
    Shape("in 7 row groups", HUNDRED, {"row_group_size": 16 * 43_200}, 2 + 7),
    Shape("in 66 row groups", HUNDRED, {"row_group_size": ROW_GROUP}, 2 + 66),
    Shape(
        "in one row group, fetched by pieces",
        HUNDRED,
        {"row_group_size": 2**30, "use_dictionary": False},
        2 + PIECES,
    ),
)
FAR = SHAPES[-2:]
"""What is measured with S3 as far away as it is from a function."""


def run(*, large: bool, repetitions: int = 3) -> Report:
    """Convert files of several shapes out of the embedded S3; there are no larger ones."""
    del large
    report = Report("fetch")
    with ServerProcess() as aws:
        aws.client("s3").create_bucket(Bucket=INBOX)
        for shape in SHAPES:
            with _stored(aws, shape) as stored:
                near = stored.case({DROPSCORE: "ranges", WHOLE: "whole"}, 0, repetitions)
                report.cases.append(near)
                report.goals += stored.goals(near)
                if shape in FAR:
                    far = stored.case(
                        {DROPSCORE: "ranges", "fetch alone": "fetch", "convert alone": "convert"},
                        AWAY_MS,
                        repetitions,
                    )
                    report.cases.append(far)
                    report.goals.append(_overlapped(far))
    report.notes += [
        "Needed are the timestamps' column chunks and the footer. Shards are written to disk.",
        f"Opening fetches the last {TAIL_BYTES // 1024} KiB, which mostly saves a request.",
        "Where little more is needed, or row groups are tiny, that is more than 5 %: no goal is set there.",
        f"'S3 away': each answer takes {AWAY_MS} ms longer, and a second for 90 MB.",
    ]
    return report


@dataclass(frozen=True)
class Stored:
    """A file of some shape in the inbox, and what has to be read of it."""

    shape: Shape
    endpoint: str
    folder: Path
    rows: int
    needed: int

    def case(self, ways: Mapping[str, str], away_ms: int, repetitions: int) -> Case:
        """Go some ways, with S3 so far away."""
        contenders = {
            name: Contender(
                OURS,
                "benchmarks.fetcher",
                (way, self.endpoint, str(self.folder), "month.parquet", ",".join(FEATURES), str(away_ms)),
            )
            for name, way in ways.items()
        }
        title = f"{self.shape.title}, S3 {away_ms} ms away" if away_ms else self.shape.title
        results = compare(contenders, repetitions)
        return Case(self.rows, {name: self._over_needed(result) for name, result in results.items()}, title)

    def goals(self, case: Case) -> list[Goal]:
        """What its bytes and requests shall be."""
        counted = case.results[DROPSCORE].counted
        requests = Goal(f"{case.says}: requests", counted["requests"], self.shape.most_requests)
        over = Goal(f"{case.says}: bytes over needed", counted["over_needed"], BYTES_OVER_NEEDED)
        return [requests, over] if self.shape.bounded else [requests]

    def _over_needed(self, result: Measured) -> Measured:
        over = round(result.counted["fetched"] / self.needed, 3)
        return replace(result, counted={**result.counted, "over_needed": over})


@contextmanager
def _stored(aws: ServerProcess, shape: Shape) -> Iterator[Stored]:
    table = month()
    rows = pa.concat_tables([table] * shape.months) if shape.months else table.slice(0, 500)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "month.parquet"
        pq.write_table(rows, file, **shape.options)
        aws.client("s3").upload_file(str(file), INBOX, file.name)
        yield Stored(shape, aws.endpoint_url, Path(folder), rows.num_rows, _needed(pq.read_metadata(file)))


def _needed(metadata: pq.FileMetaData) -> int:
    """Bytes of the timestamps' column chunks, and of the footer with what ends the file."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    place = metadata.schema.names.index(TIMESTAMP)
    chunks: int = sum(group.column(place).total_compressed_size for group in groups)
    return chunks + int(metadata.serialized_size) + 8


def _overlapped(case: Case) -> Goal:
    alone = [result.seconds for name, result in case.results.items() if name != DROPSCORE]
    return Goal(
        f"{case.says}: time over the longer one alone", case.results[DROPSCORE].seconds / max(alone), WAITING
    )
