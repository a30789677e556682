"""SageMaker's model registry: the versions of the group that scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dropscore.aws.clients import AwsError, error_code
from dropscore.domain.errors import BadPosition
from dropscore.domain.model import Listed, Listing, Package

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


class Registry:
    """Reads the packages of one model package group."""

    def __init__(self, client: SageMakerClient, group: str) -> None:
        self._client = client
        self.group = group

    def newest_approved(self) -> Package | None:
        """The newest Approved version of the group, or None.

        ListModelPackages sorts ascending unless told otherwise, and pages: an empty page need not be the last
        (API reference).
        """
        pages = self._client.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self.group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
        )
        newest = next((package for page in pages for package in page["ModelPackageSummaryList"]), None)
        return self.describe(newest["ModelPackageArn"]) if newest else None

    def versions(self, limit: int, after: str | None) -> Listing:
        """Up to `limit` versions of the group from the position `after` on, None for the newest.

        Raises
        ------
        BadPosition
            SageMaker has not given this position.
        """
        start: Any = {"NextToken": after} if after else {}
        try:
            answer: Any = self._client.list_model_packages(
                ModelPackageGroupName=self.group,
                SortBy="CreationTime",
                SortOrder="Descending",
                MaxResults=limit,
                **start,
            )
        except AwsError as error:
            if after and error_code(error) == "ValidationException":
                raise BadPosition(f"model package group {self.group} has no such page") from error
            raise
        found = (
            Listed(
                summary["ModelPackageArn"],
                summary["ModelPackageVersion"],
                summary["ModelApprovalStatus"],
                summary["CreationTime"],
            )
            for summary in answer["ModelPackageSummaryList"]
        )
        return Listing(tuple(found), answer.get("NextToken") or None)

    def describe(self, package_arn: str) -> Package | None:
        """One version, or None when it has been deleted."""
        try:
            answer = self._client.describe_model_package(ModelPackageName=package_arn)
        except AwsError as error:
            if error_code(error) == "ValidationException":
                return None
            raise
        containers = answer.get("InferenceSpecification", {}).get("Containers", [])
        only = containers[0] if len(containers) == 1 else None
        return Package(
            arn=package_arn,
            group=answer["ModelPackageGroupName"],
            version=answer["ModelPackageVersion"],
            approved=answer.get("ModelApprovalStatus") == "Approved",
            image=containers[0].get("Image", "") if containers else "",
            metadata=answer.get("CustomerMetadataProperties", {}),
            model_data_url=only.get("ModelDataUrl", "") if only else "",
            has_model_data_source="ModelDataSource" in only if only else False,
            environment=only.get("Environment", {}) if only else {},
        )
