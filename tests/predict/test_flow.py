"""From a trained model to predictions in real time, on the embedded AWS."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import joblib
import pytest

from dropscore.aws.endpoint import Endpoint
from dropscore.aws.objects import Bucket
from dropscore.domain.errors import ModelUnusable
from dropscore.predict.asked import Asked, FeatureRows, SourceRows
from dropscore.predict.predicting import Predict, Predicted
from local.clients import make_client
from tests.local.builders import ENVIRONMENT_BEFORE
from tests.predict.builders import in_seconds
from tests.predict.conftest import MODELS, Account, policy
from training.errors import TrainingError
from training.model.image import CONTAINER_ENVIRONMENT

ROWS = FeatureRows([[38, 16, 4], [0, 0, 0]])


pytestmark = pytest.mark.usefixtures("version")


@pytest.fixture(scope="module")
def version(account: Account, prepared: Path) -> int:
    """An approved version."""
    number = account.register(prepared)
    account.approve(number)
    return number


@pytest.fixture
def name(account: Account) -> Iterator[str]:
    """An endpoint's name; there is none of it afterwards."""
    yield "toy"
    account.aws.reset_faults()
    account.down("toy")


def predicting(account: Account, name: str = "toy") -> Predict:
    """The use case as the function has it, but for root."""
    runtime = make_client("sagemaker-runtime", account.aws.endpoint_url)
    return Predict(Endpoint({20: runtime}, name), Bucket(account.aws.client("s3"), MODELS), "toy")


def made_for(account: Account, name: str) -> list[str]:
    """The configurations and models of an endpoint."""
    sagemaker = account.aws.client("sagemaker")
    configs = sagemaker.list_endpoint_configs(NameContains=f"{name}-v")["EndpointConfigs"]
    models = sagemaker.list_models(NameContains=f"{name}-v")["Models"]
    return [one["EndpointConfigName"] for one in configs] + [one["ModelName"] for one in models]


def test_what_the_approved_version_predicts_comes_back_to_the_last_digit(
    account: Account, prepared: Path, name: str
) -> None:
    version = account.up(name)["version"]
    predict, model = predicting(account), joblib.load(prepared / "model" / "model.joblib")

    assert predict(ROWS, in_seconds()) == Predicted(model.predict(ROWS.rows).tolist(), version)

    start = datetime(2026, 3, 1, 12, 34)  # noqa: DTZ001 - the sensor's timestamps have no zone
    moments = [start + timedelta(hours=7 * step) for step in range(50)]
    features = [[at.minute, at.hour, at.weekday()] for at in moments]
    rows = SourceRows([{"ts": at.isoformat()} for at in moments])
    assert predict(rows, in_seconds()).predictions == model.predict(features).tolist()


def test_a_new_version_takes_over_while_requests_go_on_and_none_fails(
    account: Account, prepared: Path, name: str
) -> None:
    # GIVEN an endpoint that is asked without a pause
    version = account.up(name)["version"]
    stop, seen = threading.Event(), list[int]()

    def ask() -> None:
        predict = predicting(account)
        while not stop.is_set():
            seen.append(predict(ROWS, in_seconds()).version)

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]

        # WHEN another version is approved and put in service
        newer = account.register(prepared)
        account.approve(newer)
        waiting = account.status(name)
        up = account.up(name)
        answered = len(seen)
        while len(seen) < answered + 4 and not any(one.done() for one in asking):
            stop.wait(0.05)
        stop.set()
        for one in asking:
            one.result(timeout=240)

    # THEN every request was answered, by the old version until the new one was healthy
    assert (waiting["version"], waiting["approved_version"]) == (version, newer)
    assert (up["version"], up["changed"]) == (newer, True)
    assert set(seen) == {version, newer}
    assert seen[-1] == newer
    # AND nothing is left of the old one
    assert made_for(account, name) == [up["config"]] * 2


def test_up_again_changes_nothing_until_there_is_something_new(account: Account, name: str) -> None:
    first = account.up(name)

    again = account.up(name)
    bigger = account.up(name, "--memory-mb", "3072")

    assert {**again, "changed": True} == first
    assert (again["changed"], bigger["changed"]) == (False, True)
    assert bigger["config"] != first["config"]


