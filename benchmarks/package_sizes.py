"""What the artifact is made of, and what the build has left out of it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sizes:
    """Bytes of an artifact.

    Attributes
    ----------
    kept
        By the folder that they are in, the largest first.
    compiled
        Of byte code, which `kept` has, too.
    left_out
        That the wheels have beside these.
    """

    kept: Sequence[tuple[str, int]]
    compiled: int
    left_out: int

    @property
    def total(self) -> int:
        """All that Lambda unzips."""
        return sum(size for _, size in self.kept)


def sizes(artifact: Path) -> Sizes:
    """Sizes of what is in an artifact, and of what its packages' lists of files (RECORD) have beside it."""
    kept: Counter[str] = Counter()
    compiled = 0
    for file in artifact.rglob("*"):
        if file.is_file():
            size = file.stat().st_size
            kept[file.relative_to(artifact).parts[0]] += size
            compiled += size if file.suffix == ".pyc" else 0
    left_out = sum(
        int(size or 0)
        for record in artifact.glob("*.dist-info/RECORD")
        for name, _, size in csv.reader(record.read_text().splitlines())
        if not (artifact / name).exists()
    )
    return Sizes(kept.most_common(), compiled, left_out)
