"""Fuzz the reader: `python -m tests.fuzz --cases N --seed S`; every mutation has a seed, from S on."""

from __future__ import annotations

import argparse
import itertools
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.arena import Arena
from tests.fuzz.bombs import bombs
from tests.fuzz.case import Case
from tests.fuzz.corpus import corpus_cases
from tests.fuzz.drift import drift
from tests.fuzz.hostile import hostile
from tests.fuzz.mutations import mutation
from tests.fuzz.oracle import Finding, Oracle, Tally, keep

KEPT = Path(".fuzz")


def crafted() -> Iterator[Case]:
    """The cases that are made by hand, each once."""
    return itertools.chain(corpus_cases(), drift(), hostile(), bombs())


def main() -> int:
    arguments = _arguments()
    logging.disable(logging.CRITICAL)
    cases = itertools.islice(
        itertools.chain(crafted(), map(mutation, itertools.count(arguments.seed))), arguments.cases
    )
    if arguments.only:
        cases = (case for case in cases if arguments.only in case.name)
    tally = Tally()
    began = time.monotonic()
    with Arena() as arena, Oracle(arena) as oracle:
        for finding in oracle.judge(cases):
            tally.findings.append(finding)
            _tell(finding, everything=arguments.verbose)
    slowest = max(tally.findings, key=lambda finding: finding.reading.seconds)
    _say(
        f"seconds: {time.monotonic() - began:.0f}, slowest: {slowest.case.name} {slowest.reading.seconds:.1f}"
    )
    _say(
        f"most memory of the reader: {tally.peak_bytes >> 20} MiB; died of: {dict(tally.deaths) or 'nothing'}"
    )
    _say(str(tally))
    return 1 if tally.failures else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _tell(finding: Finding, *, everything: bool) -> None:
    reading = finding.reading
    if finding.fault:
        _say(f"FAILED {finding.case.name}: {finding.fault}\n  its file: {keep(finding, KEPT)}")
    elif everything or reading.deaths:
        died = f" died: {', '.join(reading.deaths)}" if reading.deaths else ""
        what = "scored" if finding.scored else finding.reason[:160]
        _say(f"{reading.seconds:6.2f} s {reading.peak_bytes >> 20:5} MiB {finding.case.name}: {what}{died}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "--cases", type=int, default=1000, help="how many, the crafted ones first (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first mutation (%(default)s)")
    parser.add_argument("--only", default="", help="those of them whose name has this in it")
    parser.add_argument("--verbose", action="store_true", help="a line for every case")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