def test_what_an_endpoint_is_made_of_says_what_it_is_for(account: Account, name: str) -> None:
    up = account.up(name, "--memory-mb", "1024", "--max-concurrency", "7")
    sagemaker, config = account.aws.client("sagemaker"), up["config"]

    described = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    model = sagemaker.describe_model(ModelName=config)
    (variant,) = described["ProductionVariants"]
    package = sagemaker.describe_model_package(ModelPackageName=f"toy/{up['version']}")

    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 1024, "MaxConcurrency": 7}
    assert variant["VariantName"] == (
        f"version-{up['version']}-{package['CustomerMetadataProperties']['feature_spec_sha256'][:32]}"
    )
    assert model["ExecutionRoleArn"] == account.role
    assert model["Containers"] == [
        {"ModelPackageName": package["ModelPackageArn"], "Environment": dict(CONTAINER_ENVIRONMENT)}
    ]
    tags = {"dropscore:endpoint": name, "dropscore:model-version": str(up["version"])}
    for arn in (described["EndpointConfigArn"], model["ModelArn"]):
        found = sagemaker.list_tags(ResourceArn=arn)["Tags"]
        assert {tag["Key"]: tag["Value"] for tag in found} == tags


def test_a_version_registered_without_the_serving_environment_is_served_with_it(
    account: Account, version: int, name: str
) -> None:
    sagemaker = account.aws.client("sagemaker")
    package = sagemaker.describe_model_package(ModelPackageName=f"toy/{version}")
    (container,) = package["InferenceSpecification"]["Containers"]
    container = {key: container[key] for key in ("Image", "ModelDataUrl")} | {
        "Environment": ENVIRONMENT_BEFORE
    }
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="toy",
        InferenceSpecification={**package["InferenceSpecification"], "Containers": [container]},
        CustomerMetadataProperties=package["CustomerMetadataProperties"],
        ModelApprovalStatus="Approved",
    )["ModelPackageArn"]
    try:
        up = account.up(name)
    finally:
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")

    (served,) = sagemaker.describe_model(ModelName=up["config"])["Containers"]
    assert served == {"ModelPackageName": arn, "Environment": dict(CONTAINER_ENVIRONMENT)}
    assert predicting(account)(ROWS, in_seconds()).version == up["version"]


def test_down_leaves_nothing_and_can_be_repeated(account: Account, name: str) -> None:
    config = account.up(name)["config"]

    assert account.down(name)["deleted"] == [
        f"endpoint {name}",
        f"endpoint configuration {config}",
        f"model {config}",
    ]
    assert account.down(name)["deleted"] == []
    assert (account.status(name)["status"], account.status(name)["version"]) == (None, None)
    assert made_for(account, name) == []


def test_a_version_that_does_not_come_into_service_leaves_the_one_that_serves(
    account: Account, prepared: Path, name: str
) -> None:
    serving = account.up(name)["version"]
    account.approve(account.register(prepared))
    account.aws.change_faults(fail_endpoints=1, failure_reason="no capacity")

    with pytest.raises(TrainingError, match=f"version {serving} serves on: no capacity"):
        account.up(name)

    status = account.status(name)
    assert (status["status"], status["version"]) == ("InService", serving)
    assert status["failure_reason"] == "no capacity"
    assert predicting(account)(ROWS, in_seconds()).version == serving
    assert account.up(name)["version"] > serving


def test_a_failed_endpoint_is_made_anew(account: Account, name: str) -> None:
    account.aws.change_faults(fail_endpoints=1, failure_reason="no capacity")
    with pytest.raises(TrainingError, match="no version serves: no capacity"):
        account.up(name)

    assert account.status(name)["status"] == "Failed"
    assert account.up(name)["status"] == "InService"


