"""Running contenders side by side: each run a process of its own, in turn, and the median of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from dropscore.domain.errors import DropscoreError

REPOSITORY = Path(__file__).resolve().parents[1]

OURS = sys.executable
"""The interpreter that runs our own code."""

PEERS = str(REPOSITORY / ".venv-bench" / "bin" / "python")
"""The interpreter of the environment that has the peers (`make setup-bench`)."""

DROPSCORE = "dropscore"
"""Our own name among the contenders."""


class BenchmarkFailed(DropscoreError):
    """A contender failed, took too long, or came to another result than the others."""


@dataclass(frozen=True)
class Measured:
    """Some runs of one contender.

    Attributes
    ----------
    seconds, cpu_seconds
        Medians of the work alone, without the start of the process.
    peak_rss_mib
        The largest of all runs.
    counted
        What else the last run told.
    """

    seconds: float
    cpu_seconds: float
    peak_rss_mib: float
    counted: Mapping[str, Any]


@dataclass(frozen=True)
class Contender:
    """A way to do the work: `python -m <module> <arguments>`, which ends with `child.measured`'s line."""

    python: str
    module: str
    arguments: tuple[str, ...]

    def run(self, timeout_seconds: float) -> dict[str, Any]:
        """Run it once.

        Raises
        ------
        BenchmarkFailed
            It ended with an error, or not in time.
        """
        command = [self.python, "-m", self.module, *self.arguments]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "functions"))),
        }
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=timeout_seconds, check=False
            )
        except FileNotFoundError as error:
            raise BenchmarkFailed(f"{self.python} is missing: run `make setup-bench` first") from error
        except subprocess.TimeoutExpired as error:
            raise BenchmarkFailed(f"{self} took more than {timeout_seconds:.0f} s") from error
        if done.returncode:
            raise BenchmarkFailed(f"{self} failed:\n{done.stderr.strip() or done.stdout.strip()}")
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    def __str__(self) -> str:
        return " ".join((self.module, *self.arguments))


def compare(
    contenders: Mapping[str, Contender],
    repetitions: int = 5,
    timeout_seconds: float = 120,
    check: Callable[[str], None] = lambda _name: None,
) -> dict[str, Measured]:
    """Run each contender in turn, `repetitions` times over: A B C, A B C.

    Whatever else the machine does then befalls all of them alike, which makes their ratios trustworthy where
    the times are not.

    Parameters
    ----------
    check
        Called after each run with the contender's name, to hold its output against the others'.

    Raises
    ------
    BenchmarkFailed
        One of them failed, or `check` says so.
    """
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
    for _ in range(repetitions):
        for name, contender in contenders.items():
            runs[name].append(contender.run(timeout_seconds))
            check(name)
    return {name: _summary(told) for name, told in runs.items()}


def _summary(runs: Sequence[Mapping[str, Any]]) -> Measured:
    fixed = ("seconds", "cpu_seconds", "peak_rss_mib")
    return Measured(
        seconds=median(run["seconds"] for run in runs),
        cpu_seconds=median(run["cpu_seconds"] for run in runs),
        peak_rss_mib=max(run["peak_rss_mib"] for run in runs),
        counted={name: value for name, value in runs[-1].items() if name not in fixed},
    )
