"""`python -m dropscore.api`: the API's description, as docs/openapi.json has it."""

from __future__ import annotations

import sys
from typing import Any

from dropscore.api.app import ResultsApi
from dropscore.deadline import system_clock


def description() -> str:
    """The document; nothing has to be read for it."""
    nothing: Any = None
    return ResultsApi(nothing, system_clock).document()


if __name__ == "__main__":
    sys.stdout.write(description())
