"""A drop whose job has ended, as collect finds it: its context and its outputs, in buckets on disk."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.disk import DiskS3
from dropscore.aws.objects import Bucket, Inbox
from dropscore.domain.drop import Drop, DropState, ModelVersion
from dropscore.domain.job import Job, JobState, Member
from dropscore.domain.keys import (
    FEATURES_PREFIX,
    OUTPUT_SUFFIX,
    context_key,
    manifest_entry,
    outputs_prefix,
    result_key,
)
from dropscore.domain.shards import SHARD_BYTES
from dropscore.domain.source import Source
from dropscore.files.results import Results
from dropscore.files.work import FileWork
from dropscore.settings import Limits

INBOX, WORK, RESULTS = "inbox", "work", "results"
HIVE_KEY, HIVE_VALUE = "company_id", "1"
MODEL = ModelVersion(
    "dropscore",
    1,
    "arn:aws:sagemaker:us-east-1:123456789012:model-package/dropscore/1",
    "s3://models/dropscore/1/feature_spec.json",
    "0" * 64,
)
SOURCE = Source(INBOX, f"data/{HIVE_KEY}={HIVE_VALUE}/month.parquet", "v1")
LIMITS = Limits(2**40, 2**40, 0.0, SHARD_BYTES)
DAY = datetime(2026, 3, 4, tzinfo=UTC)


@dataclass(frozen=True)
class EndedJob:
    """One drop and its job; the objects lie below `folder`, a folder a bucket.

    Attributes
    ----------
    folder
        Of the buckets.
    rows, shards
        How many the drop has.
    shuffled
        Whether the lines of each output are in any order, and the outputs listed in any order.
    """

    folder: Path
    rows: int
    shards: int
    shuffled: bool

    @property
    def drop(self) -> Drop:
        """The drop, SCORING."""
        return Drop(
            SOURCE.drop_id,
            DropState.SCORING,
            SOURCE,
            DAY,
            attempt=1,
            model=MODEL,
            job=self._job_name,
            rows_in=self.rows,
            rows_accepted=self.rows,
            shards=self.shards,
        )

    @property
    def job(self) -> Job:
        """The job, of this drop alone, that has ended."""
        members = (Member(SOURCE.drop_id, 1, 1),)
        return Job(self._job_name, JobState.STARTED, MODEL, members, DAY, scored_date=DAY.date().isoformat())

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs below the job's prefix, as they are listed."""
        names = [self._entry(number) + OUTPUT_SUFFIX for number in range(self.shards)]
        return random.Random(0).sample(names, len(names)) if self.shuffled else names  # noqa: S311

    @property
    def output_files(self) -> list[Path]:
        """Where the outputs lie, in the order in which they are listed."""
        return [self.folder / WORK / outputs_prefix(self._job_name) / name for name in self.outputs]

    @property
    def shard_files(self) -> list[Path]:
        """Where the shards lie, in row order."""
        return [self.folder / WORK / FEATURES_PREFIX / self._entry(number) for number in range(self.shards)]

    @property
    def context_file(self) -> Path:
        """Where the drop's context lies."""
        return self.folder / WORK / context_key(SOURCE.drop_id, 1)

    @property
    def result_file(self) -> Path:
        """Where the result of our own will lie."""
        return self.folder / RESULTS / result_key(MODEL, str(self.job.scored_date), SOURCE.drop_id)

    @property
    def _job_name(self) -> str:
        return "dropscore-shuffled" if self.shuffled else "dropscore-ordered"

    def _entry(self, number: int) -> str:
        return manifest_entry(SOURCE.drop_id, 1, number)


def file_work(s3: DiskS3) -> FileWork:
    """The real work with files, over buckets on disk."""
    results = Results(Bucket(s3, RESULTS))  # type: ignore[arg-type]
    return FileWork(Inbox(s3, INBOX), Bucket(s3, WORK), results, LIMITS, "benchmark")  # type: ignore[arg-type]
