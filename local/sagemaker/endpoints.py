"""Endpoints: what the API says of them."""

from __future__ import annotations

import time
from typing import Any

from local.sagemaker.authorization import require_also, require_tagging
from local.sagemaker.call import Call
from local.sagemaker.endpoint_configs import find_config
from local.sagemaker.endpoint_run import create, delete, update
from local.sagemaker.errors import ValidationError
from local.sagemaker.faults import faults
from local.sagemaker.listing import Order, list_page, within
from local.sagemaker.models import find_model
from local.sagemaker.store import Document, Endpoint, EndpointConfig, EndpointStatus, Store
from local.sagemaker.variant import Variant

_IN_PROGRESS = {EndpointStatus.CREATING, EndpointStatus.UPDATING, EndpointStatus.DELETING}

_ORDER: Order[Endpoint] = Order(
    {
        "Name": lambda endpoint: endpoint.name,
        "CreationTime": lambda endpoint: endpoint.created,
        "Status": lambda endpoint: endpoint.status.value,
    },
    "CreationTime",
    "Descending",
)


def _create(call: Call) -> Document:
    wanted = call.parameters
    arn = call.arn("endpoint", wanted["EndpointName"])
    if arn in call.store.endpoints:
        raise ValidationError(f'Cannot create already existing endpoint "{arn}".')
    require_tagging(call, arn)
    config = _config(call)
    _require_quota(call.store, config, None)
    endpoint = Endpoint(wanted["EndpointName"], arn, config, pending=config)
    variant = _variant(call.store, endpoint, config)
    call.store.endpoints[arn] = endpoint
    call.store.tag(arn, wanted.get("Tags", []))
    create(call.store, endpoint, variant)
    return {"EndpointArn": arn}


def _update(call: Call) -> Document:
    endpoint = _find(call)
    _require_settled(endpoint)
    if endpoint.status is EndpointStatus.FAILED:
        raise ValidationError(f'Cannot update endpoint "{endpoint.arn}" in status Failed.')
    config = _config(call)
    _require_quota(call.store, config, endpoint)
    variant = _variant(call.store, endpoint, config)
    endpoint.status, endpoint.failure_reason = EndpointStatus.UPDATING, None
    endpoint.pending, endpoint.modified = config, time.time()
    update(call.store, endpoint, variant)
    return {"EndpointArn": endpoint.arn}


def _config(call: Call) -> EndpointConfig:
    """The configuration a call names; its caller needs the permission for it, too."""
    name = call.parameters["EndpointConfigName"]
    require_also(call, f"sagemaker:{call.operation}", call.arn("endpoint-config", name))
    return find_config(call.store, name)


def _variant(store: Store, endpoint: Endpoint, config: EndpointConfig) -> Variant:
    model = find_model(store, config.variant["ModelName"])
    return Variant(endpoint.name, config.variant, model, store.region)


def _require_quota(store: Store, config: EndpointConfig, but: Endpoint | None) -> None:
    used = sum(_concurrency(endpoint.config) for endpoint in store.endpoints.values() if endpoint is not but)
    faults.require_serverless_quota(used, _concurrency(config))


def _concurrency(config: EndpointConfig) -> int:
    most: int = config.variant["ServerlessConfig"]["MaxConcurrency"]
    return most


def _find(call: Call) -> Endpoint:
    arn = call.arn("endpoint", call.parameters["EndpointName"])
    if arn not in call.store.endpoints:
        raise ValidationError(f'Could not find endpoint "{arn}".')
    return call.store.endpoints[arn]


def _require_settled(endpoint: Endpoint) -> None:
    """Refuse a change while another is under way."""
    if endpoint.status in _IN_PROGRESS:
        raise ValidationError(f'Cannot update in-progress endpoint "{endpoint.arn}".')


def _delete(call: Call) -> Document:
    endpoint = _find(call)
    _require_settled(endpoint)
    endpoint.status, endpoint.modified = EndpointStatus.DELETING, time.time()
    delete(call.store, endpoint)
    return {}


def _describe(call: Call) -> Document:
    endpoint = _find(call)
    described = {**_summary(endpoint), "EndpointConfigName": endpoint.config.name}
    if endpoint.serving is not None:
        described["ProductionVariants"] = [_serving(endpoint.serving, endpoint.modified)]
    if endpoint.failure_reason is not None:
        described["FailureReason"] = endpoint.failure_reason
    if endpoint.pending is not None:
        variant = endpoint.pending.variant
        described["PendingDeploymentSummary"] = {
            "EndpointConfigName": endpoint.pending.name,
            "StartTime": endpoint.modified,
            "ProductionVariants": [{"VariantName": variant["VariantName"]}],
        }
    return described


def _serving(variant: Variant, since: float) -> dict[str, Any]:
    return {
        "VariantName": variant.name,
        "DeployedImages": [{"SpecifiedImage": variant.image, "ResolutionTime": since}],
        "CurrentWeight": 1.0,
        "DesiredWeight": 1.0,
        "CurrentServerlessConfig": variant.serverless,
    }


def _list(call: Call) -> Document:
    wanted = call.parameters
    endpoints = [
        endpoint
        for endpoint in call.store.endpoints.values()
        if wanted.get("NameContains", "") in endpoint.name
        and wanted.get("StatusEquals", endpoint.status.value) == endpoint.status.value
        and within(wanted, "CreationTime", endpoint.created)
        and within(wanted, "LastModifiedTime", endpoint.modified)
    ]
    return list_page(endpoints, wanted, _ORDER).response("Endpoints", _summary)


def _summary(endpoint: Endpoint) -> Document:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointStatus": endpoint.status.value,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
    }


OPERATIONS = {
    "CreateEndpoint": _create,
    "UpdateEndpoint": _update,
    "DeleteEndpoint": _delete,
    "DescribeEndpoint": _describe,
    "ListEndpoints": _list,
}
