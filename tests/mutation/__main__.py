"""Mutations of the domain and the use cases, a sample of them, and which of them no fast test sees.

Cosmic Ray makes the mutations, one at a time, in copies of the checkout. The fast tests that reach the
mutated line run first, then some crash points of the simulation. A survivor is a gap in the tests, or changes
nothing that matters.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from random import Random

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

REPOSITORY = Path(__file__).parents[2]
PYTHON = REPOSITORY / ".venv/bin/python"
FUNCTIONS = Path("functions/dropscore")
MODULES = sorted(
    path.relative_to(REPOSITORY)
    for kind in ("*.py", "domain/*.py")
    for path in (REPOSITORY / FUNCTIONS).glob(kind)
)
TESTS = ("tests/unit", "tests/usecases")
LAST = [
    "tests/simulation/test_exhaustive.py::test_a_fault_at_every_sixth_side_effect_breaks_no_promise"
    f"[{scenario}]"
    for scenario in ("one_drop", "a_job_with_rows_missing")
]
"""Tests that run for each mutation that the others have not seen."""

OPERATORS = (
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_FloorDiv", "FloorDiv_Mul")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt")),
    "AddNot",
    "ExceptionReplacer",
    "NumberReplacer",
    "ReplaceAndWithOr",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ReplaceFalseWithTrue",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    "ReplaceUnaryOperator_Delete_Not",
    "ZeroIterationForLoop",
)
"""Of Cosmic Ray's operators those that make other sense; the rest makes operands of the wrong types."""

WORKERS = 2
LIMIT_SECONDS = 300
"""How long the tests may take with one mutation: one that makes a loop endless is seen, too."""


@dataclass(frozen=True)
class Mutation:
    """The so many-th place of a module at which an operator can change something."""

    module: Path
    line: int
    operator: str
    occurrence: int

    def made(self, source: str) -> str:
        """The module with the change."""
        return str(mutate_code(source, get_operator(f"core/{self.operator}")(), self.occurrence))


def mutations() -> Iterator[Mutation]:
    """All that there are, in one order."""
    for module in MODULES:
        nodes = [*ast_nodes(get_ast((REPOSITORY / module).read_text()))]
        for name in OPERATORS:
            operator = get_operator(f"core/{name}")()
            starts = [start for node in nodes for start, _ in operator.mutation_positions(node)]
            for occurrence, (line, _) in enumerate(starts):
                yield Mutation(module, line, name, occurrence)


class Coverage:
    """Which tests run a line."""

    def __init__(self, copy: Path) -> None:
        """Run the fast tests in a copy.

        Raises
        ------
        SystemExit
            One of them fails without any mutation.
        """
        options = [f"--cov={FUNCTIONS}", "--cov-context=test", "--cov-report=", "--cov-fail-under=0"]
        ended = _pytest(copy, [*TESTS, *LAST, *options])
        if ended.returncode:
            sys.exit(f"The tests fail as they are:\n{ended.stdout[-2000:]}")
        only = ",".join(map(str, MODULES))
        options = ["--show-contexts", "--fail-under=0", "-o", "coverage.json", "--include", only]
        command = [PYTHON, "-m", "coverage", "json", "--quiet", *options]
        subprocess.run(command, cwd=copy, check=True)
        self._files = json.loads((copy / "coverage.json").read_text())["files"]

    def tests(self, mutation: Mutation) -> list[str]:
        """Those that run the statement, which may begin some lines above; all, where importing runs it."""
        contexts = self._files.get(str(mutation.module), {}).get("contexts", {})
        lines = sorted(map(int, contexts))
        place = bisect_right(lines, mutation.line)
        names = contexts[str(lines[place - 1])] if place else [""]
        return [*TESTS] if "" in names else sorted({name.rsplit("|", 1)[0] for name in names})


def survives(mutation: Mutation, copy: Path, tests: Sequence[str]) -> bool:
    """Whether all tests pass with the mutation in a copy, which is as it was afterwards."""
    module = copy / mutation.module
    source = module.read_text()
    try:
        module.write_text(mutation.made(source))
        return _pytest(copy, [*tests, *LAST]).returncode == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        module.write_text(source)


def main(arguments: list[str]) -> None:
    """Try a sample, and list what survives."""
    asked = _parser().parse_args(arguments)
    every = [*mutations()]
    sample = Random(asked.seed).sample(every, min(asked.count, len(every)))  # noqa: S311 - no secrets
    with tempfile.TemporaryDirectory(prefix="dropscore-mutate-") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            copies.put(_copied(Path(folder) / str(number)))
        _say(f"{len(sample)} of {len(every)} mutations, seed {asked.seed}; first the tests as they are ...")
        first = copies.get()
        coverage = Coverage(first)
        copies.put(first)

        def tried(mutation: Mutation) -> bool:
            copy = copies.get()
            try:
                return survives(mutation, copy, coverage.tests(mutation))
            finally:
                copies.put(copy)

        survivors = 0
        pool = ThreadPoolExecutor(WORKERS)
        try:
            for mutation, survived in zip(sample, pool.map(tried, sample), strict=True):
                survivors += survived
                if survived:
                    _say(_told(mutation))
        finally:
            pool.shutdown(cancel_futures=True)
    _say(f"{len(sample)} mutations, {len(sample) - survivors} killed, {survivors} survivors")


def _told(mutation: Mutation) -> str:
    source = (REPOSITORY / mutation.module).read_text()
    lines = difflib.unified_diff(source.splitlines(), mutation.made(source).splitlines(), n=1, lineterm="")
    changed = "\n".join([*lines][3:])
    return f"SURVIVOR: {mutation.module}:{mutation.line} {mutation.operator}\n{changed}"


def _copied(copy: Path) -> Path:
    return shutil.copytree(REPOSITORY, copy, ignore=shutil.ignore_patterns(".*", "__pycache__"))


def _pytest(copy: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    listed = copy / "arguments.txt"
    listed.write_text("\n".join(arguments))
    return subprocess.run(
        [PYTHON, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"@{listed}"],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy / "functions"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS * (1 if "--cov-context=test" not in arguments else 3),
        check=False,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="how many mutations")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    return parser


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - it is what a runner is for


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the copies are removed
    main(sys.argv[1:])
