"""Which code answers: with other code an answer may be another, and what clients keep is asked for anew."""

from __future__ import annotations

import os
from functools import cache
from hashlib import sha256
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@cache
def own_digest() -> str:
    """The digest of this package's sources, computed once per process: 2 to 4 ms for a hundred files."""
    return digest(PACKAGE)


def digest(package: Path) -> str:
    """SHA-256 over the names and contents of the Python files below a folder."""
    files = []
    for folder, _, names in os.walk(package):  # pathlib's own walk takes three times as long
        files += [os.path.join(folder, name) for name in names if name.endswith(".py")]  # noqa: PTH118
    said = sha256()
    for file in sorted(files):
        with open(file, "rb") as source:  # noqa: PTH123
            content = sha256(source.read()).hexdigest()
        said.update(f"{file[len(str(package)) :]}\n{content}\n".encode())
    return said.hexdigest()
