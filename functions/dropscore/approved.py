"""The model version that scores now, with its feature spec."""

from __future__ import annotations

from dataclasses import dataclass

from dropscore.aws.clients import AwsError, error_code
from dropscore.aws.objects import Bucket
from dropscore.aws.registry import Registry
from dropscore.domain.drop import ModelVersion
from dropscore.domain.errors import ModelUnusable, SpecError
from dropscore.domain.model import key_in
from dropscore.domain.spec import FeatureSpec, sha256_hex


@dataclass(frozen=True)
class ApprovedModel:
    """A model version that drops can be prepared for."""

    version: ModelVersion
    spec: FeatureSpec


class CurrentModel:
    """The newest approved version of the group, looked up once per invocation.

    Never an older one behind the operator's back: when the newest cannot be used, drops wait.
    """

    def __init__(self, registry: Registry, models: Bucket) -> None:
        self._registry = registry
        self._models = models
        self._found: ApprovedModel | ModelUnusable | None = None

    def get(self) -> ApprovedModel:
        """The version that scores now.

        Raises
        ------
        ModelUnusable
            No version is approved, or the newest lacks a readable feature spec, a model artefact in the
            models bucket with its hash, or the container's libraries.
        """
        if self._found is None:
            try:
                self._found = self._look_up()
            except ModelUnusable as error:
                self._found = error
        if isinstance(self._found, ModelUnusable):
            raise self._found
        return self._found

    def _look_up(self) -> ApprovedModel:
        package = self._registry.newest_approved()
        if package is None:
            raise ModelUnusable(
                f"model package group {self._registry.group} has no approved version; approve one"
            )
        version = package.model_version()
        key_in(self._models.name, package.artefact()[0], f"{package}: its model artefact")
        return ApprovedModel(version, self._spec(version, str(package)))

    def _spec(self, version: ModelVersion, what: str) -> FeatureSpec:
        key = key_in(self._models.name, version.spec_uri, f"{what}: its feature spec")
        try:
            data = self._models.read(key)
        except AwsError as error:
            if error_code(error) in ("NoSuchKey", "AccessDenied"):
                raise ModelUnusable(
                    f"{what}: its feature spec {version.spec_uri} cannot be read: {error}"
                ) from error
            raise
        if sha256_hex(data) != version.spec_sha256:
            raise ModelUnusable(
                f"{what}: its feature spec {version.spec_uri} is not the one that was registered"
            )
        try:
            return FeatureSpec.parse(data)
        except SpecError as error:
            raise ModelUnusable(f"{what}: {error}") from error
