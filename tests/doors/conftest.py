"""One deployed stack whose doors are tried."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dropscore.domain.spec import FeatureSpec, sha256_hex
from local.demo.model import InstalledModel
from local.stack import LocalStack
from tests.doors.house import House
from tests.local.builders import ENVIRONMENT, IMAGE, model_archive
from training.model.image import LIBRARIES
from training.registry.packages import ModelVersion

PARAMETERS = {
    "JobWindowSeconds": "0",
    "SweepSchedule": "rate(1 day)",
    "MaxRunningJobs": "10000",
    "MaxJobsPerDay": "10000",
    "RealtimeEndpoint": "enabled",
}


@pytest.fixture(scope="session")
def built_house() -> Iterator[House]:
    with LocalStack(parameters=PARAMETERS) as stack:
        yield House(stack, install_toy_model(stack))


def install_toy_model(stack: LocalStack) -> InstalledModel:
    """Approve a model that adds up the features of a row: its container is up soon."""
    spec = FeatureSpec(("minutes", "hour", "day_of_week"), "snmpcpu_processor_1", "ts", ("device_id",))
    archive, bucket = model_archive(), stack.outputs["ModelsBucketName"]
    stack.client("s3").put_object(Bucket=bucket, Key="toy/model.tar.gz", Body=archive)
    stack.client("s3").put_object(Bucket=bucket, Key="toy/feature_spec.json", Body=spec.to_bytes())
    container = {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://{bucket}/toy/model.tar.gz",
        "Environment": ENVIRONMENT,
    }
    arn = stack.client("sagemaker").create_model_package(
        ModelPackageGroupName=stack.outputs["ModelPackageGroupName"],
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        CustomerMetadataProperties={
            "feature_spec_uri": f"s3://{bucket}/toy/feature_spec.json",
            "feature_spec_sha256": sha256_hex(spec.to_bytes()),
            "model_data_sha256": sha256_hex(archive),
            **LIBRARIES,
        },
        ModelApprovalStatus="Approved",
    )["ModelPackageArn"]
    return InstalledModel(ModelVersion(arn, 1, "Approved"), spec, {}, "a toy")


@pytest.fixture
def house(built_house: House) -> Iterator[House]:
    """The house; what a test has arranged in it is undone."""
    with built_house.undo:
        yield built_house
