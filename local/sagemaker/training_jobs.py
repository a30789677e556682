"""Training jobs: what the API says of them."""

from __future__ import annotations

from local.sagemaker.authorization import require_passable, require_tagging
from local.sagemaker.call import Call
from local.sagemaker.errors import ResourceInUseError, ValidationError
from local.sagemaker.faults import faults
from local.sagemaker.listing import Order, list_page, within
from local.sagemaker.store import Document, JobStatus, Store, TrainingJob
from local.sagemaker.training_run import start
from local.sagemaker.transform_request import require_objects

# "If you do not specify this parameter, the default is 1 day" (StoppingCondition, API reference).
DEFAULT_SECONDS = 86_400

_ORDER: Order[TrainingJob] = Order(
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
    name, arn = wanted["TrainingJobName"], call.arn("training-job", wanted["TrainingJobName"])
    if arn in call.store.training_jobs:
        raise ResourceInUseError(
            "Training job names must be unique within an AWS account and region, and a training job with "
            f"this name already exists ({arn})"
        )
    require_passable(call, wanted["RoleArn"])
    require_tagging(call, arn)
    _require_embedded(wanted)
    _require_limits(wanted)
    for channel in wanted.get("InputDataConfig", []):
        require_objects(channel["DataSource"]["S3DataSource"]["S3Uri"], wanted["RoleArn"], call.store.region)
    kind = wanted["ResourceConfig"]["InstanceType"]
    faults.require_quota(f"{kind} for training job usage", _running(call.store, kind), 1)
    job = TrainingJob(name, arn, {"StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_SECONDS}, **wanted})
    call.store.training_jobs[arn] = job
    call.store.tag(arn, wanted.get("Tags", []))
    start(call.store, job)
    return {"TrainingJobArn": arn}


def _require_embedded(wanted: Document) -> None:
    """Refuse what SageMaker has and the stand-in has not."""
    if not wanted.get("AlgorithmSpecification", {}).get("TrainingImage"):
        raise ValidationError("the embedded SageMaker trains with an image (TrainingImage), and no other way")
    resources = wanted.get("ResourceConfig", {})
    if resources.get("InstanceCount") != 1 or "InstanceType" not in resources:
        raise ValidationError("the embedded SageMaker trains on one instance (InstanceType, InstanceCount 1)")
    for channel in wanted.get("InputDataConfig", []):
        if "S3DataSource" not in channel["DataSource"] or channel.get("InputMode", "File") != "File":
            raise ValidationError("the embedded SageMaker has channels of S3 objects in File mode, no others")


def _require_limits(wanted: Document) -> None:
    """Refuse limits of time that exclude each other ("Managed Spot Training", developer guide)."""
    limits = wanted.get("StoppingCondition", {})
    longest, wait = limits.get("MaxRuntimeInSeconds", DEFAULT_SECONDS), limits.get("MaxWaitTimeInSeconds")
    if not wanted.get("EnableManagedSpotTraining"):
        if wait is not None:
            raise ValidationError(
                "Invalid MaxWaitTimeInSeconds. It can only be given with EnableManagedSpotTraining."
            )
    elif wait is None or wait < longest:
        raise ValidationError(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds"
        )


def _running(store: Store, instance_type: str) -> int:
    return sum(
        job.request["ResourceConfig"]["InstanceType"] == instance_type and not job.status.is_final
        for job in store.training_jobs.values()
    )


def _find(call: Call) -> TrainingJob:
    job = call.store.training_jobs.get(call.arn("training-job", call.parameters["TrainingJobName"]))
    if job is None:
        # aws/amazon-sagemaker-operator-for-k8s, controllers/controllertest/clientwrapper.go
        raise ValidationError("Requested resource not found.")
    return job


def _describe(call: Call) -> Document:
    job = _find(call)
    described = {name: value for name, value in job.request.items() if name != "Tags"}
    described |= _summary(job) | {
        "ModelArtifacts": {"S3ModelArtifacts": job.artifact},
        "SecondaryStatusTransitions": _transitions(job),
    }
    if job.failure_reason is not None:
        described["FailureReason"] = job.failure_reason
    if job.metrics:
        described["FinalMetricDataList"] = [
            {"MetricName": name, "Value": value, "Timestamp": job.ended}
            for name, value in job.metrics.items()
        ]
    if job.started is not None:
        described["TrainingStartTime"] = job.started
        if job.ended is not None:
            seconds = max(1, round(job.ended - job.started))
            described |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    return described


def _transitions(job: TrainingJob) -> list[Document]:
    """Each secondary status with its beginning, and its end where there is one."""
    ends = [since for _, since in job.steps[1:]] + [job.ended]
    return [
        {"Status": status, "StartTime": since, **({"EndTime": end} if end is not None else {})}
        for (status, since), end in zip(job.steps, ends, strict=True)
    ]


def _summary(job: TrainingJob) -> Document:
    summary = {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "TrainingJobStatus": job.status.value,
        "SecondaryStatus": job.steps[-1][0],
        "CreationTime": job.created,
        "LastModifiedTime": job.steps[-1][1],
    }
    return summary | ({"TrainingEndTime": job.ended} if job.ended is not None else {})


def _list(call: Call) -> Document:
    wanted = call.parameters
    jobs = [
        job
        for job in call.store.training_jobs.values()
        if wanted.get("NameContains", "") in job.name
        and wanted.get("StatusEquals", job.status.value) == job.status.value
        and within(wanted, "CreationTime", job.created)
        and within(wanted, "LastModifiedTime", job.steps[-1][1])
    ]
    return list_page(jobs, wanted, _ORDER).response("TrainingJobSummaries", _summary)


def _stop(call: Call) -> Document:
    job = _find(call)
    if job.status is not JobStatus.IN_PROGRESS:
        raise ValidationError(
            f"The request was rejected because the training job is in status {job.status.value}."
        )
    job.stop()
    return {}


OPERATIONS = {
    "CreateTrainingJob": _create,
    "DescribeTrainingJob": _describe,
    "ListTrainingJobs": _list,
    "StopTrainingJob": _stop,
}
