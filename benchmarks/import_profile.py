"""What importing a function's handler costs beyond importing boto3, by package."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import BenchmarkFailed
from local.server_process import FUNCTION_PYTHON

_TIMES = 3

_BORDER = "== boto3 is imported"
_PROGRAM = f"import sys, boto3; sys.stderr.write({_BORDER!r} + chr(10)); import "


@dataclass(frozen=True)
class Profile:
    """What an import cost.

    Attributes
    ----------
    modules
        How many were loaded.
    packages
        Milliseconds by package, the most expensive first; `python` is the standard library.
    """

    modules: int
    packages: Sequence[tuple[str, float]]

    @property
    def milliseconds(self) -> float:
        """All of it."""
        return sum(spent for _, spent in self.packages)


def profile(folder: Path, module: str) -> Profile:
    """What importing `module` costs in an artifact: the fastest of a few imports.

    Raises
    ------
    BenchmarkFailed
        It cannot be imported.
    """
    return min((_imported(folder, module) for _ in range(_TIMES)), key=lambda told: told.milliseconds)


def _imported(folder: Path, module: str) -> Profile:
    """By `python -X importtime`, which takes some time itself."""
    command = [str(FUNCTION_PYTHON), "-B", "-X", "importtime", "-c", _PROGRAM + module]
    done = subprocess.run(
        command, cwd=folder, env={}, capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise BenchmarkFailed(f"{module} cannot be imported:\n{done.stderr.strip()[-2_000:]}")
    told = done.stderr.partition(_BORDER)[2].strip().splitlines()
    spent: Counter[str] = Counter()
    for line in told:
        alone, _, name = line.removeprefix("import time:").split("|")
        package = name.strip().partition(".")[0]
        spent["python" if package in sys.stdlib_module_names else package] += int(alone)
    return Profile(len(told), [(package, micros / 1_000) for package, micros in spent.most_common()])
