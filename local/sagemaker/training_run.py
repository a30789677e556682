"""The life of a training job: its instance is a process of its own, watched until the job has ended."""

from __future__ import annotations

import contextvars
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from local.sagemaker.authorization import access
from local.sagemaker.faults import faults
from local.sagemaker.instance_process import run_instance
from local.sagemaker.job_run import INTERNAL_ERROR
from local.sagemaker.store import JobStatus, Store, TrainingJob
from local.sagemaker.trainer.task import Channel, TrainingTask


def start(store: Store, job: TrainingJob) -> None:
    """Run the job in a thread that keeps the request's account and region."""
    stopped, run = threading.Event(), contextvars.copy_context().run
    job.stop = lambda: _request_stop(job, stopped)
    arguments = (_run, store, job, stopped)
    threading.Thread(target=run, args=arguments, name=f"training-{job.name}", daemon=True).start()


def _request_stop(job: TrainingJob, stopped: threading.Event) -> None:
    job.status = JobStatus.STOPPING
    job.step("Stopping")
    stopped.set()


def _run(store: Store, job: TrainingJob, stopped: threading.Event) -> None:
    verdict: dict[str, Any] | None = {"reason": None}
    if not stopped.wait(faults.settings.job_delay_seconds):
        job.started = time.time()
        job.step("Training")
        reason = faults.failure()
        verdict = {"reason": reason} if reason else _train(job, store.region, stopped)
    with store.lock:
        _end(job, verdict or {"reason": INTERNAL_ERROR}, is_stopped=stopped.is_set())


def _end(job: TrainingJob, verdict: dict[str, Any], *, is_stopped: bool) -> None:
    if is_stopped:
        job.status, last = JobStatus.STOPPED, "Stopped"
    elif verdict.get("is_overdue"):
        job.status, last = JobStatus.STOPPED, "MaxRuntimeExceeded"
    elif verdict["reason"]:
        job.status, last, job.failure_reason = JobStatus.FAILED, "Failed", verdict["reason"]
    else:
        job.status, last = JobStatus.COMPLETED, "Completed"
    job.artifact, job.metrics = verdict.get("artifact", ""), verdict.get("metrics", {})
    job.step(last)
    job.ended = time.time()


def _train(job: TrainingJob, region: str, stopped: threading.Event) -> dict[str, Any] | None:
    """Run the job's instance; its verdict, if it has come to one."""
    with tempfile.TemporaryDirectory(prefix="training-", ignore_cleanup_errors=True) as folder:
        message = _task(job, region, folder).to_json()
        verdict, _ = run_instance("local.sagemaker.trainer", message, Path(folder), stopped)
    return verdict


def _task(job: TrainingJob, region: str, folder: str) -> TrainingTask:
    wanted = job.request
    algorithm, role = wanted["AlgorithmSpecification"], access(wanted["RoleArn"], region)
    return TrainingTask(
        job=job.name,
        arn=job.arn,
        folder=folder,
        endpoint_url=role.endpoint_url,
        region=region,
        access_key_id=role.access_key_id,
        secret_access_key=role.secret_access_key,
        session_token=role.session_token,
        entrypoint=algorithm.get("ContainerEntrypoint", []),
        arguments=algorithm.get("ContainerArguments", []),
        hyperparameters=wanted.get("HyperParameters", {}),
        channels=[
            Channel(
                channel["ChannelName"],
                channel["DataSource"]["S3DataSource"]["S3DataType"],
                channel["DataSource"]["S3DataSource"]["S3Uri"],
                channel.get("ContentType", ""),
            )
            for channel in wanted.get("InputDataConfig", [])
        ],
        environment=wanted.get("Environment", {}),
        output_uri=wanted["OutputDataConfig"]["S3OutputPath"],
        instance_type=wanted["ResourceConfig"]["InstanceType"],
        metrics={one["Name"]: one["Regex"] for one in algorithm.get("MetricDefinitions", [])},
        max_seconds=wanted["StoppingCondition"]["MaxRuntimeInSeconds"],
    )
