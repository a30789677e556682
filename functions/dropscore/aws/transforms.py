"""SageMaker batch transform: models and transform jobs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dropscore.aws.clients import AwsError, error_code, error_message, passes_by_itself
from dropscore.domain.errors import DropscoreError, ServiceBusy
from dropscore.domain.job import Outcome
from dropscore.domain.model import SERVING_ENVIRONMENT

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

_LOCAL_NVME = re.compile(r"ml\.([a-z]+\d+[a-z]*d(n|e)?|g5|g6e?|p5\w*|trn\d\w*)\.")
"""Instance types with local NVMe drives, encrypted by hardware: SageMaker refuses `VolumeKmsKeyId` for
them (TransformResources, API reference; "Instance store volumes", EC2 user guide)."""


class CannotStart(DropscoreError):
    """SageMaker refuses the job for a reason that does not pass by itself: the operator can act."""


class QuotaTooLow(CannotStart):
    """The account's quota of instances is less than one job needs: it does not pass by itself."""


class ModelMissing(CannotStart):
    """SageMaker has no model of that name (any more)."""


@dataclass(frozen=True)
class TransformSettings:
    """What every job of the stack has in common."""

    role_arn: str
    instance_type: str
    max_payload_mb: int
    max_concurrent: int
    kms_key_arn: str | None


@dataclass(frozen=True)
class TransformStatus:
    """How a transform job stands; `outcome` is None while it is under way."""

    outcome: Outcome | None
    failure_reason: str | None
    created_at: datetime


class Transforms:
    """Creates, describes and stops what SageMaker runs for us."""

    def __init__(self, client: SageMakerClient, settings: TransformSettings) -> None:
        self._client = client
        self._settings = settings

    def create_model(self, name: str, package_arn: str) -> None:
        """Make a model of a package; one that is there already is as good.

        Raises
        ------
        ServiceBusy, CannotStart
            See there.
        """
        try:
            self._client.create_model(
                ModelName=name,
                Containers=[{"ModelPackageName": package_arn}],
                ExecutionRoleArn=self._settings.role_arn,
            )
        except AwsError as error:
            if "already existing model" not in error_message(error):
                raise _refusal(error) from error

    def create_job(
        self, name: str, model_name: str, manifest_uri: str, output_uri: str, instances: int
    ) -> None:
        """Start a transform job on so many instances; one that was started already is as good.

        The job drops the row number before the model, joins it back, and puts out `row,prediction`. It brings
        the serving environment along: packages that were registered by earlier versions have not got it.

        Raises
        ------
        ServiceBusy, ModelMissing, CannotStart
            See there.
        """
        settings = self._settings
        output: dict[str, Any] = {"S3OutputPath": output_uri, "Accept": "text/csv", "AssembleWith": "Line"}
        resources: dict[str, Any] = {
            "InstanceType": settings.instance_type,
            "InstanceCount": instances,
        }
        if settings.kms_key_arn:
            output["KmsKeyId"] = settings.kms_key_arn
            if not _LOCAL_NVME.match(settings.instance_type):
                resources["VolumeKmsKeyId"] = settings.kms_key_arn
        source = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": manifest_uri}}
        try:
            self._client.create_transform_job(
                TransformJobName=name,
                ModelName=model_name,
                MaxConcurrentTransforms=settings.max_concurrent,
                MaxPayloadInMB=settings.max_payload_mb,
                BatchStrategy="MultiRecord",
                Environment=dict(SERVING_ENVIRONMENT),
                TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},  # type: ignore[typeddict-item]  # a literal
                TransformOutput=output,  # type: ignore[arg-type]  # built in two steps
                TransformResources=resources,  # type: ignore[arg-type]  # built in two steps
                DataProcessing={"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
            )
        except AwsError as error:
            if error_code(error) != "ResourceInUse":
                raise _refusal(error, instances) from error

    def describe(self, name: str) -> TransformStatus | None:
        """How the job stands, or None when SageMaker has no such job."""
        try:
            answer = self._client.describe_transform_job(TransformJobName=name)
        except AwsError as error:
            if error_code(error) in ("ValidationException", "ResourceNotFound"):
                return None
            raise
        status = answer["TransformJobStatus"]
        outcome = Outcome(status) if status in set(Outcome) else None
        return TransformStatus(outcome, answer.get("FailureReason"), answer["CreationTime"])

    def stop(self, name: str) -> None:
        """Have a job stop; one that has ended meanwhile is as good."""
        try:
            self._client.stop_transform_job(TransformJobName=name)
        except AwsError as error:
            if error_code(error) not in ("ValidationException", "ResourceNotFound"):
                raise


REQUEST_QUOTA = "request an increase in the console: Service Quotas, Amazon SageMaker"

_QUOTA = re.compile(r"limit '(?P<name>[^']+)' is (?P<value>\d+) Instance")
"""In the message of ResourceLimitExceeded: the quota's name and its value."""


def _refusal(error: Exception, instances: int = 0) -> DropscoreError:
    """SageMaker's refusal as who can act on it; a quota that has room for no job is the operator's."""
    message = f"SageMaker: {error_code(error)}: {error_message(error)}"
    quota = _QUOTA.search(message) if error_code(error) == "ResourceLimitExceeded" else None
    if quota and int(quota["value"]) < instances:
        return QuotaTooLow(
            f"the quota {quota['name']!r} is {quota['value']}, a job needs {instances}: {REQUEST_QUOTA}, or "
            "deploy with another InstanceType"
        )
    if passes_by_itself(error):
        return ServiceBusy(message)
    if "Could not find model" in message:
        return ModelMissing(message)
    return CannotStart(message)
