"""Waiting for something in the embedded AWS to come true."""

from __future__ import annotations

import time
from collections.abc import Callable

POLL_SECONDS = 0.1


def wait_until(condition: Callable[[], bool], limit_seconds: float) -> bool:
    """Ask until it is so; False when it is not after `limit_seconds`."""
    until = time.monotonic() + limit_seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(POLL_SECONDS)
    return True
