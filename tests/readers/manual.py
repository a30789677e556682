"""docs/readers.md: its blocks, which the tests run, and its client of the API, which they read with."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

MANUAL = Path(__file__).parents[2] / "docs" / "readers.md"
API_MANUAL = MANUAL.with_name("results-api.md")

_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(language: str, note: str = "") -> list[str]:
    """The blocks of a language, in order; `note` is what stands behind its name."""
    found = _BLOCK.findall(MANUAL.read_text())
    return [text for kind, said, text in found if (kind, said.strip()) == (language, note)]


@cache
def client() -> Any:
    """What the manual's first Python block defines: `Signed`, `Bearer`, `Dropscore`."""
    namespace: dict[str, Any] = {}
    exec(blocks("python")[0], namespace)  # noqa: S102 - the manual's own lines
    return SimpleNamespace(**namespace)


def policy() -> str:
    """The policy of a reader, out of docs/results-api.md."""
    ((_, _, text),) = [
        found for found in _BLOCK.findall(API_MANUAL.read_text()) if found[1].strip() == "policy"
    ]
    return text
