"""The real-time endpoint: a serverless one for the approved version, updated blue/green, with boto3."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from dropscore.aws.objects import Bucket
from dropscore.aws.registry import Registry
from dropscore.domain.serving import Serving
from training.aws import Report
from training.endpoint.parts import MADE_FOR, Parts, Plan, Size
from training.errors import TrainingError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef

IN_PROGRESS = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


@dataclass(frozen=True)
class Patience:
    """How long a change is waited for, and how often it is looked at, in seconds."""

    limit: float = 900.0
    poll: float = 5.0


@dataclass(frozen=True)
class State:
    """How an endpoint is.

    Attributes
    ----------
    status
        SageMaker's; None where there is no such endpoint.
    version
        The model version that serves; None where none does.
    config
        Name of the endpoint configuration in force.
    failure_reason
        Of the last change, where it failed.
    since
        When it last changed.
    """

    status: str | None
    version: int | None = None
    config: str | None = None
    failure_reason: str | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class RealtimeEndpoint:
    """One endpoint, and what is made for it.

    Attributes
    ----------
    sagemaker, s3
        boto3 clients.
    name
        Of the endpoint.
    group
        The model package group whose approved version it serves.
    patience
        For changes, which take SageMaker minutes.
    """

    sagemaker: "SageMakerClient"
    s3: "S3Client"
    name: str
    group: str
    patience: Patience = Patience()

    def up(self, bucket: str, role: str, size: Size, report: Report) -> State:
        """Have the endpoint serve the newest approved version; nothing is done where it does.

        An endpoint that serves goes on until the new version is healthy, and stays as it was when it is not.

        Parameters
        ----------
        bucket
            ModelsBucket.
        role
            ARN of the role that the endpoint reads the model with.

        Raises
        ------
        dropscore.domain.errors.ModelUnusable
            No version is approved, or the newest cannot serve; nothing was changed.
        TrainingError
            The version did not come into service, or not in time; the message says what serves.
        botocore.exceptions.ClientError
            AWS refused.
        """
        models = Bucket(self.s3, bucket)
        plan = self._parts.plan(models, role, size)
        found = self._settled(report)
        if found is not None and found["EndpointStatus"] == "Failed":
            self._delete(report)
            found = None
        if found is None or found["EndpointConfigName"] != plan.name:
            self._parts.make(plan, models)
            self._deploy(plan, report, is_there=found is not None)
            self._parts.clear(keep=plan.name)
        return self.state()

    def down(self, report: Report) -> list[str]:
        """Delete the endpoint and every configuration and model made for it; it is no error if none is there.

        Returns
        -------
        list of str
            What was deleted.

        Raises
        ------
        TrainingError
            The endpoint is not gone in time.
        botocore.exceptions.ClientError
            AWS refused.
        """
        deleted = []
        if self._settled(report) is not None:
            self._delete(report)
            deleted.append(f"endpoint {self.name}")
        return deleted + self._parts.clear(keep=None)

    def state(self) -> State:
        """How the endpoint is.

        Raises
        ------
        TrainingError
            It was not made by `up`.
        """
        found = self._describe()
        if found is None:
            return State(None)
        variants = found.get("ProductionVariants", [])
        return State(
            status=found["EndpointStatus"],
            version=Serving.parse(variants[0]["VariantName"]).version if variants else None,
            config=found.get("EndpointConfigName"),
            failure_reason=found.get("FailureReason"),
            since=found["LastModifiedTime"],
        )

    def approved(self) -> int | None:
        """The newest approved version of the group."""
        package = Registry(self.sagemaker, self.group).newest_approved()
        return package.version if package else None

    @property
    def _parts(self) -> Parts:
        return Parts(self.sagemaker, self.name, self.group)

    def _deploy(self, plan: Plan, report: Report, *, is_there: bool) -> None:
        if is_there:
            self.sagemaker.update_endpoint(EndpointName=self.name, EndpointConfigName=plan.name)
        else:
            self.sagemaker.create_endpoint(
                EndpointName=self.name,
                EndpointConfigName=plan.name,
                Tags=[{"Key": MADE_FOR, "Value": self.name}],
            )
        found = self._settled(report)
        if (
            found is None
            or found["EndpointStatus"] != "InService"
            or found["EndpointConfigName"] != plan.name
        ):
            state = self.state()
            serves = f"version {state.version} serves on" if state.version else "no version serves"
            raise TrainingError(
                f"version {plan.serving.version} did not come into service, {serves}:"
                f" {state.failure_reason or state.status or 'the endpoint was deleted'}"
            )

    def _delete(self, report: Report) -> None:
        """Delete the endpoint, which cannot be changed any more when it has failed."""
        self.sagemaker.delete_endpoint(EndpointName=self.name)
        self._settled(report)

    def _settled(self, report: Report) -> "DescribeEndpointOutputTypeDef | None":
        """The endpoint once no change is under way; None where there is none."""
        started = time.monotonic()
        while (found := self._describe()) is not None and found["EndpointStatus"] in IN_PROGRESS:
            waited = time.monotonic() - started
            report(found["EndpointStatus"], waited)
            if waited > self.patience.limit:
                raise TrainingError(
                    f"endpoint {self.name} is {found['EndpointStatus']} after {waited:,.0f} s: it goes on by"
                    " itself, `python -m training endpoint status` says how"
                )
            time.sleep(self.patience.poll)
        return found

    def _describe(self) -> "DescribeEndpointOutputTypeDef | None":
        """The endpoint, unless there is none; somebody else's is left alone."""
        try:
            found = self.sagemaker.describe_endpoint(EndpointName=self.name)
        except ClientError as error:
            if "Could not find endpoint" in error.response["Error"].get("Message", ""):
                return None
            raise
        if not self._parts.has_made(config := found.get("EndpointConfigName", "")):
            raise TrainingError(
                f"endpoint {self.name} was made by other means (its configuration is {config}), it is left as"
                " it is: choose another --name, which the stack's EndpointName has to follow"
            )
        return found
