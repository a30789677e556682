"""Transform jobs: what the API says of them."""

from __future__ import annotations

from local.sagemaker.authorization import require_tagging
from local.sagemaker.call import Call
from local.sagemaker.errors import ResourceInUseError, ValidationError
from local.sagemaker.faults import faults
from local.sagemaker.job_run import start
from local.sagemaker.listing import Order, list_page, within
from local.sagemaker.models import find_model
from local.sagemaker.store import Document, JobStatus, Store, TransformJob
from local.sagemaker.transform_request import require_consistent, require_input

_ORDER: Order[TransformJob] = Order(
    {
        "Name": lambda job: job.name,
        "CreationTime": lambda job: job.created,
        "Status": lambda job: job.status.value,
    },
    "CreationTime",
    "Descending",
)


def _create(call: Call) -> Document:
    wanted = call.parameters
    name, arn = wanted["TransformJobName"], call.arn("transform-job", wanted["TransformJobName"])
    if arn in call.store.jobs:
        raise ResourceInUseError(
            "Job name must be unique within an AWS account and region, and a job with this name already "
            f"exists ({arn})"
        )
    require_tagging(call, arn)
    model = find_model(call.store, wanted["ModelName"])
    require_consistent(wanted)
    require_input(wanted, model, call.store.region)
    resources = wanted["TransformResources"]
    instances, instance_type = resources["InstanceCount"], resources["InstanceType"]
    usage = f"{instance_type} for transform job usage"
    faults.require_quota(usage, _running_instances(call.store, instance_type), instances)
    job = TransformJob(name, arn, wanted, instances, instance_type)
    call.store.jobs[arn] = job
    call.store.tag(arn, wanted.get("Tags", []))
    start(call.store, job, model)
    return {"TransformJobArn": arn}


def _running_instances(store: Store, instance_type: str) -> int:
    return sum(
        job.instances
        for job in store.jobs.values()
        if job.instance_type == instance_type and not job.status.is_final
    )


def _find(call: Call) -> TransformJob:
    name = call.parameters["TransformJobName"]
    job = call.store.jobs.get(call.arn("transform-job", name))
    if job is None:
        raise ValidationError(f"Could not find requested job with name: {name}")
    return job


def _describe(call: Call) -> Document:
    job = _find(call)
    shown = {name: value for name, value in job.request.items() if name != "Tags"}
    return {**shown, **_state(job)}


def _state(job: TransformJob) -> Document:
    state: Document = {
        "TransformJobName": job.name,
        "TransformJobArn": job.arn,
        "TransformJobStatus": job.status.value,
        "CreationTime": job.created,
    }
    if job.failure_reason is not None:
        state["FailureReason"] = job.failure_reason
    if job.ended is not None:
        state["TransformEndTime"] = job.ended
    return state | ({"TransformStartTime": job.started} if job.started is not None else {})


def _summary(job: TransformJob) -> Document:
    summary = {name: value for name, value in _state(job).items() if name != "TransformStartTime"}
    return summary | {"LastModifiedTime": job.ended or job.created}


def _list(call: Call) -> Document:
    wanted = call.parameters
    jobs = [
        job
        for job in call.store.jobs.values()
        if wanted.get("NameContains", "") in job.name
        and wanted.get("StatusEquals", job.status.value) == job.status.value
        and within(wanted, "CreationTime", job.created)
        and within(wanted, "LastModifiedTime", job.ended or job.created)
    ]
    return list_page(jobs, wanted, _ORDER).response("TransformJobSummaries", _summary)


def _stop(call: Call) -> Document:
    job = _find(call)
    if job.status is not JobStatus.IN_PROGRESS:
        raise ValidationError(
            f"The request was rejected because the transform job is in status {job.status.value}."
        )
    job.stop()
    return {}


OPERATIONS = {
    "CreateTransformJob": _create,
    "DescribeTransformJob": _describe,
    "ListTransformJobs": _list,
    "StopTransformJob": _stop,
}
