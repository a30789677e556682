"""boto3 clients of the embedded AWS, whatever the caller's own AWS settings are."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from local.settings import ACCOUNT_ID, REGION

_environment_lock = threading.Lock()


@dataclass(frozen=True)
class Credentials:
    """Keys of the embedded account's root (MiniStack takes a 12-digit key for that account's root)."""

    access_key_id: str = ACCOUNT_ID
    secret_access_key: str = "local"  # noqa: S105 (a local stand-in's key opens nothing)


@contextlib.contextmanager
def without_aws_settings() -> Iterator[None]:
    """Hide the caller's ``AWS_*`` variables and configuration files while a client is made."""
    with _environment_lock:
        hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("AWS_")}
        os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
        try:
            yield
        finally:
            del os.environ["AWS_CONFIG_FILE"], os.environ["AWS_SHARED_CREDENTIALS_FILE"]
            os.environ.update(hidden)


def make_client(service: str, endpoint_url: str, region: str = REGION, *, read_timeout: float = 60) -> Any:
    """A client of one service of the embedded AWS, with root's credentials.

    Proxies are ignored: the endpoint is on loopback. Calls that fail are not repeated, so that a test sees
    the first answer.
    """
    config = Config(
        proxies={}, retries={"mode": "standard", "total_max_attempts": 1}, read_timeout=read_timeout
    )
    credentials = Credentials()
    with without_aws_settings():
        session = boto3.Session(credentials.access_key_id, credentials.secret_access_key, region_name=region)
        return session.client(service, endpoint_url=endpoint_url, config=config)  # type: ignore[call-overload]
