"""The embedded AWS as SageMaker reaches it in the name of a role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RoleAccess:
    """Where the embedded AWS is, and temporary credentials of a role."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str
    session_token: str

    def client(self, service: str) -> Any:
        """A boto3 client of one service."""
        import boto3  # noqa: PLC0415 (the server starts without it)
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            proxies={},
            retries={"mode": "standard", "total_max_attempts": 3},
            read_timeout=120,
            connect_timeout=10,
        )
        session = boto3.Session(
            self.access_key_id, self.secret_access_key, self.session_token, region_name=self.region
        )
        return session.client(service, endpoint_url=self.endpoint_url, config=config)  # type: ignore[call-overload]
