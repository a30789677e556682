"""The life of a transform job: its instance is a process of its own, watched until the job has ended."""

from __future__ import annotations

import contextvars
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

from local.sagemaker.authorization import assume
from local.sagemaker.events import announce
from local.sagemaker.faults import faults
from local.sagemaker.instance.task import Task
from local.sagemaker.instance_process import run_instance
from local.sagemaker.store import JobStatus, Model, Store, TransformJob
from local.settings import HOST

INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."


def start(store: Store, job: TransformJob, model: Model) -> None:
    """Announce the job and run it in a thread that keeps the request's account and region."""
    announce(store, job)
    stopped = threading.Event()
    context = contextvars.copy_context()
    job.stop = lambda: _request_stop(store, job, stopped)
    arguments = (store, job, model, stopped)
    threading.Thread(target=context.run, args=(_run, *arguments), name=f"job-{job.name}", daemon=True).start()


def _request_stop(store: Store, job: TransformJob, stopped: threading.Event) -> None:
    job.status = JobStatus.STOPPING
    announce(store, job)
    stopped.set()


def _run(store: Store, job: TransformJob, model: Model, stopped: threading.Event) -> None:
    settings = faults.settings
    reason = None
    if not stopped.wait(settings.job_delay_seconds):
        job.started = time.time()
        reason = faults.failure() or _transform(job, model, store.region, stopped)
    with store.lock:
        job.ended = time.time()
        if stopped.is_set():
            job.status = JobStatus.STOPPED
        else:
            job.status = JobStatus.FAILED if reason else JobStatus.COMPLETED
            job.failure_reason = reason
    announce(store, job)


def _transform(job: TransformJob, model: Model, region: str, stopped: threading.Event) -> str | None:
    """Run the job's instance; why it failed, or None."""
    with tempfile.TemporaryDirectory(prefix="transform-", ignore_cleanup_errors=True) as folder:
        task = _task(job, model, region, Path(folder))
        verdict, code = run_instance("local.sagemaker.instance", task.to_json(), Path(folder), stopped)
    if verdict is not None:
        reason: str | None = verdict["reason"]
        return reason
    return INTERNAL_ERROR if code != -signal.SIGTERM else None


def _task(job: TransformJob, model: Model, region: str, folder: Path) -> Task:
    output_fault, rows = faults.output_fault()
    credentials = assume(model.role_arn, "SageMaker")
    wanted = job.request
    source, output = wanted["TransformInput"], wanted["TransformOutput"]
    processing, client = wanted.get("DataProcessing", {}), wanted.get("ModelClientConfig", {})
    return Task(
        job=job.name,
        folder=str(folder),
        endpoint_url=f"http://{HOST}:{os.environ['GATEWAY_PORT']}",
        region=region,
        access_key_id=credentials.access_key_id,
        secret_access_key=credentials.secret_access_key,
        session_token=credentials.session_token,
        artifact=model.container.artifact,
        environment={**model.container.environment, **wanted.get("Environment", {})},
        input_type=source["DataSource"]["S3DataSource"]["S3DataType"],
        input_uri=source["DataSource"]["S3DataSource"]["S3Uri"],
        content_type=source.get("ContentType", ""),
        is_gzipped=source.get("CompressionType", "None") == "Gzip",
        split=source.get("SplitType", "None"),
        strategy=wanted.get("BatchStrategy", "MultiRecord"),
        max_payload_mb=wanted.get("MaxPayloadInMB", 6),
        output_uri=output["S3OutputPath"],
        accept=output.get("Accept", "*/*"),
        assemble=output.get("AssembleWith", "None"),
        input_filter=processing.get("InputFilter", "$"),
        output_filter=processing.get("OutputFilter", "$"),
        is_joined=processing.get("JoinSource", "None") == "Input",
        timeout_seconds=client.get("InvocationsTimeoutInSeconds", 600),
        retries=client.get("InvocationsMaxRetries", 3),
        output_fault=output_fault.value,
        output_fault_rows=rows,
        csv_style=faults.settings.csv_style.value,
    )
