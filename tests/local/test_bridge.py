"""Where containers reach the embedded AWS: the address that their engine names, and the server on it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local.bridge import EngineError, bridge_address
from local.clients import make_client
from local.server_process import ServerProcess


def network(name: str, *gateways: str) -> dict[str, Any]:
    """As the Docker Engine API lists one."""
    parts = [{"Subnet": f"{gateway}/16", "Gateway": gateway} for gateway in gateways]
    return {"Name": name, "Id": name, "IPAM": {"Driver": "default", "Config": parts}}


@contextmanager
def engine(*networks: dict[str, Any]) -> Iterator[str]:
    """A container engine that has these networks; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known: dict[str, Any] = {"version": {"ApiVersion": "1.44"}, "networks": list(networks)}
            body = json.dumps(known[self.path.split("?")[0].rsplit("/", 1)[-1]]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        ([network("none"), network("bridge", "172.17.0.1")], "172.17.0.1"),
        ([network("mine", "10.1.0.1"), network("podman", "10.88.0.1")], "10.88.0.1"),
        ([network("bridge", "fd00::1", "172.18.0.1")], "172.18.0.1"),
    ],
)
def test_the_address_is_the_gateway_of_the_network_that_containers_get_unasked(
    monkeypatch: pytest.MonkeyPatch, networks: list[dict[str, Any]], address: str
) -> None:
    with engine(*networks) as where:
        monkeypatch.setenv("DOCKER_HOST", where)
        assert bridge_address() == address


def test_without_an_engine_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert bridge_address() == ""


def test_an_engine_without_such_a_network_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with engine(network("host")) as where:
        monkeypatch.setenv("DOCKER_HOST", where)
        with pytest.raises(
            EngineError, match="no network bridge or podman with a gateway: unset DOCKER_HOST"
        ):
            bridge_address()


def test_an_engine_that_is_not_there_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/engine.sock")
    with pytest.raises(
        EngineError, match=r"no container engine answers there .*: start it, or unset DOCKER_HOST"
    ):
        bridge_address()


def test_the_server_listens_there_at_its_port_even_before_the_address_exists() -> None:
    with ServerProcess(bridge="127.0.0.2") as there, ServerProcess(bridge="198.51.100.7") as not_yet:
        for address in (there.endpoint_url, there.container_endpoint_url):
            assert make_client("sts", address).get_caller_identity()["Account"]
        assert there.container_endpoint_url == there.endpoint_url.replace("127.0.0.1", "127.0.0.2")
        assert make_client("sts", not_yet.endpoint_url).get_caller_identity()["Account"]


def test_without_a_bridge_it_listens_on_loopback_alone() -> None:
    with ServerProcess() as server:
        other = server.endpoint_url.replace("127.0.0.1", "127.0.0.2")
        assert server.container_endpoint_url == server.endpoint_url
        with pytest.raises(Exception, match="Could not connect"):
            make_client("sts", other).get_caller_identity()
