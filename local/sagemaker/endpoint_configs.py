"""Endpoint configurations: what an endpoint serves, and on what."""

from __future__ import annotations

from local.sagemaker.authorization import require_tagging
from local.sagemaker.call import Call
from local.sagemaker.errors import ValidationError
from local.sagemaker.listing import Order, list_page, within
from local.sagemaker.models import find_model
from local.sagemaker.store import Document, EndpointConfig, Store

MEMORY_STEP_MB = 1024
NOT_EMBEDDED = ("AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants")
# "Feature exclusions" of serverless inference (developer guide, "Deploy models with Serverless Inference").
NOT_SERVERLESS = ("DataCaptureConfig", "VpcConfig", "EnableNetworkIsolation")

_ORDER: Order[EndpointConfig] = Order(
    {"Name": lambda config: config.name, "CreationTime": lambda config: config.created},
    "CreationTime",
    "Descending",
)


def find_config(store: Store, name: str) -> EndpointConfig:
    """The configuration of that name, or ValidationError."""
    for config in store.endpoint_configs.values():
        if config.name == name:
            return config
    arn = f"arn:aws:sagemaker:{store.region}:{store.account}:endpoint-config/{name.lower()}"
    raise ValidationError(f'Could not find endpoint configuration "{arn}".')


def _create(call: Call) -> Document:
    wanted = call.parameters
    arn = call.arn("endpoint-config", wanted["EndpointConfigName"])
    if arn in call.store.endpoint_configs:
        raise ValidationError(f'Cannot create already existing endpoint configuration "{arn}".')
    require_tagging(call, arn)
    _require_embedded(wanted)
    _require_serverless(wanted)
    config = EndpointConfig(wanted["EndpointConfigName"], arn, wanted)
    find_model(call.store, config.variant["ModelName"])
    call.store.endpoint_configs[arn] = config
    call.store.tag(arn, wanted.get("Tags", []))
    return {"EndpointConfigArn": arn}


def _require_embedded(wanted: Document) -> None:
    """Refuse what SageMaker has and the stand-in has not."""
    for name in NOT_EMBEDDED:
        if wanted.get(name):
            raise ValidationError(f"the embedded SageMaker has no {name}")
    for variant in wanted["ProductionVariants"]:
        if "ServerlessConfig" not in variant or not variant.get("ModelName"):
            raise ValidationError("the embedded SageMaker serves serverless variants of a model, no others")


def _require_serverless(wanted: Document) -> None:
    """Refuse what serverless variants cannot have."""
    first = wanted["ProductionVariants"][0]
    if len(wanted["ProductionVariants"]) > 1:
        raise ValidationError("A serverless endpoint can have one production variant only.")
    for name in ("InstanceType", "InitialInstanceCount"):
        if name in first:
            raise ValidationError(f"{name} cannot be specified together with ServerlessConfig.")
    for name in NOT_SERVERLESS:
        if wanted.get(name):
            raise ValidationError(f"{name} is not supported for serverless endpoints.")
    _require_sizes(first["ServerlessConfig"])


def _require_sizes(serverless: Document) -> None:
    memory = serverless["MemorySizeInMB"]
    if memory % MEMORY_STEP_MB:
        raise ValidationError(
            f"MemorySizeInMB {memory} is not valid. Valid values are in 1 GB increments: 1024 MB, 2048 MB, "
            "3072 MB, 4096 MB, 5120 MB, or 6144 MB."
        )
    provisioned, most = serverless.get("ProvisionedConcurrency", 0), serverless["MaxConcurrency"]
    if provisioned > most:
        raise ValidationError(
            f"ProvisionedConcurrency {provisioned} should be less than or equal to MaxConcurrency {most}."
        )


def _describe(call: Call) -> Document:
    config = find_config(call.store, call.parameters["EndpointConfigName"])
    shown = {name: value for name, value in config.request.items() if name != "Tags"}
    return {**shown, **_summary(config)}


def _delete(call: Call) -> Document:
    """An endpoint that uses it goes on: SageMaker warns of that, but does not refuse it."""
    config = find_config(call.store, call.parameters["EndpointConfigName"])
    del call.store.endpoint_configs[config.arn]
    call.store.tags.pop(config.arn, None)
    return {}


def _list(call: Call) -> Document:
    wanted = call.parameters
    configs = [
        config
        for config in call.store.endpoint_configs.values()
        if wanted.get("NameContains", "") in config.name and within(wanted, "CreationTime", config.created)
    ]
    return list_page(configs, wanted, _ORDER).response("EndpointConfigs", _summary)


def _summary(config: EndpointConfig) -> Document:
    return {
        "EndpointConfigName": config.name,
        "EndpointConfigArn": config.arn,
        "CreationTime": config.created,
    }


OPERATIONS = {
    "CreateEndpointConfig": _create,
    "DescribeEndpointConfig": _describe,
    "DeleteEndpointConfig": _delete,
    "ListEndpointConfigs": _list,
}
