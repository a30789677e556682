"""The model registry and models: what the stand-in accepts, refuses, lists and keeps."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session as BotocoreSession

from local.sagemaker.errors import SerializationError, UnknownOperationError, ValidationError
from local.sagemaker.shapes import OPERATIONS, _compiled, _model, validate
from tests.local.builders import IMAGE, create_model, model_archive, principal, put_model, register, unique

ROLE = "arn:aws:iam::123456789012:role/r"


@pytest.fixture
def group(aws: Any) -> str:
    name = unique("group")
    aws.client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
    return name


@pytest.fixture
def archive(aws: Any) -> str:
    return put_model(aws, model_archive())


FAILED = "failed to satisfy constraint: Member must"
PATTERN = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"


@pytest.mark.parametrize(
    ("operation", "request_", "wording"),
    [
        (
            "CreateTransformJob",
            {},
            f"5 validation errors detected: Value null at 'transformJobName' {FAILED}",
        ),
        (
            "DescribeTransformJob",
            {"TransformJobName": "-bad"},
            f"Value '-bad' at 'transformJobName' {FAILED} satisfy regular expression pattern: {PATTERN}",
        ),
        (
            "DescribeTransformJob",
            {"TransformJobName": "a" * 64},
            f"{FAILED} have length less than or equal to 63",
        ),
        ("ListModelPackages", {"MaxResults": 101}, f"'101' at 'maxResults' {FAILED} have value less than or"),
        (
            "ListModelPackages",
            {"SortOrder": "Up"},
            f"Value 'Up' at 'sortOrder' {FAILED} satisfy enum value set: [Ascending, Descending]",
        ),
        (
            "CreateModel",
            {"ModelName": "m", "Tags": [{"Key": "k"}]},
            f"at 'tags.1.member.value' {FAILED} not be null",
        ),
        (
            "CreateModelPackage",
            {"CustomerMetadataProperties": {"k": "v" * 257}},
            f"{FAILED} have length less than or equal to 256",
        ),
        (
            "CreateModelPackage",
            {"CustomerMetadataProperties": {f"k{n}": "v" for n in range(51)}},
            f"at 'customerMetadataProperties' {FAILED} have length less than or equal to 50",
        ),
    ],
)
def test_what_breaks_the_model_is_refused_in_the_services_words(
    operation: str, request_: dict[str, Any], wording: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        validate(operation, request_)

    assert wording in str(refused.value)


@pytest.mark.parametrize("name", [7, True, ["a"], {"a": "b"}])
def test_another_json_type_cannot_be_read(name: object) -> None:
    with pytest.raises(SerializationError):
        validate("DescribeTransformJob", {"TransformJobName": name})


def test_an_operation_that_is_not_there_is_unknown() -> None:
    with pytest.raises(UnknownOperationError, match="CreateProcessingJob"):
        validate("CreateProcessingJob", {})


def test_every_pattern_of_the_model_can_be_checked() -> None:
    _, shapes = _model()

    assert [_compiled(shape["pattern"]) for shape in shapes.values() if "pattern" in shape]


def test_the_operations_are_those_botocore_knows() -> None:
    known = BotocoreSession().get_service_model("sagemaker").operation_names

    assert set(OPERATIONS) <= set(known)


def test_versions_count_up_and_are_listed_oldest_first_unless_asked(
    aws: Any, group: str, archive: str
) -> None:
    sagemaker = aws.client("sagemaker")
    packages = [register(aws, archive, group) for _ in range(12)]

    first = sagemaker.list_model_packages(ModelPackageGroupName=group)
    rest = sagemaker.list_model_packages(ModelPackageGroupName=group, NextToken=first["NextToken"])
    newest = sagemaker.list_model_packages(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )

    assert packages[0].endswith(f":model-package/{group}/1")
    listed = [*first["ModelPackageSummaryList"], *rest["ModelPackageSummaryList"]]
    assert [one["ModelPackageArn"] for one in listed] == packages
    assert len(first["ModelPackageSummaryList"]) == 10
    assert "NextToken" not in rest
    assert newest["ModelPackageSummaryList"][0]["ModelPackageVersion"] == 12


def test_packages_are_filtered_by_approval_and_group(aws: Any, group: str, archive: str) -> None:
    sagemaker = aws.client("sagemaker")
    register(aws, archive, group, ModelApprovalStatus="PendingManualApproval")
    approved = register(aws, archive, group)

    listed = sagemaker.list_model_packages(ModelPackageGroupName=group, ModelApprovalStatus="Approved")

    assert [one["ModelPackageArn"] for one in listed["ModelPackageSummaryList"]] == [approved]
    assert sagemaker.list_model_packages()["ModelPackageSummaryList"] == []


def test_an_update_changes_the_approval_and_keeps_the_metadata(aws: Any, group: str, archive: str) -> None:
    sagemaker = aws.client("sagemaker")
    package = register(
        aws,
        archive,
        group,
        ModelApprovalStatus="PendingManualApproval",
        CustomerMetadataProperties={"a": "1"},
    )

    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    sagemaker.update_model_package(ModelPackageArn=package, CustomerMetadataProperties={"b": "2"})

    described = sagemaker.describe_model_package(ModelPackageName=package)
    assert described["ModelApprovalStatus"] == "Approved"
    assert described["CustomerMetadataProperties"] == {"a": "1", "b": "2"}
    assert described["InferenceSpecification"]["Containers"][0]["Image"] == IMAGE


def test_what_is_not_there_is_said_to_be_missing(aws: Any) -> None:
    sagemaker = aws.client("sagemaker")

    with pytest.raises(ClientError, match=r"ValidationException.*does not exist"):
        sagemaker.list_model_packages(ModelPackageGroupName="nobody")
    with pytest.raises(ClientError, match=r"ValidationException.*does not exist"):
        sagemaker.describe_model_package(ModelPackageName=f"{ROLE[:0]}nobody/1")
    with pytest.raises(ClientError, match=r'ValidationException.*Could not find model "arn:.*:model/nobody"'):
        sagemaker.describe_model(ModelName="nobody")


def test_a_group_with_versions_cannot_be_deleted(aws: Any, group: str, archive: str) -> None:
    register(aws, archive, group)

    with pytest.raises(ClientError, match="ConflictException"):
        aws.client("sagemaker").delete_model_package_group(ModelPackageGroupName=group)


def new_model(aws: Any, package: str, *, client: Any = None, role: str = "TransformRole", **more: Any) -> Any:
    return (client or aws.client("sagemaker")).create_model(
        ModelName=more.pop("name", unique()),
        ExecutionRoleArn=aws.outputs.get(role, role),
        Containers=[{"ModelPackageName": package}],
        **more,
    )


def test_a_model_name_can_be_taken_once(aws: Any, summing_model: str, archive: str) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*Cannot create already existing model"):
        new_model(aws, register(aws, archive), name=summing_model)


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_only_an_approved_package_becomes_a_model(aws: Any, archive: str, status: str) -> None:
    package = register(aws, archive, ModelApprovalStatus=status)

    with pytest.raises(ClientError, match=rf"ValidationException.*{status}"):
        new_model(aws, package)


def test_a_missing_package_becomes_no_model(aws: Any) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*does not exist"):
        new_model(aws, "arn:aws:sagemaker:us-east-1:123456789012:model-package/toy-group/999")


def test_a_missing_artifact_becomes_no_model(aws: Any) -> None:
    package = register(aws, f"s3://{aws.outputs['Work']}/models/nothing.tar.gz")

    with pytest.raises(ClientError, match="Could not find model data"):
        new_model(aws, package)


def test_an_artifact_that_the_role_cannot_read_becomes_no_model(aws: Any) -> None:
    package = register(aws, f"s3://{aws.outputs['Work']}/elsewhere/model.tar.gz")

    with pytest.raises(ClientError, match="Could not access model data"):
        new_model(aws, package)


@pytest.mark.parametrize("role", ["UntrustingRole", "arn:aws:iam::123456789012:role/nobody"])
def test_a_role_that_sagemaker_cannot_assume_is_refused(aws: Any, archive: str, role: str) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*Could not assume role"):
        new_model(aws, register(aws, archive), role=role)


CREATE = {"Action": "sagemaker:CreateModel", "Resource": "*"}


@pytest.mark.parametrize(
    ("service", "is_allowed"),
    [("sagemaker.amazonaws.com", True), ("lambda.amazonaws.com", False), (None, False)],
)
def test_the_role_must_be_the_callers_to_pass_to_sagemaker(
    aws: Any, archive: str, service: str | None, is_allowed: bool
) -> None:
    condition = {"StringEquals": {"iam:PassedToService": service}}
    passing = {"Action": "iam:PassRole", "Resource": aws.outputs["TransformRole"], "Condition": condition}
    sagemaker = principal(aws, CREATE, *([passing] if service else [])).client("sagemaker")
    package = register(aws, archive)

    if is_allowed:
        assert new_model(aws, package, client=sagemaker)["ModelArn"]
        return
    with pytest.raises(ClientError, match=r"AccessDeniedException.*not authorized to perform: iam:PassRole"):
        new_model(aws, package, client=sagemaker)


def test_tagging_on_creation_needs_its_own_permission(aws: Any, archive: str) -> None:
    passing = {"Action": "iam:PassRole", "Resource": aws.outputs["TransformRole"]}
    sagemaker = principal(aws, CREATE, passing).client("sagemaker")

    with pytest.raises(ClientError, match="sagemaker:AddTags"):
        new_model(aws, register(aws, archive), client=sagemaker, Tags=[{"Key": "k", "Value": "v"}])


def test_tags_are_kept(aws: Any, archive: str) -> None:
    arn = new_model(aws, register(aws, archive), Tags=[{"Key": "k", "Value": "v"}])["ModelArn"]

    assert aws.client("sagemaker").list_tags(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]


def test_a_deleted_models_name_is_free_again(aws: Any, archive: str) -> None:
    name = create_model(aws, model_archive())
    aws.client("sagemaker").delete_model(ModelName=name)

    assert new_model(aws, register(aws, archive), name=name)["ModelArn"].endswith(name)
