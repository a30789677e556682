"""A transform job from its first object to its verdict."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.instance.assembly import PLAIN, Assembly, in_style
from local.sagemaker.instance.column_path import ColumnPath
from local.sagemaker.instance.container_client import Container
from local.sagemaker.instance.errors import ClientFault, JobError
from local.sagemaker.instance.inputs import InputObject, input_objects, output_location
from local.sagemaker.instance.job_log import JobLog
from local.sagemaker.instance.model_folder import fetch_model
from local.sagemaker.instance.output_faults import OutputFaults
from local.sagemaker.instance.records import MEGABYTE, Readable, mini_batches
from local.sagemaker.instance.role_access import RoleAccess
from local.sagemaker.instance.task import Task

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

INSTANCE_ID = "i-0123456789abcdef0"
# MaxPayloadInMB 0 stands for no limit.
UNLIMITED_MB = 10_000


def transform(task: Task) -> str | None:
    """Do the task.

    Objects are done one after the other by one container, whatever InstanceCount and
    MaxConcurrentTransforms are: it changes nothing but the time taken. An object with a bad record has no
    output; the others still get theirs.

    Returns
    -------
    str | None
        Why the job failed, in SageMaker's words, or None when it is Completed.
    """
    folder = Path(task.folder)
    with Container(folder, task.environment, timeout=task.timeout_seconds, retries=task.retries) as container:
        role = RoleAccess(
            task.endpoint_url, task.region, task.access_key_id, task.secret_access_key, task.session_token
        )
        s3, log = role.client("s3"), JobLog(role.client("logs"), task.job, INSTANCE_ID)
        try:
            return _Transform(task, s3, container, log).run()
        except JobError as problem:
            log.add(task.job, str(problem))
            return problem.reason
        except (ClientError, BotoCoreError) as problem:
            log.add(task.job, str(problem))
            return f"ClientError: {problem}"
        finally:
            log.write(container.output())


class _Transform:
    """One job on one container."""

    def __init__(self, task: Task, s3: S3Client, container: Container, log: JobLog) -> None:
        self._task, self._s3, self._container, self._log = task, s3, container, log
        self._faults = OutputFaults(task.output_fault, task.output_fault_rows)
        self._assembly = Assembly(
            ColumnPath.parse(task.input_filter),
            ColumnPath.parse(task.output_filter),
            task.is_joined,
            task.assemble == "Line",
        )

    def run(self) -> str | None:
        if self._task.artifact:
            fetch_model(self._s3, self._task.artifact, Path(self._task.folder))
        self._container.load()
        reason = None
        for source in input_objects(self._s3, self._task.input_type, self._task.input_uri):
            try:
                self._transform(source)
            except JobError as problem:
                self._log.add("/".join(source.location), str(problem))
                reason = reason or problem.reason
        return reason

    def _transform(self, source: InputObject) -> None:
        """Transform one object; its output appears whole or not at all."""
        body = self._s3.get_object(Bucket=source.location.bucket, Key=source.location.key)["Body"]
        readable = cast("Readable", gzip.GzipFile(fileobj=body) if self._task.is_gzipped else body)
        with tempfile.TemporaryFile(dir=self._task.folder) as written:
            self._write(readable, written)
            self._faults.spoil(written)
            self._restyle(written)
            written.seek(0)
            if self._faults.keeps_object():
                target = output_location(self._task.output_uri, source)
                self._s3.upload_fileobj(written, target.bucket, target.key)

    def _restyle(self, written: IO[bytes]) -> None:
        """Write the output in the style asked for; it is held in memory for that."""
        if self._task.csv_style != PLAIN:
            written.seek(0)
            styled = in_style(written.read(), self._task.csv_style)
            written.seek(0)
            written.truncate()
            written.write(styled)

    def _write(self, readable: Readable, written: IO[bytes]) -> None:
        limit = (self._task.max_payload_mb or UNLIMITED_MB) * MEGABYTE
        try:
            for batch in mini_batches(
                readable, split=self._task.split, strategy=self._task.strategy, limit=limit
            ):
                request = in_style(self._assembly.request(batch), self._task.csv_style)
                answer = self._container.invoke(request, self._task.content_type, self._task.accept)
                written.write(self._assembly.output(batch, answer))
        except (gzip.BadGzipFile, EOFError) as problem:
            raise ClientFault(f"Failed to decompress: {problem}") from problem
