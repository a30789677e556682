"""What must be true of every case, and what was found of all of them."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from dropscore.domain.errors import MAX_MESSAGE, ContentError, ReaderDied
from dropscore.domain.outcome import FileOutcome
from dropscore.files.isolation import IsolatedFileWork
from tests.fuzz.arena import LIMIT, MEMORY_BYTES, Arena, Reading
from tests.fuzz.case import EITHER, REFUSED, SCORED, Case
from tests.fuzz.plain import Plain
from tests.unit.builders import csv_lines

STRICTER = re.compile(
    r"MaxRowsPerDrop|MaxBytesPerDrop|its footer says|unpack to|has type|is missing|is there|rows rejected"
    r"|can be scored|is encrypted"
)
"""Reasons for which a file is refused that a plain reader may read."""


@dataclass(frozen=True)
class Finding:
    """What a case came to; `fault` says what is wrong with that, if anything is."""

    case: Case
    reading: Reading
    fault: str = ""

    @property
    def scored(self) -> bool:
        return isinstance(self.reading.outcome, FileOutcome) and not self.reading.outcome.refusal

    @property
    def reason(self) -> str:
        outcome = self.reading.outcome
        return (outcome.refusal or "") if isinstance(outcome, FileOutcome) else str(outcome)


@dataclass
class Tally:
    """Every finding so far."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def failures(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.fault]

    @property
    def deaths(self) -> Counter[str]:
        return Counter(death for finding in self.findings for death in finding.reading.deaths)

    @property
    def peak_bytes(self) -> int:
        return max((finding.reading.peak_bytes for finding in self.findings), default=0)

    def __str__(self) -> str:
        scored = sum(finding.scored for finding in self.findings)
        return (
            f"fuzz cases: {len(self.findings)}, rejected: {len(self.findings) - scored}, scored: {scored}, "
            f"reader deaths: {self.deaths.total()}, failures: {len(self.failures)}"
        )


class Oracle:
    """Judges cases; a context manager that ends its plain reader."""

    def __init__(self, arena: Arena) -> None:
        self._arena = arena
        self._plain = IsolatedFileWork(MEMORY_BYTES, "tests.fuzz.plain_child")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._plain.close()

    def judge(self, cases: Iterable[Case]) -> Iterable[Finding]:
        """Have each case read."""
        for case in cases:
            data = case.make()
            drop, reading = self._arena.convert(data)
            written = self._arena.objects("work-bucket")
            self._arena.empty("results-bucket")
            shards = [
                body for key, body in sorted(written.items()) if key.startswith(f"features/{drop.drop_id}/")
            ]
            finding = Finding(case, reading)
            yield Finding(case, reading, self._fault(finding, data, shards))

    def _fault(self, finding: Finding, data: bytes, shards: list[bytes]) -> str:
        """What is wrong with what a case came to; empty when nothing is."""
        case = finding.case
        fault = _broken_promise(finding) or _not_expected(finding)
        if not fault and case.plain and case.expected in (EITHER, SCORED):
            return self._compared(finding, data, shards)
        return fault

    def _compared(self, finding: Finding, data: bytes, shards: list[bytes]) -> str:
        """What differs from what a plain reader makes of the file."""
        with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
            file.write(data)
            file.flush()
            try:
                plain: Plain = self._plain.convert(file.name, None, LIMIT)
            except ReaderDied as death:
                plain = Plain(problem=str(death))
        outcome = finding.reading.outcome
        if isinstance(outcome, FileOutcome):
            if plain.problem:
                return f"read, but a plain reader cannot: {plain.problem}"
            if outcome.counts.rows_in != plain.rows:
                return f"{outcome.counts.rows_in} rows, a plain reader finds {plain.rows}"
            lines = tuple(line for shard in shards for line in csv_lines(shard))
            if plain.lines is not None and lines != plain.lines:
                return _first_difference(lines, plain.lines)
        elif not plain.problem and not STRICTER.search(finding.reason):
            return f"refused ({finding.reason}), but a plain reader reads its {plain.rows} rows"
        return ""


def _broken_promise(finding: Finding) -> str:
    """What must not be of any file."""
    reading, reason = finding.reading, finding.reason
    if isinstance(reading.outcome, Exception) and not isinstance(reading.outcome, ContentError | ReaderDied):
        return f"{type(reading.outcome).__name__}: {reason}"
    if not finding.scored and not 0 < len(reason.strip().encode()) <= MAX_MESSAGE + 100:
        return f"a reason of {len(reason.encode())} bytes"
    return f"took {reading.peak_bytes >> 20} MiB" if reading.peak_bytes > MEMORY_BYTES else ""


def _not_expected(finding: Finding) -> str:
    """What must not be of this file."""
    case = finding.case
    if case.expected == REFUSED and finding.scored:
        return "scored, but must be refused"
    if case.expected == SCORED and not finding.scored:
        return f"must be scored, but: {finding.reason}"
    if case.expected == REFUSED and not re.search(case.reason, finding.reason):
        return f"the reason is not {case.reason!r} but {finding.reason!r}"
    return ""


def _first_difference(ours: tuple, theirs: tuple) -> str:
    pairs = zip(ours, theirs, strict=False)
    where = next(((a, b) for a, b in pairs if a != b), (len(ours), len(theirs)))
    return f"other features than a plain reader's: {where[0]}, expected {where[1]}"


def keep(finding: Finding, folder: Path) -> Path:
    """Save the file of a case that failed."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{finding.case.name}.parquet"
    path.write_bytes(finding.case.make())
    return path
