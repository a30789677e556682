"""A world for each test of the schemas."""

from __future__ import annotations

import pytest

from tests.simulation.world import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)
