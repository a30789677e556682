"""SageMaker's names and ARNs."""

from __future__ import annotations

import re
from typing import Any

_ARN = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]*:\d{12}:(?P<kind>[a-z-]+)/(?P<name>.+)")

# What each operation acts on: the request's member that names it, and the kind of resource.
# Source: Service Authorization Reference, Amazon SageMaker AI. Listings act on no one resource.
_RESOURCES = {
    "CreateModel": ("ModelName", "model"),
    "DescribeModel": ("ModelName", "model"),
    "DeleteModel": ("ModelName", "model"),
    "CreateTransformJob": ("TransformJobName", "transform-job"),
    "DescribeTransformJob": ("TransformJobName", "transform-job"),
    "StopTransformJob": ("TransformJobName", "transform-job"),
    "CreateModelPackageGroup": ("ModelPackageGroupName", "model-package-group"),
    "DescribeModelPackageGroup": ("ModelPackageGroupName", "model-package-group"),
    "DeleteModelPackageGroup": ("ModelPackageGroupName", "model-package-group"),
    "CreateModelPackage": ("ModelPackageGroupName", "model-package-group"),
    "DescribeModelPackage": ("ModelPackageName", "model-package"),
    "DeleteModelPackage": ("ModelPackageName", "model-package"),
    "UpdateModelPackage": ("ModelPackageArn", "model-package"),
    "CreateEndpointConfig": ("EndpointConfigName", "endpoint-config"),
    "DescribeEndpointConfig": ("EndpointConfigName", "endpoint-config"),
    "DeleteEndpointConfig": ("EndpointConfigName", "endpoint-config"),
    "CreateEndpoint": ("EndpointName", "endpoint"),
    "DescribeEndpoint": ("EndpointName", "endpoint"),
    "UpdateEndpoint": ("EndpointName", "endpoint"),
    "DeleteEndpoint": ("EndpointName", "endpoint"),
    "CreateTrainingJob": ("TrainingJobName", "training-job"),
    "DescribeTrainingJob": ("TrainingJobName", "training-job"),
    "StopTrainingJob": ("TrainingJobName", "training-job"),
    "AddTags": ("ResourceArn", ""),
    "ListTags": ("ResourceArn", ""),
}


def arn_of(kind: str, name: str, region: str, account: str) -> str:
    """The ARN of a resource; SageMaker lower-cases names in it."""
    return f"arn:aws:sagemaker:{region}:{account}:{kind}/{name.lower()}"


def name_in(arn_or_name: str) -> str:
    """The name in an ARN, or the name itself."""
    matched = _ARN.fullmatch(arn_or_name)
    return matched["name"] if matched else arn_or_name


def resource_of(operation: str, parameters: dict[str, Any], region: str, account: str) -> str:
    """The ARN that IAM checks a request against; ``*`` where the operation acts on no one resource."""
    member, kind = _RESOURCES.get(operation, ("", ""))
    named = parameters.get(member)
    if not isinstance(named, str) or not named:
        return "*"
    if named.startswith("arn:"):
        return named
    return arn_of(kind, named, region, account)
