"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A first call that imports something, on a machine that others use too, is not what these tests are about.
settings.register_profile("dropscore", deadline=None)
settings.load_profile("dropscore")
