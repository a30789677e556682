"""Which version an endpoint serves: its one production variant says it, and names the feature spec."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dropscore.domain.errors import ModelUnusable, SpecError
from dropscore.domain.spec import FeatureSpec, sha256_hex

_DIGITS = 32
"""Of the spec's SHA-256; a variant's name has 63 characters at most (ProductionVariant, API reference)."""

_VARIANT = re.compile(rf"version-([1-9]\d*)-([0-9a-f]{{{_DIGITS}}})")


@dataclass(frozen=True)
class Serving:
    """A model version at an endpoint.

    Every answer of InvokeEndpoint names the variant that gave it. So who asks learns the version, and the one
    feature spec that belongs to it, without any other right on SageMaker.

    Attributes
    ----------
    version
        Of the model package.
    spec_digest
        The first 32 hex digits of the SHA-256 of its feature spec.
    """

    version: int
    spec_digest: str

    @classmethod
    def of(cls, version: int, spec_sha256: str) -> Serving:
        """A version and the SHA-256 that its package records of its feature spec."""
        return cls(version, spec_sha256[:_DIGITS])

    @classmethod
    def parse(cls, variant: str) -> Serving:
        """Read the name of a variant.

        Raises
        ------
        ModelUnusable
            The endpoint was not made by `python -m training`.
        """
        match = _VARIANT.fullmatch(variant)
        if not match:
            raise ModelUnusable(
                f"the endpoint serves variant {variant!r}, which names no model version and feature spec: "
                "make it with `python -m training endpoint up`"
            )
        return cls(int(match[1]), match[2])

    @property
    def variant(self) -> str:
        """The name of the variant."""
        return f"version-{self.version}-{self.spec_digest}"

    def spec_key(self, group: str) -> str:
        """Where the models bucket holds its feature spec for those who ask the endpoint."""
        return f"{group}/endpoint/{self.variant}.json"

    def spec(self, data: bytes) -> FeatureSpec:
        """The feature spec, from what the models bucket holds.

        Raises
        ------
        ModelUnusable
            It is not the one that the variant names, or malformed.
        """
        if sha256_hex(data)[:_DIGITS] != self.spec_digest:
            raise ModelUnusable(f"the feature spec of variant {self.variant} is not the one it names")
        try:
            return FeatureSpec.parse(data)
        except SpecError as error:
            raise ModelUnusable(f"the feature spec of variant {self.variant}: {error}") from error
