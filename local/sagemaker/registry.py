"""The model registry: model package groups and model packages."""

from __future__ import annotations

import time
from typing import Any

from local.sagemaker.arns import arn_of, name_in
from local.sagemaker.authorization import require_tagging
from local.sagemaker.call import Call
from local.sagemaker.errors import ConflictError, ValidationError
from local.sagemaker.listing import Order, list_page, within
from local.sagemaker.store import Document, ModelPackage, ModelPackageGroup, Store

APPROVED = "Approved"
PENDING = "PendingManualApproval"
MOST_METADATA = 50

_GROUP_ORDER: Order[ModelPackageGroup] = Order(
    {"Name": lambda group: group.name, "CreationTime": lambda group: group.created},
    "CreationTime",
    "Ascending",
)
# "SortOrder: The sort order for the results. The default is Ascending"; SortBy defaults to CreationTime.
_PACKAGE_ORDER: Order[ModelPackage] = Order(
    {
        "Name": lambda package: package.name,
        "CreationTime": lambda package: (package.created, package.version or 0),
    },
    "CreationTime",
    "Ascending",
)


def create_group(store: Store, request: Document) -> ModelPackageGroup:
    """Create a model package group.

    Raises
    ------
    ValidationError
        When the name is taken.
    """
    name = request["ModelPackageGroupName"]
    arn = arn_of("model-package-group", name, store.region, store.account)
    with store.lock:
        if name in store.groups:
            raise ValidationError(f"Model Package Group already exists: {arn}")
        store.groups[name] = group = ModelPackageGroup(name, arn, request)
        store.tag(arn, request.get("Tags", []))
    return group


def delete_group(store: Store, request: Document) -> None:
    """Delete an empty model package group.

    Raises
    ------
    ConflictError
        When versions are left in it.
    """
    group = find_group(store, request["ModelPackageGroupName"])
    if any(package.group == group.name for package in store.packages.values()):
        raise ConflictError(
            f"Model Package Group {group.arn} has Model Packages associated with it and cannot be deleted"
        )
    del store.groups[group.name]


def find_group(store: Store, arn_or_name: str) -> ModelPackageGroup:
    """The group of that name or ARN, or ValidationError."""
    name = name_in(arn_or_name)
    for group in store.groups.values():
        if name in {group.name, name_in(group.arn)}:
            return group
    raise ValidationError(
        f"ModelPackageGroup {arn_of('model-package-group', name, store.region, store.account)} does not exist"
    )


def find_package(store: Store, arn_or_name: str) -> ModelPackage:
    """The package of that ARN (or name, or ``group/version``), or ValidationError."""
    arn = arn_of("model-package", name_in(arn_or_name), store.region, store.account)
    if arn not in store.packages:
        raise ValidationError(f"ModelPackage {arn} does not exist")
    return store.packages[arn]


def _create_group(call: Call) -> Document:
    require_tagging(call, call.arn("model-package-group", call.parameters["ModelPackageGroupName"]))
    return {"ModelPackageGroupArn": create_group(call.store, call.parameters).arn}


def _describe_group(call: Call) -> Document:
    group = find_group(call.store, call.parameters["ModelPackageGroupName"])
    return {**_group_summary(group), "CreatedBy": {}}


def _group_summary(group: ModelPackageGroup) -> Document:
    summary = {
        "ModelPackageGroupName": group.name,
        "ModelPackageGroupArn": group.arn,
        "CreationTime": group.created,
        "ModelPackageGroupStatus": "Completed",
    }
    if "ModelPackageGroupDescription" in group.request:
        summary["ModelPackageGroupDescription"] = group.request["ModelPackageGroupDescription"]
    return summary


def _delete_group(call: Call) -> Document:
    delete_group(call.store, call.parameters)
    return {}


def _list_groups(call: Call) -> Document:
    wanted = call.parameters
    groups = [
        group
        for group in call.store.groups.values()
        if wanted.get("NameContains", "") in group.name and within(wanted, "CreationTime", group.created)
    ]
    return list_page(groups, wanted, _GROUP_ORDER).response("ModelPackageGroupSummaryList", _group_summary)


