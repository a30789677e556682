"""A thousand small drops through the embedded stack: requests, jobs, memory, drops per second."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.inputs import month
from benchmarks.measure import DROPSCORE, BenchmarkFailed, Measured
from benchmarks.report import Case, Goal, Report
from benchmarks.watched import FUNCTION, FUNCTIONS, READER, Request, Watched
from dropscore.aws.ledger import Drops, Jobs, OpenWork, Table
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.source import Source
from local.demo.drops import wait_until_final
from local.demo.model import install_sample_model
from local.stack import BUILT_TEMPLATE, LocalStack

DROPS = 1_000
ROWS = 1_440
"""Of a drop: a day of one sensor, a reading a minute."""

WINDOW_SECONDS = 10
"""`JobWindowSeconds`: shorter than the template's, for the sake of who waits for the benchmark."""

LIMIT_SECONDS = 300.0
SETTLE_SECONDS = 60.0
AT_ONCE = 4

MOST_REQUESTS = {"s3": 8.0, "dynamodb": 6.0}
"""Goals: requests of the functions a drop, by service."""

SERVICES = {
    "s3": "S3",
    "dynamodb": "DynamoDB",
    "sqs": "SQS",
    "sagemaker": "SageMaker",
    "events": "EventBridge",
}


def run(*, large: bool, template_file: Path = BUILT_TEMPLATE) -> Report:  # noqa: ARG001 - it has one size
    """Put them in, wait until all are scored, look at every result."""
    days = _days()
    parameters = {"JobWindowSeconds": str(WINDOW_SECONDS)}
    with LocalStack(parameters, template_file=template_file) as stack:
        install_sample_model(stack)
        _score(stack, days[:1], "warm")
        with Watched(stack) as watched:
            begun = time.perf_counter()
            drops = _score(stack, [days[number % len(days)] for number in range(DROPS)], "day")
            seconds = time.perf_counter() - begun
            _settle(stack, drops)
        _check(stack, drops)
        return _report(drops, watched, seconds)


def _days() -> list[bytes]:
    """The days of a month, a file each."""
    table = month()
    return [_file(table.slice(first, ROWS)) for first in range(0, table.num_rows - ROWS + 1, ROWS)]


def _file(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="snappy")
    return sink.getvalue()


def _score(stack: LocalStack, files: Sequence[bytes], folder: str) -> list[Drop]:
    """Put files into the inbox, and wait until all are in a final state."""
    s3, inbox = stack.client("s3"), stack.outputs["InboxBucketName"]

    def put(number: int) -> Source:
        key = f"data/snmpcpu/company_id=1/sensor_id={number}/{folder}.parquet"
        return Source(inbox, key, s3.put_object(Bucket=inbox, Key=key, Body=files[number])["VersionId"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        sources = list(pool.map(put, range(len(files))))
    return wait_until_final(stack, sources, LIMIT_SECONDS, lambda _: None)


def _settle(stack: LocalStack, drops: Sequence[Drop]) -> None:
    """Wait until what follows the last result is done, too: it is announced, and its job closed."""
    table = Table(stack.client("dynamodb"), stack.outputs["LedgerTableName"])
    ledger = Drops(table, OpenWork(table))
    jobs = Jobs(table, OpenWork(table), ledger)
    until = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < until:
        closed = all(job and job.final for job in map(jobs.get, _jobs(drops)))
        if closed and all(drop.announced for drop in ledger.get_all([drop.drop_id for drop in drops])):
            return
        time.sleep(1)
    raise BenchmarkFailed(f"the jobs are not closed within {SETTLE_SECONDS:.0f} s")


def _jobs(drops: Sequence[Drop]) -> set[str]:
    return {str(drop.job) for drop in drops}


def _check(stack: LocalStack, drops: Sequence[Drop]) -> None:
    """Every drop is scored, each of its rows once."""
    states = Counter(drop.state for drop in drops)
    if set(states) != {DropState.SCORED}:
        reasons = {drop.reason for drop in drops if drop.reason}
        raise BenchmarkFailed(f"not all drops are scored: {dict(states)}, {reasons}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = sum(pool.map(partial(_is_wrong, stack), drops))
    if wrong:
        raise BenchmarkFailed(f"{wrong} results have not each row once")


def _is_wrong(stack: LocalStack, drop: Drop) -> bool:
    bucket, key = str(drop.result_uri).removeprefix("s3://").split("/", 1)
    body = stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    result = pq.read_table(io.BytesIO(body), columns=["drop_id", "row"])
    whose = set(result["drop_id"].to_pylist())
    return whose != {drop.drop_id} or result["row"].to_pylist() != list(range(ROWS))


def _report(drops: Sequence[Drop], watched: Watched, seconds: float) -> Report:
    number = len(drops)
    asked = {service: _count(watched.requests, service) / number for service in SERVICES}
    counted = {
        "drops a second": round(number / seconds, 1),
        "jobs": len(_jobs(drops)),
        **{f"{SERVICES[service]} a drop": round(count, 2) for service, count in asked.items()},
    }
    reader, function = watched.peak_mib(READER), watched.peak_mib(FUNCTION)
    measured = Measured(seconds, watched.cpu_seconds, reader + function, counted)
    report = Report("flow", [Case(number * ROWS, {DROPSCORE: measured}, f"in {number:,} drops")])
    report.goals += [
        Goal(f"{SERVICES[service]} requests a drop", asked[service], most)
        for service, most in MOST_REQUESTS.items()
    ]
    report.goals.append(Goal("transform jobs for 100 drops", 100 * len(_jobs(drops)) / number, 1))
    report.notes += [
        f"peak memory: {function:.0f} MiB of the function, {reader:.0f} MiB of the process that reads files",
        *_by_caller(watched.requests, number),
        f"seconds: with JobWindowSeconds={WINDOW_SECONDS}, and the embedded AWS on the same cores",
    ]
    return report


def _count(requests: Counter[Request], service: str) -> int:
    """How many the functions sent to a service."""
    return sum(
        count for asked, count in requests.items() if asked.service == service and asked.caller in FUNCTIONS
    )


def _by_caller(requests: Counter[Request], drops: int) -> list[str]:
    """A line for each caller: its requests a drop, by service and operation."""
    lines = []
    for caller in dict.fromkeys(asked.caller for asked in sorted(requests)):
        told = [
            f"{SERVICES.get(asked.service, asked.service)} {asked.operation} {count / drops:.3g}"
            for asked, count in sorted(requests.items())
            if asked.caller == caller
        ]
        lines.append(f"{caller}, requests a drop: {', '.join(told)}")
    return lines
