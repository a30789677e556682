"""One call of an operation: what it asks, of whose SageMaker, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.sagemaker.arns import arn_of
from local.sagemaker.store import Store


@dataclass(frozen=True)
class Call:
    """A validated request with its account's store and the caller's access key."""

    operation: str
    parameters: dict[str, Any]
    store: Store
    access_key: str

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a resource in the caller's account and region."""
        return arn_of(kind, name, self.store.region, self.store.account)
