"""Where containers reach this machine: the address of their engine's bridge."""

from __future__ import annotations

import os
from typing import Any

import docker
from docker.errors import DockerException

from local.errors import LocalError

DEFAULT_NETWORKS = ("bridge", "podman")
"""What the network of containers is called that ask for none: Docker's, podman's."""

PATIENCE_SECONDS = 10


class EngineError(LocalError):
    """`DOCKER_HOST` is set, but the engine does not say where containers reach this machine."""


def bridge_address() -> str:
    """The address of the bridge of the engine at `DOCKER_HOST`; empty when that is not set.

    Raises
    ------
    EngineError
        It does not answer, or has no network of its own; the message says what to do.
    """
    where = os.environ.get("DOCKER_HOST")
    if not where:
        return ""
    try:
        engine = docker.from_env(timeout=PATIENCE_SECONDS)
        try:
            networks = {network.name: network.attrs for network in engine.networks.list()}
        finally:
            engine.close()
    except DockerException as error:
        raise EngineError(
            f"DOCKER_HOST is {where}, and no container engine answers there ({error}): start it, or unset "
            "DOCKER_HOST if no container shall reach the stack"
        ) from error
    for name in DEFAULT_NETWORKS:
        if address := _gateway(networks.get(name, {})):
            return address
    raise EngineError(
        f"the container engine at {where} has no network {' or '.join(DEFAULT_NETWORKS)} with a gateway: "
        "unset DOCKER_HOST if no container shall reach the stack"
    )


def _gateway(attributes: dict[str, Any]) -> str:
    """The gateway of a network (Docker Engine API, "Inspect a network"): IPv4, since we listen on that."""
    gateways = [str(part.get("Gateway", "")) for part in (attributes.get("IPAM") or {}).get("Config") or []]
    return next((gateway for gateway in gateways if "." in gateway), "")
