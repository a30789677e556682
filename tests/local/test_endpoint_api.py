"""Endpoint configurations and endpoints around the serving: refusals, states, listing, quotas."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from tests.local.builders import create_model, eventually, model_archive, principal, unique
from tests.local.serving import config_request, create_config, describe, is_gone, serving, settled


def refused(aws: Any, model: str, match: str, **more: Any) -> None:
    with pytest.raises(ClientError, match=match):
        aws.client("sagemaker").create_endpoint_config(**config_request(model, **more))


def test_a_configuration_says_what_it_was_made_of(aws: Any, summing_model: str) -> None:
    name = create_config(aws, summing_model, Tags=[{"Key": "k", "Value": "v"}])

    described = aws.client("sagemaker").describe_endpoint_config(EndpointConfigName=name)

    assert described["EndpointConfigName"] == name
    assert described["ProductionVariants"][0]["ModelName"] == summing_model
    tags = aws.client("sagemaker").list_tags(ResourceArn=described["EndpointConfigArn"])["Tags"]
    assert tags == [{"Key": "k", "Value": "v"}]
    listed = aws.client("sagemaker").list_endpoint_configs(NameContains=name)["EndpointConfigs"]
    assert [config["EndpointConfigArn"] for config in listed] == [described["EndpointConfigArn"]]


def test_a_configuration_that_cannot_work_is_refused(aws: Any, summing_model: str) -> None:
    taken = create_config(aws, summing_model)

    refused(aws, "nobody", r"ValidationException.*Could not find model .*:model/nobody")
    refused(aws, summing_model, "already existing endpoint configuration", EndpointConfigName=taken)
    refused(aws, summing_model, "MemorySizeInMB 1500 .* 1 GB increments", sizes={"MemorySizeInMB": 1500})
    refused(aws, summing_model, "less than or equal to 6144", sizes={"MemorySizeInMB": 7168})
    refused(aws, summing_model, "less than or equal to 200", concurrency=201)
    refused(aws, summing_model, "less than or equal to MaxConcurrency", sizes={"ProvisionedConcurrency": 6})
    refused(aws, summing_model, "InstanceType cannot be", variant={"InstanceType": "ml.m5.large"})
    refused(aws, summing_model, "regular expression pattern", variant={"VariantName": "version_1"})
    refused(aws, summing_model, "not supported for serverless", EnableNetworkIsolation=True)


def test_instances_are_said_not_to_be_embedded(aws: Any, summing_model: str) -> None:
    variant = {
        "VariantName": "v",
        "ModelName": summing_model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    with pytest.raises(ClientError, match="the embedded SageMaker serves serverless variants"):
        aws.client("sagemaker").create_endpoint_config(
            EndpointConfigName=unique(), ProductionVariants=[variant]
        )


def test_a_serverless_endpoint_has_one_variant(aws: Any, summing_model: str) -> None:
    request = config_request(summing_model)
    request["ProductionVariants"] *= 2

    with pytest.raises(ClientError, match="one production variant only"):
        aws.client("sagemaker").create_endpoint_config(**request)


def test_what_is_missing_is_said_to_be_missing(aws: Any) -> None:
    sagemaker = aws.client("sagemaker")
    for call in ("describe_endpoint_config", "delete_endpoint_config"):
        with pytest.raises(ClientError, match=r"ValidationException.*Could not find endpoint configuration"):
            getattr(sagemaker, call)(EndpointConfigName="nobody")
    for call in ("describe_endpoint", "delete_endpoint"):
        with pytest.raises(ClientError, match=r'ValidationException.*Could not find endpoint "arn:aws:sage'):
            getattr(sagemaker, call)(EndpointName="nobody")
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        sagemaker.create_endpoint(EndpointName=unique(), EndpointConfigName="nobody")
    with pytest.raises(ClientError, match="Could not find endpoint "):
        sagemaker.update_endpoint(EndpointName="nobody", EndpointConfigName="nobody")
    with pytest.raises(ParamValidationError):
        sagemaker.create_endpoint(EndpointName=unique())


def test_an_endpoint_is_created_then_in_service_then_gone(aws: Any, summing_model: str) -> None:
    sagemaker, name, config = aws.client("sagemaker"), unique("Endpoint"), create_config(aws, summing_model)
    aws.change_faults(endpoint_delay_seconds=0.5)

    arn = sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)["EndpointArn"]
    creating = describe(aws, name)
    assert arn.endswith(f":endpoint/{name.lower()}")
    assert (creating["EndpointStatus"], creating["EndpointConfigName"]) == ("Creating", config)
    assert creating["PendingDeploymentSummary"]["EndpointConfigName"] == config
    assert "ProductionVariants" not in creating

    up = settled(aws, name)
    (variant,) = up["ProductionVariants"]
    assert (up["EndpointStatus"], variant["VariantName"]) == ("InService", "only")
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    assert "PendingDeploymentSummary" not in up
    with pytest.raises(ClientError, match="Cannot create already existing endpoint"):
        sagemaker.create_endpoint(EndpointName=name.upper(), EndpointConfigName=config)

    sagemaker.delete_endpoint(EndpointName=name)
    assert describe(aws, name)["EndpointStatus"] == "Deleting"
    eventually(lambda: is_gone(aws, name))


def test_nothing_can_be_changed_while_a_change_is_under_way(aws: Any, summing_model: str) -> None:
    sagemaker, config = aws.client("sagemaker"), create_config(aws, summing_model)
    name = unique("endpoint")
    aws.change_faults(endpoint_delay_seconds=1, fail_endpoints=1)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)

    for call in (
        lambda: sagemaker.delete_endpoint(EndpointName=name),
        lambda: sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config),
    ):
        with pytest.raises(ClientError, match=f'Cannot update in-progress endpoint "arn:.*{name}"'):
            call()

    assert settled(aws, name)["EndpointStatus"] == "Failed"
    with pytest.raises(ClientError, match="in status Failed"):
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
    sagemaker.delete_endpoint(EndpointName=name)
    eventually(lambda: is_gone(aws, name))


def test_a_model_whose_container_is_not_healthy_makes_no_endpoint(aws: Any) -> None:
    aws.change_faults(ping_seconds=5)
    broken = create_model(aws, model_archive("def model_fn(folder): raise OSError('no such model')\n"))
    name, sagemaker = unique("endpoint"), aws.client("sagemaker")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=create_config(aws, broken))

    failed = settled(aws, name)

    assert failed["EndpointStatus"] == "Failed"
    assert failed["FailureReason"] == (
        "The primary container for production variant only did not pass the ping health check. Please check "
        "CloudWatch logs for this endpoint."
    )
    logs, group = aws.client("logs"), f"/aws/sagemaker/Endpoints/{name}"
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    said = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    assert any("OSError: no such model" in event["message"] for event in said)
    sagemaker.delete_endpoint(EndpointName=name)


def test_model_data_that_is_no_archive_makes_no_endpoint(aws: Any) -> None:
    name, sagemaker = unique("endpoint"), aws.client("sagemaker")
    sagemaker.create_endpoint(
        EndpointName=name, EndpointConfigName=create_config(aws, create_model(aws, b"no archive"))
    )

    assert "Failed to extract model data archive from URL" in settled(aws, name)["FailureReason"]
    sagemaker.delete_endpoint(EndpointName=name)


def test_a_quota_of_concurrency_is_refused_in_the_services_words(aws: Any, summing_model: str) -> None:
    config = create_config(aws, summing_model, concurrency=3)
    aws.change_faults(serverless_quota=2)

    with pytest.raises(ClientError, match=r"ResourceLimitExceeded.*all serverless endpoints' is 2"):
        aws.client("sagemaker").create_endpoint(EndpointName=unique(), EndpointConfigName=config)


def test_endpoints_are_listed_by_name_and_status(aws: Any) -> None:
    with serving(aws, model_archive()) as name:
        listed = aws.client("sagemaker").list_endpoints(NameContains=name, StatusEquals="InService")
        assert [endpoint["EndpointName"] for endpoint in listed["Endpoints"]] == [name]
        assert not aws.client("sagemaker").list_endpoints(NameContains=name, StatusEquals="Failed")[
            "Endpoints"
        ]


def test_creating_an_endpoint_takes_rights_on_the_endpoint_its_configuration_and_its_tags(
    aws: Any, summing_model: str
) -> None:
    config, name = create_config(aws, summing_model), unique("mine")
    prefix = f"arn:aws:sagemaker:{aws.region}:123456789012"
    endpoint = {"Action": "sagemaker:CreateEndpoint", "Resource": f"{prefix}:endpoint/{name}"}
    both = {**endpoint, "Resource": [f"{prefix}:endpoint/{name}", f"{prefix}:endpoint-config/{config}"]}
    request: dict[str, Any] = {"EndpointName": name, "EndpointConfigName": config}

    with pytest.raises(ClientError, match=r"AccessDenied.*CreateEndpoint .*:endpoint-config/"):
        principal(aws, endpoint).client("sagemaker").create_endpoint(**request)
    with pytest.raises(ClientError, match=r"AccessDenied.*AddTags"):
        principal(aws, both).client("sagemaker").create_endpoint(**request, Tags=[{"Key": "k", "Value": "v"}])
    with pytest.raises(ClientError, match=r"AccessDenied.*CreateEndpoint"):
        principal(aws, both).client("sagemaker").create_endpoint(**{**request, "EndpointName": "other"})
    assert is_gone(aws, name)
