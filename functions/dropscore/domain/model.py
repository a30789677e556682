"""Which model package can score, and how drops are prepared for it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dropscore.domain.drop import ModelVersion
from dropscore.domain.errors import ModelUnusable

CONTAINER_LIBRARIES = {"1.9-0": {"python": "3.12", "sklearn": "1.9.0", "numpy": "2.5.1"}}
"""What the scikit-learn images of SageMaker bring, by image version.

A model saved by other versions may load with a warning and predict something else, or not load at all.
"""

SERVING_ENVIRONMENT: Mapping[str, str] = {
    "PIP_NO_BUILD_ISOLATION": "0",
    "PIP_NO_INDEX": "1",
    "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
}
"""What a container that serves a model is started with, whatever its package says (3 of a job's 16 entries).

SageMaker's framework containers run `python -m pip install .` on the model's `code/` at every start
(aws/sagemaker-containers, `_modules.py`). pip from 25.3 on builds in isolation, and for that downloads an
unpinned setuptools: without an index the container does not start, with one it runs code that nobody has
chosen. `PIP_NO_BUILD_ISOLATION=0` turns the isolation off: pip reads the value as that of "build isolation",
so `1` leaves it on (pypa/pip, issue 5735). `PIP_NO_INDEX` keeps pip from asking an index for anything else.

Without the last one, whoever accepts anything gets JSON instead of CSV (aws/sagemaker-containers, `_env.py`).
"""

METRIC_PREFIX = "metric_"
"""How the names of the metrics begin that a package records, e.g. `metric_AE-at-50th-percentile`."""

_SKLEARN_IMAGE = re.compile(r"/sagemaker-scikit-learn:(\d+\.\d+-\d+)-")


@dataclass(frozen=True)
class Package:
    """One version of a model package group, as the registry has it.

    Attributes
    ----------
    model_data_url
        Where the artefact of its only container lies; empty where there is none or not just one.
    environment
        What that container is started with, as it was registered.
    has_model_data_source
        Whether that container names its artefact by `ModelDataSource`.
    """

    arn: str
    group: str
    version: int
    approved: bool
    image: str
    metadata: Mapping[str, str]
    model_data_url: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    has_model_data_source: bool = False

    @property
    def metrics(self) -> dict[str, float]:
        """What the model was measured at when it was trained; what is no finite number is left out."""
        said = {name: value for name, value in self.metadata.items() if name.startswith(METRIC_PREFIX)}
        numbers = {name.removeprefix(METRIC_PREFIX): _number(value) for name, value in said.items()}
        return {name: number for name, number in numbers.items() if math.isfinite(number)}

    def model_version(self) -> ModelVersion:
        """What drops are prepared for.

        Raises
        ------
        ModelUnusable
            No feature spec is recorded, or the model was trained with other libraries than its image has.
        """
        uri, sha256 = self.metadata.get("feature_spec_uri"), self.metadata.get("feature_spec_sha256")
        if not uri or not sha256:
            raise ModelUnusable(
                f"{self} names no feature spec and its sha256; register it with `python -m training`"
            )
        self._check_libraries()
        return ModelVersion(self.group, self.version, self.arn, uri, sha256)

    def artefact(self) -> tuple[str, str]:
        """Address and SHA-256 of its model artefact.

        Raises
        ------
        ModelUnusable
            One of them is not recorded.
        """
        sha256 = self.metadata.get("model_data_sha256")
        if not self.model_data_url and self.has_model_data_source:
            raise ModelUnusable(
                f"{self} has a container with ModelDataSource, expected ModelDataUrl: register it anew with "
                "`python -m training`"
            )
        if not self.model_data_url or not sha256:
            raise ModelUnusable(
                f"{self} names no model artefact and its sha256; register it with `python -m training`"
            )
        return self.model_data_url, sha256

    def _check_libraries(self) -> None:
        match = _SKLEARN_IMAGE.search(self.image)
        for library, has in CONTAINER_LIBRARIES.get(match[1], {}).items() if match else ():
            trained_with = self.metadata.get(library)
            if trained_with != has:
                raise ModelUnusable(
                    f"{self} was trained with {library} {trained_with}, its image has {has}: train it anew"
                )

    def __str__(self) -> str:
        return f"model package {self.group} version {self.version}"


@dataclass(frozen=True)
class Listed:
    """A version as the registry lists it: `status` is SageMaker's `ModelApprovalStatus`."""

    arn: str
    version: int
    status: str
    created_at: datetime


@dataclass(frozen=True)
class Listing:
    """A page of versions, the newest first; `position` is where the next one begins, None at the end."""

    versions: tuple[Listed, ...]
    position: str | None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def key_in(bucket: str, uri: str, what: str) -> str:
    """The key of an `s3://` address that has to lie in a bucket.

    Raises
    ------
    ModelUnusable
        It is no such address, or lies in another bucket; the message begins with `what`.
    """
    found, key = split_s3_uri(uri)
    if found != bucket:
        raise ModelUnusable(f"{what} lies in bucket {found}, expected {bucket}")
    return key


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an `s3://` address.

    Raises
    ------
    ModelUnusable
        It is none.
    """
    match = re.fullmatch(r"s3://([^/]+)/(.+)", uri)
    if not match:
        raise ModelUnusable(f"{uri!r} is not an s3:// address")
    return match[1], match[2]
