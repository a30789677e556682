"""Batch transform: the exact request, and what SageMaker's refusals mean."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from dropscore.aws.transforms import CannotStart, QuotaTooLow, Transforms, TransformSettings
from dropscore.domain.errors import ServiceBusy
from tests.service.builders import stubbed
from tests.unit.builders import ARN

ROLE = "arn:aws:iam::123456789012:role/transform"
SETTINGS = TransformSettings(ROLE, "ml.m5.large", 6, 3, kms_key_arn=None)
INSTANCES = 2
KEY = "arn:aws:kms:eu-central-1:123456789012:key/k"
JOB = (
    "dropscore-ab",
    "dropscore-v7",
    "s3://work-bucket/manifests/j.json",
    "s3://work-bucket/transform/j/",
    INSTANCES,
)
REQUEST = {
    "TransformJobName": "dropscore-ab",
    "ModelName": "dropscore-v7",
    "MaxConcurrentTransforms": 3,
    "MaxPayloadInMB": 6,
    "BatchStrategy": "MultiRecord",
    "Environment": {
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_INDEX": "1",
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
    },
    "TransformInput": {
        "DataSource": {
            "S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": "s3://work-bucket/manifests/j.json"}
        },
        "ContentType": "text/csv",
        "SplitType": "Line",
    },
    "TransformOutput": {
        "S3OutputPath": "s3://work-bucket/transform/j/",
        "Accept": "text/csv",
        "AssembleWith": "Line",
    },
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
    "DataProcessing": {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
}
CREATED = datetime(2026, 3, 4, tzinfo=UTC)


def refused(call, code, message="", status=400):
    """What a call raises, or None, when SageMaker answers it with an error."""
    with stubbed("sagemaker") as (client, stubber):
        operation = {"create_job": "create_transform_job", "create_model": "create_model"}[call]
        stubber.add_client_error(operation, code, message, http_status_code=status)
        arguments = JOB if call == "create_job" else ("dropscore-v7", ARN)
        try:
            getattr(Transforms(client, SETTINGS), call)(*arguments)
        except Exception as error:  # noqa: BLE001 - which one it is, is the question
            return error
    return None


def test_a_job_is_asked_for_with_row_numbers_kept_from_the_model_and_joined_back():
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_response("create_transform_job", {"TransformJobArn": "arn"}, REQUEST)
        Transforms(client, SETTINGS).create_job(*JOB)


def test_with_a_customer_key_outputs_and_volumes_are_encrypted_by_it():
    output = {**REQUEST["TransformOutput"], "KmsKeyId": KEY}
    resources = {**REQUEST["TransformResources"], "VolumeKmsKeyId": KEY}
    request = {**REQUEST, "TransformOutput": output, "TransformResources": resources}
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_response("create_transform_job", {"TransformJobArn": "arn"}, request)
        Transforms(client, replace(SETTINGS, kms_key_arn=KEY)).create_job(*JOB)


@pytest.mark.parametrize(
    ("instance_type", "has_local_nvme"),
    [
        ("ml.m5.large", False),
        ("ml.m5d.large", True),
        ("ml.c5.xlarge", False),
        ("ml.c6id.xlarge", True),
        ("ml.r7gd.xlarge", True),
        ("ml.m6idn.xlarge", True),
        ("ml.p3.2xlarge", False),
        ("ml.p3dn.24xlarge", True),
        ("ml.p4de.24xlarge", True),
        ("ml.p5.48xlarge", True),
        ("ml.g4dn.xlarge", True),
        ("ml.g5.xlarge", True),
        ("ml.g6e.xlarge", True),
        ("ml.inf2.xlarge", False),
        ("ml.trn1.2xlarge", True),
    ],
)
def test_volumes_of_instances_with_local_nvme_get_no_key_since_sagemaker_refuses_it(
    instance_type, has_local_nvme
):
    resources = {**REQUEST["TransformResources"], "InstanceType": instance_type}
    if not has_local_nvme:
        resources["VolumeKmsKeyId"] = KEY
    output = {**REQUEST["TransformOutput"], "KmsKeyId": KEY}
    request = {**REQUEST, "TransformOutput": output, "TransformResources": resources}
    settings = replace(SETTINGS, kms_key_arn=KEY, instance_type=instance_type)
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_response("create_transform_job", {"TransformJobArn": "arn"}, request)
        Transforms(client, settings).create_job(*JOB)


def test_a_model_is_made_of_the_package_with_the_job_s_role():
    request = {
        "ModelName": "dropscore-v7",
        "Containers": [{"ModelPackageName": ARN}],
        "ExecutionRoleArn": ROLE,
    }
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_response("create_model", {"ModelArn": "a" * 20}, request)
        Transforms(client, SETTINGS).create_model("dropscore-v7", ARN)


LIMIT = (
    "The account-level service limit 'ml.m5.large for transform job usage' is {} Instances, with current "
    "utilization of {} Instances and a request delta of 1 Instances. Please use AWS Service Quotas to "
    "request an increase for this quota."
)


@pytest.mark.parametrize(
    ("value", "kind"), [(0, QuotaTooLow), (1, QuotaTooLow), (INSTANCES, ServiceBusy), (4, ServiceBusy)]
)
def test_a_quota_with_room_for_no_job_is_the_operator_s_and_named(value, kind):
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_client_error("create_transform_job", "ResourceLimitExceeded", LIMIT.format(value, value))
        with pytest.raises(kind, match=r"ml\.m5\.large for transform job usage") as refused:
            Transforms(client, SETTINGS).create_job(*JOB)
    if kind is QuotaTooLow:
        assert "Service Quotas" in str(refused.value)
        assert f"is {value}, a job needs {INSTANCES}" in str(refused.value)


@pytest.mark.parametrize("call", ["create_job", "create_model"])
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ThrottlingException", 400),
        ("Throttling", 400),
        ("TooManyRequestsException", 429),
        ("ResourceLimitExceeded", 400),
        ("InternalFailure", 500),
        ("ServiceUnavailable", 503),
        ("SomethingNew", 502),
    ],
)
def test_a_throttle_a_quota_or_a_failure_of_sagemaker_is_for_later(call, code, status):
    error = refused(call, code, "Rate exceeded", status)
    assert type(error) is ServiceBusy
    assert str(error) == f"SageMaker: {code}: Rate exceeded"


def test_no_answer_at_all_is_for_later():
    class Unreachable:
        def create_transform_job(self, **_request):
            raise ConnectTimeoutError(endpoint_url="https://sagemaker")

    with pytest.raises(ServiceBusy, match="Connect timeout on endpoint URL"):
        Transforms(Unreachable(), SETTINGS).create_job(*JOB)


@pytest.mark.parametrize("call", ["create_job", "create_model"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", "Could not access model data at s3://models/model.tar.gz"),
        ("AccessDeniedException", "is not authorized to perform: iam:PassRole"),
        ("ResourceNotFound", "no such package"),
    ],
)
def test_another_refusal_is_the_operator_s_in_sagemaker_s_words(call, code, message):
    error = refused(call, code, message)
    assert type(error) is CannotStart
    assert str(error) == f"SageMaker: {code}: {message}"


def described(status, **more):
    """What describe says of a job with this status."""
    answer = {
        "TransformJobName": "j",
        "TransformJobArn": "arn",
        "TransformJobStatus": status,
        "ModelName": "m",
        "TransformInput": REQUEST["TransformInput"],
        "TransformResources": REQUEST["TransformResources"],
        "CreationTime": CREATED,
        **more,
    }
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_response("describe_transform_job", answer, {"TransformJobName": "j"})
        return Transforms(client, SETTINGS).describe("j")


@pytest.mark.parametrize("status", ["InProgress", "Stopping"])
def test_a_job_under_way_has_no_outcome(status):
    assert described(status).outcome is None
    assert described(status).created_at == CREATED


@pytest.mark.parametrize("code", ["ValidationException", "ResourceNotFound"])
def test_a_job_that_sagemaker_does_not_know_is_none_and_cannot_be_stopped(code):
    with stubbed("sagemaker") as (client, stubber):
        stubber.add_client_error("describe_transform_job", code, "Could not find requested job")
        stubber.add_client_error("stop_transform_job", code, "not in a state to be stopped")
        transforms = Transforms(client, SETTINGS)
        assert transforms.describe("j") is None
        transforms.stop("j")


def test_a_throttle_is_not_taken_for_a_job_that_is_not_there():
    with stubbed("sagemaker") as (client, stubber):
        for operation in ("describe_transform_job", "stop_transform_job"):
            stubber.add_client_error(operation, "ThrottlingException")
        transforms = Transforms(client, SETTINGS)
        for call in (transforms.describe, transforms.stop):
            with pytest.raises(ClientError, match="ThrottlingException"):
                call("j")
