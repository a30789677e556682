"""The registry: what is uploaded and asked of SageMaker, and what is refused before anything is."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from dropscore.domain.spec import FeatureSpec, sha256_hex
from training.errors import PackageRefused, TrainingError
from training.model.archive import check, pack
from training.registry.packages import ModelVersion, Registry

GROUP = "dropscore"
BUCKET = "the-models"
IMAGE = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
PACKAGES = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/dropscore"


@pytest.fixture
def registry():
    """A registry whose S3 is moto's and whose SageMaker answers what it was told, and nothing else."""
    with mock_aws():
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        session = boto3.Session(region_name="eu-west-1", **keys)
        s3 = session.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        sagemaker = session.client("sagemaker")
        with Stubber(sagemaker) as answers:
            yield Registry(sagemaker, s3, GROUP), answers
            answers.assert_no_pending_responses()


def commit_of(trained, spec):
    commit = check(trained.archive, spec).git_commit
    return {"git_commit": commit} if commit else {}


def uploaded(registry):
    return [entry["Key"] for entry in registry.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@pytest.mark.parametrize("status", ["PendingManualApproval", "Approved"])
def test_registers_a_package_that_the_container_can_serve(registry, trained, status):
    registry, answers = registry
    requests = []
    answers.add_response("create_model_package", {"ModelPackageArn": f"{PACKAGES}/7"})
    registry.sagemaker.meta.events.register(
        "provide-client-params.sagemaker.CreateModelPackage",
        lambda params, **_: requests.append(dict(params)),
    )

    version = registry.register(trained.archive, trained.spec, BUCKET, status=status)

    assert version == ModelVersion(f"{PACKAGES}/7", 7, status)
    (model_key,) = (key for key in uploaded(registry) if key.endswith("/model.tar.gz"))
    spec_key = model_key.replace("model.tar.gz", "feature_spec.json")
    assert model_key.startswith(f"{GROUP}/")
    body = registry.s3.get_object(Bucket=BUCKET, Key=model_key)["Body"].read()
    assert body == trained.archive.read_bytes()
    spec = registry.s3.get_object(Bucket=BUCKET, Key=spec_key)["Body"].read()
    assert FeatureSpec.parse(spec).features == ("minutes", "hour", "load")
    assert requests == [
        {
            "ModelPackageGroupName": GROUP,
            "InferenceSpecification": {
                "Containers": [
                    {
                        "Image": IMAGE,
                        "ModelDataUrl": f"s3://{BUCKET}/{model_key}",
                        "Environment": {
                            "SAGEMAKER_PROGRAM": "inference.py",
                            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
                            "PIP_NO_BUILD_ISOLATION": "0",
                            "PIP_NO_INDEX": "1",
                            "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
                        },
                    }
                ],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            "CustomerMetadataProperties": {
                "feature_spec_uri": f"s3://{BUCKET}/{spec_key}",
                "feature_spec_sha256": sha256_hex(spec),
                "model_data_sha256": sha256_hex(body),
                "python": "3.12",
                "sklearn": "1.9.0",
                "numpy": "2.5.1",
                "data_sha256": check(trained.archive, spec).data_sha256,
                **commit_of(trained, spec),
                **{f"metric_{name}": repr(value) for name, value in trained.metrics.items()},
            },
            "ModelApprovalStatus": status,
        }
    ]


def test_a_model_registered_again_is_the_same_object_and_another_version(registry, trained):
    registry, answers = registry
    for number in (7, 8):
        answers.add_response("create_model_package", {"ModelPackageArn": f"{PACKAGES}/{number}"})

    versions = [registry.register(trained.archive, trained.spec, BUCKET).number for _ in range(2)]

    assert versions == [7, 8]
    assert len(uploaded(registry)) == 2


def test_what_lies_where_the_model_belongs_is_not_replaced(registry, trained):
    registry, answers = registry
    answers.add_response("create_model_package", {"ModelPackageArn": f"{PACKAGES}/7"})
    answers.add_response("create_model_package", {"ModelPackageArn": f"{PACKAGES}/8"})
    registry.register(trained.archive, trained.spec, BUCKET)
    (key,) = (key for key in uploaded(registry) if key.endswith("/model.tar.gz"))
    registry.s3.put_object(Bucket=BUCKET, Key=key, Body=b"another")

    registry.register(trained.archive, trained.spec, BUCKET)

    assert registry.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"another"


def test_an_upload_that_is_refused_registers_nothing(registry, trained):
    registry, _ = registry

    with pytest.raises(registry.s3.exceptions.NoSuchBucket):
        registry.register(trained.archive, trained.spec, "no-such-bucket")


def test_a_model_without_code_is_refused_and_nothing_is_uploaded_or_registered(registry, trained, tmp_path):
    registry, _ = registry
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.joblib").write_bytes(b"")

    with pytest.raises(PackageRefused, match="has no code"):
        registry.register(pack(model, tmp_path / "model.tar.gz"), trained.spec, BUCKET)

    assert uploaded(registry) == []


def test_another_spec_than_the_models_is_refused(registry, trained, tmp_path):
    registry, _ = registry
    fields = json.loads(trained.spec.read_bytes())
    other = tmp_path / "feature_spec.json"
    other.write_text(json.dumps({**fields, "features": fields["features"][::-1]}))

    with pytest.raises(PackageRefused, match="feature spec"):
        registry.register(trained.archive, other, BUCKET)

    assert uploaded(registry) == []


def test_a_missing_archive_says_what_to_run(registry, trained, tmp_path):
    with pytest.raises(PackageRefused, match="training train"):
        registry[0].register(tmp_path / "model.tar.gz", trained.spec, BUCKET)


def test_a_package_without_a_spec_is_refused_before_anything_is_uploaded(registry, trained, tmp_path):
    with pytest.raises(PackageRefused, match=r"feature_spec\.json cannot be read .* training prepare"):
        registry[0].register(trained.archive, tmp_path / "feature_spec.json", BUCKET)

    assert uploaded(registry[0]) == []


def test_a_region_without_a_known_image_asks_for_one(registry, trained):
    sagemaker = boto3.client("sagemaker", "xx-north-9", aws_access_key_id="x", aws_secret_access_key="x")

    with pytest.raises(TrainingError, match="--image"):
        Registry(sagemaker, registry[0].s3, GROUP).register(trained.archive, trained.spec, BUCKET)

    assert uploaded(registry[0]) == []


def summary(number, status="PendingManualApproval"):
    return {
        "ModelPackageGroupName": GROUP,
        "ModelPackageVersion": number,
        "ModelPackageArn": f"{PACKAGES}/{number}",
        "CreationTime": datetime(2026, 1, number, tzinfo=UTC),
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": status,
    }


def add_listing(answers, *summaries):
    asked = {"ModelPackageGroupName": GROUP, "SortBy": "CreationTime", "SortOrder": "Descending"}
    first, rest = summaries[:1], summaries[1:]
    answers.add_response(
        "list_model_packages", {"ModelPackageSummaryList": [*first], "NextToken": "more"}, asked
    )
    answers.add_response(
        "list_model_packages", {"ModelPackageSummaryList": [*rest]}, {**asked, "NextToken": "more"}
    )


def test_versions_are_listed_over_all_pages_newest_first(registry):
    registry, answers = registry
    add_listing(answers, summary(3), summary(2, "Approved"), summary(1, "Rejected"))

    assert [(version.number, version.status) for version in registry.versions()] == [
        (3, "PendingManualApproval"),
        (2, "Approved"),
        (1, "Rejected"),
    ]


@pytest.mark.parametrize("status", ["Approved", "Rejected"])
def test_a_version_is_decided_by_its_number(registry, status):
    registry, answers = registry
    add_listing(answers, summary(2), summary(1))
    request = {
        "ModelPackageArn": f"{PACKAGES}/1",
        "ModelApprovalStatus": status,
        "ApprovalDescription": "why",
    }
    answers.add_response("update_model_package", {"ModelPackageArn": f"{PACKAGES}/1"}, request)

    assert registry.decide(1, status, "why").status == status


def test_deciding_a_version_that_is_not_there_says_so(registry):
    registry, answers = registry
    add_listing(answers, summary(2), summary(1))

    with pytest.raises(TrainingError, match="dropscore has no version 3"):
        registry.decide(3, "Approved", "why")
