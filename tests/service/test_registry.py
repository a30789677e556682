"""The model registry: what is asked for, and odd answers; the rest is in tests/contract."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from dropscore.aws.registry import Registry
from dropscore.domain.errors import BadPosition, ModelUnusable
from dropscore.domain.model import Listed, Package
from tests.service.builders import stubbed
from tests.unit.builders import ARN

LISTING = {
    "ModelPackageGroupName": "dropscore",
    "ModelApprovalStatus": "Approved",
    "SortBy": "CreationTime",
    "SortOrder": "Descending",
}
THEN = datetime(2026, 1, 1, tzinfo=UTC)


def page(*arns, **more):
    status = {"CreationTime": THEN, "ModelPackageStatus": "Completed"}
    return {"ModelPackageSummaryList": [{"ModelPackageArn": arn, **status} for arn in arns], **more}


def description(**changes):
    described = {
        "ModelPackageName": "dropscore",
        "ModelPackageArn": ARN,
        "ModelPackageGroupName": "dropscore",
        "ModelPackageVersion": 7,
        "CreationTime": THEN,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {
            "Containers": [{"Image": "image", "ModelDataUrl": "s3://m/a", "Environment": {"MINE": "1"}}]
        },
        "CustomerMetadataProperties": {"numpy": "2.5.1"},
        **changes,
    }
    return {name: value for name, value in described.items() if value is not None}


def test_the_newest_approved_version_is_asked_for_and_described():
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_response("list_model_packages", page(ARN, ARN[:-1] + "6"), LISTING)
        stubber.add_response("describe_model_package", description(), {"ModelPackageName": ARN})
        newest = Registry(client, "dropscore").newest_approved()
    assert newest == Package(
        ARN,
        "dropscore",
        7,
        approved=True,
        image="image",
        metadata={"numpy": "2.5.1"},
        model_data_url="s3://m/a",
        environment={"MINE": "1"},
    )


def test_a_package_by_model_data_source_says_what_is_expected_instead():
    source = {"S3Uri": "s3://m/a", "S3DataType": "S3Object", "CompressionType": "Gzip"}
    container = {"Image": "image", "ModelDataSource": {"S3DataSource": source}}
    specification = {"Containers": [container]}
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_response("describe_model_package", description(InferenceSpecification=specification))
        package = Registry(client, "dropscore").describe(ARN)
    with pytest.raises(
        ModelUnusable, match="container with ModelDataSource, expected ModelDataUrl: register"
    ):
        package.artefact()


def test_an_empty_page_is_not_the_last_word():
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_response("list_model_packages", page(NextToken="t"), LISTING)
        stubber.add_response("list_model_packages", page(ARN), {**LISTING, "NextToken": "t"})
        stubber.add_response("describe_model_package", description())
        assert Registry(client, "dropscore").newest_approved().arn == ARN


@pytest.mark.parametrize("status", ["Rejected", "PendingManualApproval", None])
def test_a_version_that_is_not_approved_says_so(status):
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_response("describe_model_package", description(ModelApprovalStatus=status))
        assert not Registry(client, "dropscore").describe(ARN).approved


def test_of_two_containers_neither_artefact_is_the_one():
    with stubbed("sagemaker") as (client, stubber):
        two = [{"Image": "image", "ModelDataUrl": "s3://m/a"}, {"Image": "image", "ModelDataUrl": "s3://m/b"}]
        stubber.add_response(
            "describe_model_package", description(InferenceSpecification={"Containers": two})
        )
        assert Registry(client, "dropscore").describe(ARN).model_data_url == ""


def test_a_version_without_container_and_metadata_is_described_all_the_same():
    with stubbed("sagemaker") as (client, stubber):
        bare = description(InferenceSpecification=None, CustomerMetadataProperties=None)
        stubber.add_response("describe_model_package", bare)
        package = Registry(client, "dropscore").describe(ARN)
    assert (package.image, package.metadata) == ("", {})


def test_a_throttle_is_not_taken_for_a_version_that_was_deleted():
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_client_error("describe_model_package", "ThrottlingException")
        with pytest.raises(ClientError, match="ThrottlingException"):
            Registry(client, "dropscore").describe(ARN)


PAGE = {"ModelPackageGroupName": "dropscore", "SortBy": "CreationTime", "SortOrder": "Descending"}


def listed(version, status):
    return {
        "ModelPackageArn": f"{ARN[:-1]}{version}",
        "ModelPackageVersion": version,
        "ModelApprovalStatus": status,
        "CreationTime": THEN,
        "ModelPackageStatus": "Completed",
    }


def test_versions_are_listed_a_page_at_a_time():
    with stubbed("sagemaker") as (client, stubber):
        first = {"ModelPackageSummaryList": [listed(8, "Rejected"), listed(7, "Approved")], "NextToken": "t"}
        stubber.add_response("list_model_packages", first, {**PAGE, "MaxResults": 2})
        last = {"ModelPackageSummaryList": [listed(6, "PendingManualApproval")]}
        stubber.add_response("list_model_packages", last, {**PAGE, "MaxResults": 2, "NextToken": "t"})
        registry = Registry(client, "dropscore")
        newest, rest = registry.versions(2, None), registry.versions(2, "t")
    assert [(version.version, version.status) for version in newest.versions] == [
        (8, "Rejected"),
        (7, "Approved"),
    ]
    assert newest.versions[1] == Listed(ARN, 7, "Approved", THEN)
    assert (newest.position, rest.position) == ("t", None)


def test_a_token_that_sagemaker_has_not_given_is_no_position():
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_client_error("list_model_packages", "ValidationException", http_status_code=400)
        with pytest.raises(BadPosition):
            Registry(client, "dropscore").versions(2, "forged")


def test_a_refusal_of_the_first_page_is_nobody_s_token():
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_client_error("list_model_packages", "ValidationException", http_status_code=400)
        with pytest.raises(ClientError, match="ValidationException"):
            Registry(client, "dropscore").versions(2, None)
