"""A stack for the sample events: what they name is there, and some of it nobody has been told of."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from dropscore.aws.ledger import Drops, OpenWork, Table
from dropscore.aws.ledger.items import job_pk
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.source import Source
from local.demo.sensor_month import SensorMonth, sensor_month
from local.errors import LocalError
from local.sagemaker.instance.errors import AlgorithmFault
from local.samples.names import BAD, BATCH, ENDED, FAILED, QUEUED, READ, UNTOLD, Names
from local.waiting import wait_until
from training.endpoint.parts import Size
from training.endpoint.realtime import Patience, RealtimeEndpoint

if TYPE_CHECKING:
    from local.stack import LocalStack

START = date(2026, 3, 1)
DAYS = 2
ROWS_WITHOUT_TIME = (7, 8, 9)
LIMIT_SECONDS = 120.0


class SamplesError(LocalError):
    """The samples did not become what the events need; the message names the one and how it stands."""


def fill(stack: LocalStack) -> Names:
    """Put the samples into a stack that has an approved model and no drops yet.

    The objects of `UNTOLD` come to the inbox while it notifies nobody. The drops of `ENDED` and `FAILED` are
    prepared and their jobs run, but the ends of these jobs are told to nobody, and the sweep does not see
    them: they are taken out of the index of what is open. So it is the sample event that sets them going,
    however late it comes.

    Parameters
    ----------
    stack
        Up; nobody else drops files into it meanwhile.

    Returns
    -------
    Names
        What came of it.

    Raises
    ------
    SamplesError
        Something did not become what it should; the stack's log may say why.
    """
    filling = _Filling(stack)
    with ThreadPoolExecutor(1) as aside, _silent(stack), _jobs_at_once(stack):
        serving = aside.submit(serve_endpoint, stack)
        versions = {key: filling.put(key) for key in (*UNTOLD, ENDED, FAILED, READ)}
        failed = filling.run_untold(
            FAILED, versions[FAILED], fail_jobs=1, failure_reason=AlgorithmFault.reason
        )
        ended = filling.run_untold(ENDED, versions[ENDED])
        drop = filling.prepare(READ, versions[READ])
    serving.result()
    filling.await_scored(drop)
    asked = tuple(versions[key] for key in (QUEUED, *BATCH, BAD))
    return Names(filling.inbox, asked, drop.drop_id, str(drop.job), ended, failed)


def serve_endpoint(stack: LocalStack) -> None:
    """Have the stack's endpoint, if it has one, serve the approved version (`training endpoint up`)."""
    outputs = stack.outputs
    if "EndpointName" not in outputs:
        return
    endpoint = RealtimeEndpoint(
        stack.client("sagemaker"),
        stack.client("s3"),
        outputs["EndpointName"],
        outputs["ModelPackageGroupName"],
        Patience(LIMIT_SECONDS, 0.1),
    )
    models, role = outputs["ModelsBucketName"], outputs["EndpointRoleArn"]
    endpoint.up(models, role, Size(), lambda _status, _seconds: None)


class _Filling:
    """What fills a stack, step by step."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._table = Table(stack.client("dynamodb"), stack.outputs["LedgerTableName"])
        self._drops = Drops(self._table, OpenWork(self._table))
        self.inbox = stack.outputs["InboxBucketName"]

    def put(self, key: str) -> str:
        """Put the object under a key; its version."""
        answer = self._stack.client("s3").put_object(Bucket=self.inbox, Key=key, Body=body_of(key))
        return str(answer["VersionId"])

    def prepare(self, key: str, version: str) -> Drop:
        """Have the object prepared and its job started; the drop as it is then."""
        item = {"key": quote(key), "versionId": version}
        record = {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": self.inbox}, "object": item},
        }
        answer = self._stack.client("lambda").invoke(
            FunctionName=self._stack.function("PrepareFunction"),
            Payload=json.dumps({"Records": [record]}).encode(),
        )
        drop = self._drops.get(Source(self.inbox, key, version).drop_id)
        if drop is None or drop.job is None:
            raise SamplesError(f"{key} did not get a job: {answer['Payload'].read().decode()}")
        return drop

    def run_untold(self, key: str, version: str, **faults: int | str) -> str:
        """Have the object prepared and its job run, but the job's end told to nobody; the job's name."""
        self._stack.change_faults(drop_events=1, **faults)
        job = str(self.prepare(key, version).job)
        self._table.change(job_pk(job), {"work": None, "due": None}, condition=None)
        sagemaker = self._stack.client("sagemaker")

        def ended() -> bool:
            status = sagemaker.describe_transform_job(TransformJobName=job)["TransformJobStatus"]
            return status in {"Completed", "Failed"}

        self._wait(ended, f"the job {job} has not ended")
        self._stack.reset_faults()
        return job

    def await_scored(self, drop: Drop) -> None:
        """Wait until the drop is scored."""

        def scored() -> bool:
            now = self._drops.get(drop.drop_id)
            return now is not None and now.state is DropState.SCORED

        self._wait(scored, f"{drop.source.key} is not scored")

    def _wait(self, condition: Callable[[], bool], otherwise: str) -> None:
        if not wait_until(condition, LIMIT_SECONDS):
            raise SamplesError(f"{otherwise} after {LIMIT_SECONDS:.0f} s\n{self._stack.log_tail()}")


def body_of(key: str) -> bytes:
    """The object under one of the keys: two days of a sensor, of its own for each key."""
    if key == BAD:
        return b"This is not Parquet."
    readings = sensor_month(SensorMonth(START, DAYS, seed=sum(key.encode())))
    if key == READ:
        readings = _without_time(readings)
    sink = io.BytesIO()
    pq.write_table(readings, sink)
    return sink.getvalue()


def _without_time(readings: pa.Table) -> pa.Table:
    """The readings, some of them without a timestamp: rows that cannot be scored."""
    times = readings["ts"].to_pylist()
    for row in ROWS_WITHOUT_TIME:
        times[row] = None
    return readings.set_column(0, "ts", pa.array(times, pa.timestamp("ms")))


@contextmanager
def _silent(stack: LocalStack) -> Iterator[None]:
    """The inbox notifies nobody while the block runs."""
    s3, inbox = stack.client("s3"), stack.outputs["InboxBucketName"]
    told = s3.get_bucket_notification_configuration(Bucket=inbox)
    told.pop("ResponseMetadata")
    s3.put_bucket_notification_configuration(Bucket=inbox, NotificationConfiguration={})
    try:
        yield
    finally:
        s3.put_bucket_notification_configuration(Bucket=inbox, NotificationConfiguration=told)


@contextmanager
def _jobs_at_once(stack: LocalStack) -> Iterator[None]:
    """A drop gets its job when it is prepared, alone, while the block runs."""
    functions, name = stack.client("lambda"), stack.function("PrepareFunction")
    environment: Mapping[str, str] = functions.get_function_configuration(FunctionName=name)["Environment"][
        "Variables"
    ]

    def change(variables: Mapping[str, str]) -> None:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    change({**environment, "JOB_WINDOW_SECONDS": "0"})
    try:
        yield
    finally:
        change(environment)
