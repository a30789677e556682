"""Hypothesis is deterministic here, and pandas, the oracle, knows the same time zones as we do."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "dropscore",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("dropscore")


@pytest.fixture(scope="session", autouse=True)
def pinned_time_zones() -> Iterator[None]:
    """The standard library reads zones from the tzdata package, whatever the machine has."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(())
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath(before)
    zoneinfo.ZoneInfo.clear_cache()
