"""SageMaker's resource types in CloudFormation."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners

from local.sagemaker.errors import SageMakerError
from local.sagemaker.registry import create_group, delete_group
from local.sagemaker.store import store_of

Properties = dict[str, Any]

# The properties CloudFormation's schema of AWS::SageMaker::ModelPackageGroup knows.
GROUP_PROPERTIES = frozenset(
    {"ModelPackageGroupName", "ModelPackageGroupDescription", "ModelPackageGroupPolicy", "Tags"}
)
GROUP_TYPE = "AWS::SageMaker::ModelPackageGroup"


def register_sagemaker_types() -> None:
    """Let templates declare model package groups.

    MiniStack rejects a template with a type it does not know. Unknown properties are refused, as
    CloudFormation does, where MiniStack would drop them in silence.
    """
    provisioners._RESOURCE_HANDLERS[GROUP_TYPE] = {"create": _create, "delete": _delete}


def _create(logical_id: str, properties: Properties, stack_name: str) -> tuple[str, Properties]:
    del stack_name
    _refuse_unknown(logical_id, properties)
    request = {name: value for name, value in properties.items() if name != "ModelPackageGroupPolicy"}
    try:
        group = create_group(store_of(get_account_id(), get_region()), request)
    except SageMakerError as refusal:
        raise ValueError(f"{refusal} (Service: SageMaker, Status Code: 400)") from refusal
    return group.arn, {
        "ModelPackageGroupArn": group.arn,
        "ModelPackageGroupStatus": "Completed",
        "CreationTime": group.created_iso,
    }


def _delete(physical_id: str, properties: Properties) -> None:
    del properties
    store = store_of(get_account_id(), get_region())
    name = physical_id.rpartition("/")[2]
    if name in store.groups:
        try:
            delete_group(store, {"ModelPackageGroupName": name})
        except SageMakerError as refusal:
            raise ValueError(str(refusal)) from refusal


def _refuse_unknown(logical_id: str, properties: Properties) -> None:
    unknown = sorted(set(properties) - GROUP_PROPERTIES)
    if unknown:
        raise ValueError(
            f"Properties validation failed for resource {logical_id} with message: "
            f"#: extraneous key [{unknown[0]}] is not permitted"
        )
