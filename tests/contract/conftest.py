"""Both sides of the contract: the adapters in memory, and the real ones in front of the embedded AWS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.server_process import ServerProcess
from tests.contract.embedded import EmbeddedSide
from tests.contract.in_memory import LaggingSide, MemorySide

Side = MemorySide | EmbeddedSide
IN_MEMORY = {"memory": MemorySide, "lagging": LaggingSide}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The real adapters are slow: `make test` holds the contract for those in memory."""
    for item in items:
        if "[embedded" in item.nodeid or "-embedded" in item.nodeid:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedSide]:
    with ServerProcess() as server:
        yield EmbeddedSide(server)


@pytest.fixture(params=["memory", "embedded"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    """What makes the adapters; each that it makes is empty."""
    if request.param in IN_MEMORY:
        yield IN_MEMORY[request.param]()
        return
    embedded = request.getfixturevalue("embedded")
    yield embedded
    embedded.server.reset_faults()
