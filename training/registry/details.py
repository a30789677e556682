"""What the registry knows of a version: its metrics, its origin, and its feature spec."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dropscore.domain.model import METRIC_PREFIX, split_s3_uri
from dropscore.domain.spec import FeatureSpec, sha256_hex
from training.errors import TrainingError
from training.model.image import LIBRARIES
from training.model.metrics import DAY_BEFORE, lost_to
from training.registry.packages import ModelVersion, Registry

NOT_RECORDED = "not recorded"


@dataclass(frozen=True)
class Details:
    """A version and what its model package records.

    Attributes
    ----------
    version
        Its number, status and ARN.
    reason
        Kept with the last decision; empty where there is none.
    model_data_url
        Where its artefact lies; empty where the package has not just one container.
    recorded
        The package's `CustomerMetadataProperties`.
    """

    version: ModelVersion
    reason: str
    model_data_url: str
    recorded: Mapping[str, str]

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics that are recorded, and numbers."""
        found = {}
        for name, text in self.recorded.items():
            if name.startswith(METRIC_PREFIX) and (value := _number(text)) is not None:
                found[name.removeprefix(METRIC_PREFIX)] = value
        return found

    @property
    def libraries(self) -> dict[str, str]:
        """The versions of the libraries that trained it."""
        return {name: self.recorded.get(name, NOT_RECORDED) for name in LIBRARIES}

    @property
    def remark(self) -> str:
        """What the metrics say of it, in a word or two; empty where nothing."""
        lost = lost_to(self.metrics)
        if not lost:
            return ""
        return "loses to yesterday" if lost == (DAY_BEFORE,) else "loses to the mean"

    def document(self) -> dict[str, Any]:
        """What there is to say, as JSON has it."""
        version = self.version
        return {
            "version": version.number,
            "status": version.status,
            "created": version.created.isoformat() if version.created else None,
            "arn": version.arn,
            "reason": self.reason,
            "metrics": self.metrics,
            "git_commit": self.recorded.get("git_commit"),
            "data_sha256": self.recorded.get("data_sha256"),
            "libraries": self.libraries,
            "model_data_url": self.model_data_url,
            "model_data_sha256": self.recorded.get("model_data_sha256"),
            "feature_spec_uri": self.recorded.get("feature_spec_uri"),
            "feature_spec_sha256": self.recorded.get("feature_spec_sha256"),
        }


def describe(registry: Registry, version: ModelVersion) -> Details:
    """Ask the registry what it knows of a version.

    Raises
    ------
    botocore.exceptions.ClientError
        AWS refused.
    """
    answer = registry.sagemaker.describe_model_package(ModelPackageName=version.arn)
    containers = answer.get("InferenceSpecification", {}).get("Containers", [])
    url = containers[0].get("ModelDataUrl", "") if len(containers) == 1 else ""
    return Details(
        version,
        answer.get("ApprovalDescription", ""),
        url,
        dict(answer.get("CustomerMetadataProperties", {})),
    )


def fetch_spec(registry: Registry, details: Details) -> FeatureSpec:
    """Get the feature spec of a version, and make sure that it is the one that was registered.

    Raises
    ------
    TrainingError
        The package names none, or the object is another one now: scoring would refuse it, too.
    botocore.exceptions.ClientError
        AWS refused.
    """
    uri, sha256 = (details.recorded.get(name) for name in ("feature_spec_uri", "feature_spec_sha256"))
    if not uri or not sha256:
        raise TrainingError(
            f"version {details.version.number} names no feature spec and its sha256: it was not registered"
            " with python -m training, and cannot score"
        )
    bucket, key = split_s3_uri(uri)
    with registry.s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
        content = body.read()
    if (found := sha256_hex(content)) != sha256:
        raise TrainingError(
            f"{uri} has sha256 {found[:12]}…, version {details.version.number} was registered with"
            f" {sha256[:12]}…: it was replaced, and cannot score"
        )
    return FeatureSpec.parse(content)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
