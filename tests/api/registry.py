"""A registry of model versions that stands in for SageMaker's; its adapter has tests of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from dropscore.domain.errors import BadPosition
from dropscore.domain.model import Listed, Listing, Package

ARN = "arn:aws:sagemaker:eu-central-1:123456789012:model-package/dropscore/"
THEN = datetime(2026, 1, 1, tzinfo=UTC)
USABLE = {
    "feature_spec_uri": "s3://models/dropscore/feature_spec.json",
    "feature_spec_sha256": "ab" * 32,
    "model_data_sha256": "cd" * 32,
}


@dataclass
class Registered:
    """The versions of a group, the oldest first."""

    group: str
    packages: list[Package] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)

    def add(self, status="Approved", **metadata):
        """Register a version."""
        version = len(self.packages) + 1
        arn, approved = f"{ARN}{version}", status == "Approved"
        known = {**USABLE, **metadata}
        known = {name: value for name, value in known.items() if value is not None}
        package = Package(
            arn, self.group, version, approved, "image", known, "s3://models/dropscore/m.tar.gz"
        )
        self.packages.append(package)
        self.statuses.append(status)
        return package

    def newest_approved(self):
        return next((package for package in reversed(self.packages) if package.approved), None)

    def describe(self, arn):
        return next((package for package in self.packages if package.arn == arn), None)

    def versions(self, limit, after):
        try:
            start = int(after or 0)
        except ValueError as error:
            raise BadPosition("no such page") from error
        newest = list(zip(self.packages, self.statuses, strict=True))[::-1][start : start + limit]
        listed = (
            Listed(package.arn, package.version, status, THEN + timedelta(days=package.version))
            for package, status in newest
        )
        more = start + limit < len(self.packages)
        return Listing(tuple(listed), str(start + limit) if more else None)