def _create_package(call: Call) -> Document:
    wanted = call.parameters
    if wanted.get("ModelPackageName") and wanted.get("ModelPackageGroupName"):
        raise ValidationError(
            "Both ModelPackageName and ModelPackageGroupName are provided in the input. Cannot determine "
            "which one to use."
        )
    group, version, name = None, None, wanted.get("ModelPackageName")
    if wanted.get("ModelPackageGroupName"):
        group = find_group(call.store, wanted["ModelPackageGroupName"])
        version = group.versions + 1
        name = f"{group.name}/{version}"
    if not name:
        raise ValidationError("Missing ARN.")
    arn = call.arn("model-package", name)
    if arn in call.store.packages:
        raise ValidationError(f"Model Package already exists: {arn}")
    require_tagging(call, arn)
    if group:
        group.versions += 1
    details = {
        key: value
        for key, value in wanted.items()
        if key not in {"Tags", "ClientToken", "ModelApprovalStatus"}
    }
    approval = wanted.get("ModelApprovalStatus", PENDING)
    call.store.packages[arn] = ModelPackage(
        arn, group.name if group else name, group.name if group else None, version, approval, details
    )
    call.store.tag(arn, wanted.get("Tags", []))
    return {"ModelPackageArn": arn}


def _describe_package(call: Call) -> Document:
    package = find_package(call.store, call.parameters["ModelPackageName"])
    status: Document = {"ValidationStatuses": [], "ImageScanStatuses": []}
    described = {
        **package.details,
        **_package_summary(package),
        "ModelPackageStatusDetails": status,
        "CreatedBy": {},
    }
    if package.modified:
        described["LastModifiedTime"] = package.modified
    return described


def _package_summary(package: ModelPackage) -> Document:
    summary: Document = {
        "ModelPackageArn": package.arn,
        "CreationTime": package.created,
        "ModelPackageStatus": "Completed",
        "ModelApprovalStatus": package.approval,
    }
    if package.group:
        summary.update(ModelPackageGroupName=package.group, ModelPackageVersion=package.version)
    else:
        summary["ModelPackageName"] = package.name
    if "ModelPackageDescription" in package.details:
        summary["ModelPackageDescription"] = package.details["ModelPackageDescription"]
    return summary


def _list_packages(call: Call) -> Document:
    wanted = call.parameters
    group = (
        find_group(call.store, wanted["ModelPackageGroupName"]).name
        if wanted.get("ModelPackageGroupName")
        else None
    )
    packages = [package for package in call.store.packages.values() if _is_listed(package, wanted, group)]
    return list_page(packages, wanted, _PACKAGE_ORDER).response("ModelPackageSummaryList", _package_summary)


def _is_listed(package: ModelPackage, wanted: dict[str, Any], group: str | None) -> bool:
    kind = wanted.get("ModelPackageType", "Versioned" if group else "Unversioned")
    return (
        (group is None or package.group == group)
        and (kind == "Both" or (kind == "Versioned") == (package.version is not None))
        and wanted.get("ModelApprovalStatus", package.approval) == package.approval
        and wanted.get("NameContains", "") in package.name
        and within(wanted, "CreationTime", package.created)
    )


def _update_package(call: Call) -> Document:
    """Change what the request names and nothing else."""
    wanted = call.parameters
    package = find_package(call.store, wanted["ModelPackageArn"])
    metadata = {
        **package.details.get("CustomerMetadataProperties", {}),
        **wanted.get("CustomerMetadataProperties", {}),
    }
    for name in wanted.get("CustomerMetadataPropertiesToRemove", []):
        metadata.pop(name, None)
    if len(metadata) > MOST_METADATA:
        raise ValidationError(
            f"A model package can have at most {MOST_METADATA} customer metadata properties"
        )
    if metadata:
        package.details["CustomerMetadataProperties"] = metadata
    else:
        package.details.pop("CustomerMetadataProperties", None)
    for name in ("ApprovalDescription", "InferenceSpecification", "SourceUri", "ModelCard", "ModelLifeCycle"):
        if name in wanted:
            package.details[name] = wanted[name]
    package.approval = wanted.get("ModelApprovalStatus", package.approval)
    package.modified = time.time()
    return {"ModelPackageArn": package.arn}


def _delete_package(call: Call) -> Document:
    package = find_package(call.store, call.parameters["ModelPackageName"])
    del call.store.packages[package.arn]
    return {}


OPERATIONS = {
    "CreateModelPackageGroup": _create_group,
    "DescribeModelPackageGroup": _describe_group,
    "DeleteModelPackageGroup": _delete_group,
    "ListModelPackageGroups": _list_groups,
    "CreateModelPackage": _create_package,
    "DescribeModelPackage": _describe_package,
    "ListModelPackages": _list_packages,
    "UpdateModelPackage": _update_package,
    "DeleteModelPackage": _delete_package,
}
