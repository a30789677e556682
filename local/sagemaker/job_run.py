"""The life of a transform job: its instance is a process of its own, watched until the job has ended."""

from __future__ import annotations

import contextlib
import contextvars
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from local.sagemaker.authorization import assume
from local.sagemaker.events import announce
from local.sagemaker.faults import faults
from local.sagemaker.instance.task import Task
from local.sagemaker.store import Model, Store, TransformJob, TransformStatus
from local.settings import HOST

REPOSITORY = Path(__file__).resolve().parents[2]
STOP_SECONDS = 10.0
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
    job.status = TransformStatus.STOPPING
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
            job.status = TransformStatus.STOPPED
        else:
            job.status = TransformStatus.FAILED if reason else TransformStatus.COMPLETED
            job.failure_reason = reason
    announce(store, job)


def _transform(job: TransformJob, model: Model, region: str, stopped: threading.Event) -> str | None:
    """Run the job's instance; why it failed, or None."""
    with tempfile.TemporaryDirectory(prefix="transform-", ignore_cleanup_errors=True) as folder:
        task = _task(job, model, region, Path(folder))
        process = subprocess.Popen(
            [sys.executable, "-m", "local.sagemaker.instance"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env=_environment(),
            text=True,
        )
        watcher = threading.Thread(target=_end_when_stopped, args=(process, stopped), daemon=True)
        watcher.start()
        verdict, _ = process.communicate(task.to_json())
        watcher.join(STOP_SECONDS)
    return _reason(verdict, process.returncode)


def _end_when_stopped(process: subprocess.Popen[str], stopped: threading.Event) -> None:
    while process.poll() is None:
        if stopped.wait(0.1):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            process.kill()
            return


def _reason(verdict: str, code: int) -> str | None:
    if code == 0 and verdict:
        reason: str | None = json.loads(verdict)["reason"]
        return reason
    return INTERNAL_ERROR if code != -signal.SIGTERM else None


def _environment() -> dict[str, str]:
    """What an instance gets of our environment: nothing of AWS, and the repository to import from."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "TZ") if name in os.environ}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}


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
    )
