"""What an endpoint is made of: a model, an endpoint configuration, the feature spec for those who ask it."""

import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dropscore.approved import CurrentModel
from dropscore.artefacts import Artefacts
from dropscore.aws.objects import Bucket
from dropscore.aws.registry import Registry
from dropscore.domain.drop import ModelVersion
from dropscore.domain.errors import ModelUnusable
from dropscore.domain.model import SERVING_ENVIRONMENT, key_in
from dropscore.domain.serving import Serving

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

MADE_FOR, MODEL_VERSION = "dropscore:endpoint", "dropscore:model-version"
"""Tags of what is made for an endpoint."""


@dataclass(frozen=True)
class Size:
    """What the endpoint may take.

    Attributes
    ----------
    memory_mb
        1024 to 6144 in steps of 1024; the CPU grows with it. New accounts may have a quota of 3072.
    max_concurrency
        Requests at once, 1 to 200; more are throttled.
    """

    memory_mb: int = 2048
    max_concurrency: int = 5


@dataclass(frozen=True)
class Plan:
    """A model version on its way to an endpoint.

    Attributes
    ----------
    name
        Of its model and its endpoint configuration: the endpoint's, the version, and a hash of all that they
        are made of, so that what is there under the name need not be made again.
    environment
        Of its container: the package's and `SERVING_ENVIRONMENT`, which older packages lack. All of it, since
        no document says whether a model's environment is added to its package's or replaces it (`smoke:
        endpoint` shows that it serves). That both may have one: aws/sagemaker-python-sdk, pull request 3581.
    """

    name: str
    model: ModelVersion
    serving: Serving
    role: str
    size: Size
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Parts:
    """Makes and deletes what one endpoint is made of.

    Attributes
    ----------
    endpoint
        Name of the endpoint.
    group
        The model package group whose approved version it serves.
    """

    sagemaker: "SageMakerClient"
    endpoint: str
    group: str

    def plan(self, models: Bucket, role: str, size: Size) -> Plan:
        """Find the newest approved version; its model and feature spec are seen to be what was registered.

        Raises
        ------
        dropscore.domain.errors.ModelUnusable
            There is none, or it cannot serve.
        """
        registry = Registry(self.sagemaker, self.group)
        model = CurrentModel(registry, models).get().version
        package = registry.describe(model.package_arn)
        if package is None:
            raise ModelUnusable(f"version {model.version} of {self.group} has just been deleted")
        Artefacts(models).verify(package)
        environment = {**package.environment, **SERVING_ENVIRONMENT}
        made_of = [
            model.package_arn,
            model.spec_sha256,
            role,
            size.memory_mb,
            size.max_concurrency,
            environment,
        ]
        digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:8]
        serving = Serving.of(model.version, model.spec_sha256)
        return Plan(f"{self.endpoint}-v{model.version}-{digest}", model, serving, role, size, environment)

    def make(self, plan: Plan, models: Bucket) -> None:
        """Make the parts that are not there.

        Raises
        ------
        botocore.exceptions.ClientError
            AWS refused.
        """
        spec = models.read(key_in(models.name, plan.model.spec_uri, "the feature spec"))
        models.put_once(plan.serving.spec_key(self.group), io.BytesIO(spec), "application/json", {})
        version = {"Key": MODEL_VERSION, "Value": str(plan.serving.version)}
        tags: Any = [{"Key": MADE_FOR, "Value": self.endpoint}, version]
        with _unless_refused_as("already existing model"):
            self.sagemaker.create_model(
                ModelName=plan.name,
                Containers=[
                    {"ModelPackageName": plan.model.package_arn, "Environment": dict(plan.environment)}
                ],
                ExecutionRoleArn=plan.role,
                Tags=tags,
            )
        variant: Any = {
            "VariantName": plan.serving.variant,
            "ModelName": plan.name,
            "ServerlessConfig": {
                "MemorySizeInMB": plan.size.memory_mb,
                "MaxConcurrency": plan.size.max_concurrency,
            },
        }
        with _unless_refused_as("already existing endpoint configuration"):
            self.sagemaker.create_endpoint_config(
                EndpointConfigName=plan.name, ProductionVariants=[variant], Tags=tags
            )

    def has_made(self, name: str) -> bool:
        """Whether a configuration or model of that name was made for the endpoint."""
        return bool(re.fullmatch(rf"{re.escape(self.endpoint)}-v\d+-[0-9a-f]{{8}}", name))

    def clear(self, keep: str | None) -> list[str]:
        """Delete every configuration and model that was made for the endpoint, but those of one name.

        Returns
        -------
        list of str
            What was deleted.
        """
        deleted = []
        for name in self._made("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"):
            if name != keep:
                self.sagemaker.delete_endpoint_config(EndpointConfigName=name)
                deleted.append(f"endpoint configuration {name}")
        for name in self._made("list_models", "Models", "ModelName"):
            if name != keep:
                self.sagemaker.delete_model(ModelName=name)
                deleted.append(f"model {name}")
        return deleted

    def _made(self, listing: Any, items: str, member: str) -> list[str]:
        """The names, in a listing, of what was made for the endpoint."""
        pages = self.sagemaker.get_paginator(listing).paginate(NameContains=f"{self.endpoint}-v")
        return [item[member] for page in pages for item in page[items] if self.has_made(item[member])]


@contextmanager
def _unless_refused_as(words: str) -> Iterator[None]:
    """Take a refusal with certain words as success: what is there was made of the same."""
    try:
        yield
    except ClientError as error:
        if words not in error.response["Error"].get("Message", ""):
            raise
