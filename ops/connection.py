"""Where the operator's commands go: an AWS account and region, or the embedded AWS of `make local`."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ProfileNotFound

from ops.errors import NoRegion, NoStack, NotSignedIn

REPOSITORY = Path(__file__).resolve().parents[1]
LOCAL_STACK = REPOSITORY / ".local" / "stack.json"
"""What `make local` writes while it is up: `endpoint_url`, `stack_name`, `region` and root's credentials."""

SAM_SETTINGS = REPOSITORY / "samconfig.toml"
STACK_NAME = "dropscore"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

THREADS = 8
"""Requests that a command makes at once, at most."""

PATIENCE = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 5},
    max_pool_connections=THREADS,
)
INVOKING = Config(connect_timeout=5, read_timeout=330, retries={"mode": "standard", "total_max_attempts": 1})
"""A function answers within its 300 s; asking it twice for lack of an answer would only keep it busy."""


@dataclass(frozen=True)
class Connection:
    """An AWS that commands speak to.

    Attributes
    ----------
    session
        With the credentials.
    region
        Of the stack.
    stack_name
        Which stack is meant.
    endpoint_url
        Of another AWS than the real one; None is the real one.
    """

    session: boto3.Session
    region: str
    stack_name: str
    endpoint_url: str | None = None

    @property
    def embedded(self) -> bool:
        """Whether this is the embedded AWS, which knows neither quotas nor moves of messages."""
        return self.endpoint_url is not None

    def client(self, service: str, config: Config = PATIENCE) -> Any:
        """The client of a service, made once."""
        return _client(self, service, config)

    @property
    def signed_in(self) -> bool:
        """Whether there are credentials to sign with; they may have expired."""
        return self.session.get_credentials() is not None


@cache
def _client(connection: Connection, service: str, config: Config) -> Any:
    url = connection.endpoint_url
    if url and urlsplit(url).hostname in LOOPBACK:
        config = config.merge(Config(proxies={}))
    return connection.session.client(
        service,
        region_name=connection.region,
        endpoint_url=url,
        config=config,  # type: ignore[call-overload]
    )


def connect(
    stack_name: str | None, region: str | None, endpoint_url: str | None, *, local: bool
) -> Connection:
    """Find out where a command goes.

    Parameters
    ----------
    stack_name
        None: what samconfig.toml says, else `dropscore`; with `local` what `make local` says.
    region
        None: the AWS CLI's, else what samconfig.toml says.
    endpoint_url
        Of another AWS than the real one.
    local
        Whether the stack of `make local` is meant, whatever else is set.

    Raises
    ------
    NoRegion
        No region is set.
    NoStack
        `make local` is not up.
    NotSignedIn
        The profile that AWS_PROFILE names does not exist.
    """
    if local:
        return _local(stack_name)
    settings = sam_settings()
    try:
        session = boto3.Session(region_name=region)
    except ProfileNotFound as error:
        raise NotSignedIn(
            f"{error}: set AWS_PROFILE to one that `aws configure list-profiles` shows"
        ) from error
    found = session.region_name or settings.get("region")
    if not found:
        raise NoRegion("no AWS region is set: pass --region, or set AWS_REGION")
    name = stack_name or settings.get("stack_name") or STACK_NAME
    return Connection(session, str(found), str(name), endpoint_url)


def _local(stack_name: str | None) -> Connection:
    try:
        told = json.loads(LOCAL_STACK.read_text())
        keys = told["access_key_id"], told["secret_access_key"]
        name, region, url = told["stack_name"], told["region"], told["endpoint_url"]
    except (OSError, ValueError, KeyError) as error:
        raise NoStack(
            f"make local is not up ({LOCAL_STACK.name} says nothing of it): start it first"
        ) from error
    return Connection(boto3.Session(*keys, region_name=region), region, stack_name or name, url)


def sam_settings() -> dict[str, Any]:
    """What samconfig.toml says of deploying: `sam deploy --guided` keeps its answers there."""
    try:
        read = tomllib.loads(SAM_SETTINGS.read_text()).get("default", {})
    except (OSError, tomllib.TOMLDecodeError):
        return {}
    return {**read.get("global", {}).get("parameters", {}), **read.get("deploy", {}).get("parameters", {})}
