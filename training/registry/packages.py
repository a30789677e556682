"""The model registry: model packages registered, approved, rejected and listed, with boto3."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dropscore.domain.model import METRIC_PREFIX
from dropscore.domain.spec import sha256_hex
from training.errors import PackageRefused, TrainingError
from training.model.archive import Origin, check
from training.model.image import CONTAINER_ENVIRONMENT, LIBRARIES, image_uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.literals import ModelApprovalStatusType

CSV = "text/csv"


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model package group.

    Attributes
    ----------
    arn
        Of the model package.
    number
        Its version in the group, from 1.
    status
        ``PendingManualApproval``, ``Approved`` or ``Rejected``.
    created
        When it was registered; None where that was not asked for.
    """

    arn: str
    number: int
    status: "ModelApprovalStatusType"
    created: datetime | None = None


@dataclass(frozen=True)
class Registry:
    """The versions of one model package group.

    Attributes
    ----------
    sagemaker, s3
        boto3 clients.
    group
        Name of the model package group.
    """

    sagemaker: "SageMakerClient"
    s3: "S3Client"
    group: str

    def register(
        self,
        archive: Path,
        spec_file: Path,
        bucket: str,
        *,
        status: "ModelApprovalStatusType" = "PendingManualApproval",
        image: str | None = None,
    ) -> ModelVersion:
        """Upload a model and its feature spec and register both as a model package.

        Parameters
        ----------
        archive, spec_file
            ``model.tar.gz`` and the ``feature_spec.json`` it was trained with.
        bucket
            ModelsBucket; both files go under ``<group>/<hash of both>/``.
        status
            ``Approved`` scores the next drop with it; by default it waits for approval.
        image
            URI of the scikit-learn image; by default that of the client's region.

        Returns
        -------
        ModelVersion
            The new version.

        Raises
        ------
        PackageRefused
            The archive or the spec would not work in the container; nothing was uploaded or registered.
        TrainingError
            No image is known for the region.
        botocore.exceptions.ClientError
            AWS refused; nothing was registered.
        """
        model, spec = _read(archive, "train"), _read(spec_file, "prepare")
        origin = check(archive, spec)
        image = image or image_uri(self.sagemaker.meta.region_name)
        prefix = self.folder(model, spec)
        self._put_once(bucket, f"{prefix}/model.tar.gz", model)
        self._put_once(bucket, f"{prefix}/feature_spec.json", spec)
        arn = self._create(
            f"s3://{bucket}/{prefix}",
            {
                "feature_spec_sha256": sha256_hex(spec),
                "model_data_sha256": sha256_hex(model),
                **_recorded(origin),
            },
            status,
            image,
        )
        return ModelVersion(arn, _number(arn), status)

    def folder(self, model: bytes, spec: bytes) -> str:
        """Where a model and its feature spec lie in the models bucket: a prefix without the last slash."""
        return f"{self.group}/{hashlib.sha256(model + spec).hexdigest()[:16]}"

    def _put_once(self, bucket: str, key: str, body: bytes) -> None:
        """Upload a file unless it is there; the bucket refuses to have one replaced.

        The key is a hash of the content. Whether what is there has it is seen by its hash before it is used.
        """
        try:
            self.s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        except self.s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "PreconditionFailed":
                raise

    def _create(
        self, folder: str, recorded: Mapping[str, str], status: "ModelApprovalStatusType", image: str
    ) -> str:
        """Create the model package of a model uploaded to a folder; return its ARN."""
        return self.sagemaker.create_model_package(
            ModelPackageGroupName=self.group,
            InferenceSpecification={
                "Containers": [
                    {
                        "Image": image,
                        "ModelDataUrl": f"{folder}/model.tar.gz",
                        "Environment": dict(CONTAINER_ENVIRONMENT),
                    }
                ],
                "SupportedContentTypes": [CSV],
                "SupportedResponseMIMETypes": [CSV],
            },
            CustomerMetadataProperties={
                "feature_spec_uri": f"{folder}/feature_spec.json",
                **recorded,
                **LIBRARIES,
            },
            ModelApprovalStatus=status,
        )["ModelPackageArn"]

    def versions(self) -> list[ModelVersion]:
        """List every version, the newest first.

        Raises
        ------
        botocore.exceptions.ClientError
            AWS refused, for instance because the group does not exist.
        """
        pages = self.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self.group, SortBy="CreationTime", SortOrder="Descending"
        )
        return [
            ModelVersion(
                summary["ModelPackageArn"],
                summary["ModelPackageVersion"],
                summary["ModelApprovalStatus"],
                summary["CreationTime"],
            )
            for page in pages
            for summary in page["ModelPackageSummaryList"]
        ]

    def version(self, number: int, among: Sequence[ModelVersion] | None = None) -> ModelVersion:
        """Find a version by its number, among those listed already or else among all.

        Raises
        ------
        TrainingError
            The group has no such version.
        """
        versions = self.versions() if among is None else among
        found = next((version for version in versions if version.number == number), None)
        if found is None:
            raise TrainingError(
                f"group {self.group} has no version {number}: `python -m training list` shows what it has"
            )
        return found

    def decide(self, number: int, status: "ModelApprovalStatusType", reason: str) -> ModelVersion:
        """Approve or reject a version. Rejecting the newest approved one brings the one before it back.

        Parameters
        ----------
        number
            The version in the group.
        status
            ``Approved`` or ``Rejected``.
        reason
            Kept as the package's approval description.

        Returns
        -------
        ModelVersion
            The version, as it is now.

        Raises
        ------
        TrainingError
            The group has no such version.
        botocore.exceptions.ClientError
            AWS refused.
        """
        found = self.version(number)
        self.sagemaker.update_model_package(
            ModelPackageArn=found.arn, ModelApprovalStatus=status, ApprovalDescription=reason
        )
        return ModelVersion(found.arn, number, status, found.created)


def scoring(versions: Sequence[ModelVersion]) -> ModelVersion | None:
    """Of versions, the newest first, the one that scores; None where none is approved."""
    return next((version for version in versions if version.status == "Approved"), None)


def _recorded(origin: Origin) -> dict[str, str]:
    """What a package records of its model's origin; at most 50 entries of 256 characters fit."""
    commit = {"git_commit": origin.git_commit} if origin.git_commit else {}
    metrics = {f"{METRIC_PREFIX}{name}": repr(value) for name, value in origin.metrics.items()}
    return {"data_sha256": origin.data_sha256, **commit, **metrics}


def _read(path: Path, step: str) -> bytes:
    """The bytes of a file that a step before has written."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise PackageRefused(
            f"{path} cannot be read ({error.strerror}): run `python -m training {step}` first"
        ) from error


def _number(arn: str) -> int:
    """The version number that a model package's ARN ends with."""
    return int(arn.rpartition("/")[2])