def test_an_endpoint_of_somebody_else_is_left_alone(account: Account, name: str) -> None:
    sagemaker, config = account.aws.client("sagemaker"), account.up(name)["config"]
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": config,
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
    }
    sagemaker.create_endpoint_config(EndpointConfigName="theirs", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="theirs", EndpointConfigName="theirs")

    for command in (account.up, account.down, account.status):
        with pytest.raises(TrainingError, match="theirs was made by other means"):
            command("theirs")

    assert sagemaker.describe_endpoint(EndpointName="theirs")["EndpointConfigName"] == "theirs"
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="theirs", WaiterConfig={"Delay": 1})
    sagemaker.delete_endpoint(EndpointName="theirs")


def test_people_are_told_in_a_few_lines(account: Account, name: str) -> None:
    up = account.up(name)
    telling = account.tell("status", "--name", name)

    assert telling[:3] == [
        f"endpoint  {name}",
        telling[1],
        f"serves    version {up['version']}",
    ]
    assert telling[1].startswith("status    InService since 20")
    assert telling[3] == f"approved  version {up['version']}"
    assert account.tell("down", "--name", name, "--poll-seconds", "0.1") == [
        f"deleted endpoint {name}",
        f"deleted endpoint configuration {up['config']}",
        f"deleted model {up['config']}",
    ]
    assert account.tell("down", "--name", name) == [f"there is no endpoint {name}"]


@pytest.mark.slow
def test_waiting_has_a_limit(account: Account, name: str) -> None:
    account.aws.change_faults(endpoint_delay_seconds=8)

    with pytest.raises(TrainingError, match="is Creating after 6 s: it goes on by itself"):
        account.up(name, "--minutes", "0.1")


def test_a_model_that_was_exchanged_is_not_served(account: Account, name: str) -> None:
    s3, key = account.aws.client("s3"), None
    for entry in s3.list_objects_v2(Bucket=MODELS)["Contents"]:
        key = entry["Key"] if entry["Key"].endswith("model.tar.gz") else key
    original = s3.get_object(Bucket=MODELS, Key=key)["Body"].read()
    s3.put_object(Bucket=MODELS, Key=key, Body=original + b"\0")
    try:
        with pytest.raises(ModelUnusable, match="is not the one that was registered"):
            account.up(name)
    finally:
        s3.put_object(Bucket=MODELS, Key=key, Body=original)
    assert made_for(account, name) == []


def test_without_an_approved_version_there_is_nothing_to_serve(account: Account, name: str) -> None:
    account.aws.client("sagemaker").create_model_package_group(ModelPackageGroupName="empty")

    with pytest.raises(ModelUnusable, match="empty has no approved version"):
        account.up(name, "--group", "empty")


def least_rights(account: Account, *statements: dict[str, Any]) -> Predict:
    """The use case in the name of a user with some rights only."""
    iam = account.aws.client("iam")
    iam.create_user(UserName=f"user-{len(iam.list_users()['Users'])}")
    user = iam.list_users()["Users"][-1]["UserName"]
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=policy(*statements))
    key = iam.create_access_key(UserName=user)["AccessKey"]

    def client(service: str) -> Any:
        import boto3  # the name of a user is nothing for make_client

        return boto3.client(
            service,
            endpoint_url=account.aws.endpoint_url,
            region_name=account.aws.region,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    return Predict(Endpoint({20: client("sagemaker-runtime")}, "toy"), Bucket(client("s3"), MODELS), "toy")


def test_predicting_takes_the_right_to_invoke_that_endpoint_and_to_read_its_specs(
    account: Account, name: str
) -> None:
    account.up(name)
    arn = f"arn:aws:sagemaker:{account.aws.region}:123456789012:endpoint/{name}"
    invoke = {"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": arn}
    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{MODELS}/toy/endpoint/*"}
    asked: Asked = FeatureRows(json.loads("[[38, 16, 4]]"))

    assert least_rights(account, invoke, read)(asked, in_seconds()).predictions
    with pytest.raises(Exception, match="not authorized to perform: sagemaker:InvokeEndpoint"):
        least_rights(account, read)(asked, in_seconds())
    with pytest.raises(ModelUnusable, match="cannot be read \\(AccessDenied\\)"):
        least_rights(account, invoke)(asked, in_seconds())
