"""One drop of 43 million rows through the embedded stack: shards, instances, time, memory of functions."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.inputs import HUNDRED, THOUSAND, write_months
from benchmarks.measure import DROPSCORE, BenchmarkFailed, Measured
from benchmarks.report import Case, Goal, Report
from benchmarks.watched import FUNCTION, READER, Watched
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.source import Source
from local.demo.drops import wait_until_final
from local.demo.model import install_sample_model
from local.stack import BUILT_TEMPLATE, LocalStack

LIMIT_SECONDS = 1_200.0
MOST_GROWTH = 1.5
"""Goal: the functions' memory over ten times as many rows."""

PARAMETERS = {"JobWindowSeconds": "0", "MaxInstances": "8"}


def run(*, large: bool, template_file: Path = BUILT_TEMPLATE) -> Report:
    """Put a drop of 4.3 million rows in, and then, if it shall be `large`, one of ten times as many."""
    report = Report("drops")
    peaks = []
    with (
        LocalStack(PARAMETERS, template_file=template_file) as stack,
        tempfile.TemporaryDirectory(prefix="dropscore-drops-") as folder,
    ):
        install_sample_model(stack)
        for months in (HUNDRED, THOUSAND) if large else (HUNDRED,):
            file = Path(folder) / f"{months}.parquet"
            rows = write_months(file, months)
            measured = _scored(stack, file, rows)
            peaks.append(measured.peak_rss_mib)
            report.cases.append(Case(rows, {DROPSCORE: measured}))
    if large:
        says = f"memory of the functions for {THOUSAND} months, of that for {HUNDRED}"
        report.goals.append(Goal(says, peaks[1] / peaks[0], MOST_GROWTH))
    report.notes.append(
        "peak memory: of one invocation, the function and the process that reads files; the embedded AWS and "
        "its one instance, whatever the job asks for, work on the same cores"
    )
    return report


def _scored(stack: LocalStack, file: Path, rows: int) -> Measured:
    """Put a file in, wait until it is scored, look at its result."""
    with Watched(stack) as watched:
        begun = time.perf_counter()
        drop = _put(stack, file)
        seconds = time.perf_counter() - begun
    if drop.state is not DropState.SCORED:
        raise BenchmarkFailed(f"the drop of {rows:,} rows ends {drop.state}: {drop.reason}")
    _check(stack, drop, rows, file.with_suffix(".result"))
    job = stack.client("sagemaker").describe_transform_job(TransformJobName=drop.job)
    counted = {
        "shards": drop.shards,
        "feature MiB": round(drop.feature_bytes / 2**20),
        "instances": job["TransformResources"]["InstanceCount"],
        **_steps(drop, job),
        "function MiB": round(watched.peak_mib(FUNCTION)),
        "reader MiB": round(watched.peak_mib(READER)),
    }
    peak = watched.peak_mib(FUNCTION) + watched.peak_mib(READER)
    return Measured(seconds, watched.cpu_seconds, peak, counted)


def _put(stack: LocalStack, file: Path) -> Drop:
    s3, inbox = stack.client("s3"), stack.outputs["InboxBucketName"]
    key = f"data/snmpcpu/company_id=1/sensor_id=1/{file.name}"
    with file.open("rb") as body:
        source = Source(inbox, key, s3.put_object(Bucket=inbox, Key=key, Body=body)["VersionId"])
    return wait_until_final(stack, [source], LIMIT_SECONDS, lambda _: None)[0]


def _steps(drop: Drop, job: dict[str, Any]) -> dict[str, int]:
    """Seconds of each step, as the ledger and SageMaker tell."""
    at = {step.state: step.at for step in drop.history}
    ended = job["TransformEndTime"]
    return {
        "prepare s": round((at[DropState.PREPARED] - at[DropState.PREPARING]).total_seconds()),
        "job s": round((ended - job["TransformStartTime"]).total_seconds()),
        "collect s": round((at[DropState.SCORED] - ended).total_seconds()),
    }


def _check(stack: LocalStack, drop: Drop, rows: int, file: Path) -> None:
    """Each row is there once, in order."""
    bucket, key = str(drop.result_uri).removeprefix("s3://").split("/", 1)
    stack.client("s3").download_file(bucket, key, str(file))
    result = pq.ParquetFile(file)
    first = 0
    for batch in result.iter_batches(columns=["row"]):
        expected = pa.array(range(first, first + len(batch)), pa.int64())
        if not batch.column(0).equals(expected):
            raise BenchmarkFailed(f"the result of {rows:,} rows has not each row once, near row {first}")
        first += len(batch)
    if first != rows:
        raise BenchmarkFailed(f"the result has {first:,} rows of {rows:,}")
    file.unlink()
