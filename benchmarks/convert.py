"""A local file becomes feature shards: how fast, in how much memory, beside others on the same cores."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
from pyarrow import csv

from benchmarks.ended_job import INBOX, SOURCE, WORK
from benchmarks.inputs import HUNDRED, ONE, THOUSAND, month, with_floats, write_months
from benchmarks.measure import DROPSCORE, OURS, PEERS, BenchmarkFailed, Contender, compare
from benchmarks.report import Case, Goal, Report
from dropscore.domain.keys import FEATURES_PREFIX

CLOCK = ("minutes", "hour", "day_of_week")
FLOATS = tuple(f"feature_{place}" for place in range(1, 9))

WITH_CONTEXT = "dropscore, all of prepare"
ORIGINAL = "original"
STREAMED = (DROPSCORE, WITH_CONTEXT, "polars", "duckdb")
"""What is measured in every case."""

MEMORY_MIB = 200
"""The most memory that one process may take, however many rows there are."""

GROWTH = 1.15
"""What ten times as many rows may take of memory, in proportion."""

TIMES_THE_ORIGINAL = 40

_PATIENCE_SECONDS = 900.0
_PIECE_BYTES = 2**20


@dataclass(frozen=True)
class Work:
    """What is asked of the contenders: so many months, these features; one output each below `folder`."""

    folder: Path
    features: tuple[str, ...]
    rows: int
    cores: int

    @classmethod
    @contextmanager
    def written(cls, months: int, features: tuple[str, ...]) -> Iterator[Work]:
        """The file is there within the block."""
        with TemporaryDirectory() as folder:
            source = Path(folder) / INBOX / SOURCE.key
            source.parent.mkdir(parents=True)
            rows = write_months(source, months, with_floats(month()) if features == FLOATS else None)
            os.link(source, Path(folder) / "months.parquet")  # no peer shall take `company_id=1` for a column
            yield cls(Path(folder), features, rows, len(os.sched_getaffinity(0)))

    def contender(self, name: str) -> Contender:
        """The one who does it by that name."""
        features, cores = ",".join(self.features), str(self.cores)
        if name in (DROPSCORE, WITH_CONTEXT):
            how = "everything" if name == WITH_CONTEXT else "shards"
            return Contender(OURS, "benchmarks.converter", (how, str(self.folder), features, cores))
        files = str(self.folder / "months.parquet"), str(self.folder / f"{name}.csv")
        return Contender(PEERS, "benchmarks.peers.convert", (name, *files, features, cores))

    def outputs(self, name: str) -> list[Path]:
        """What a contender has written, in row order."""
        if name in (DROPSCORE, WITH_CONTEXT):
            return sorted((self.folder / WORK / FEATURES_PREFIX).rglob("*.csv"))
        return [self.folder / f"{name}.csv"]


def run(*, large: bool, repetitions: int = 5) -> Report:
    """Convert 43 thousand and 4.3 million rows, `large` 43 million, too."""
    report = Report("convert")
    with Work.written(ONE, CLOCK) as work:
        report.cases.append(_case(work, [*STREAMED, "pandas", ORIGINAL], repetitions))
    with Work.written(HUNDRED, CLOCK) as work:
        hundred = _case(work, STREAMED, repetitions)
        slow = _case(work, ["pandas", ORIGINAL], 1)
        hundred = Case(work.rows, {**hundred.results, **slow.results})
        one_core = _case(replace(work, cores=1), STREAMED, repetitions, "on one core")
    with Work.written(HUNDRED, FLOATS) as work:
        floats = _case(work, STREAMED, 3, "of eight floats")
    report.cases += [hundred, one_core, floats]
    report.goals += [
        _as_fast(hundred),
        _as_fast(one_core),
        _as_fast(floats),
        _beside_the_original(hundred),
        Goal(f"{hundred.says}, memory in MiB", _memory(hundred), MEMORY_MIB),
    ]
    if large:
        _add_large(report, _memory(hundred))
    report.notes += [
        "Each wrote the same bytes; of floats the same numbers, which the ways write in other forms (1e20).",
        "Peers write one file, ours are shards. 'all of prepare' keeps timestamps, actuals and a key, too.",
        "At 4.3 million rows pandas and the original way ran once: they take half a minute.",
    ]
    return report


def _add_large(report: Report, memory_mib: float) -> None:
    with Work.written(THOUSAND, CLOCK) as work:
        thousand = _case(work, [*STREAMED, "pandas"], 1)
    report.cases.append(thousand)
    most = _memory(thousand)
    report.goals += [
        _as_fast(thousand),
        Goal(f"{thousand.says}, memory in MiB", most, MEMORY_MIB),
        Goal("memory at ten times as many rows, in proportion", most / memory_mib, GROWTH),
    ]
    report.notes.append(
        "At 43 million rows the original way is left out, as it would take over 60 GB of memory; the others "
        "ran once."
    )


def _case(work: Work, names: Sequence[str], repetitions: int, title: str = "") -> Case:
    contenders = {name: work.contender(name) for name in names}
    return Case(work.rows, compare(contenders, repetitions, _PATIENCE_SECONDS, _check(work)), title)


def _as_fast(case: Case) -> Goal:
    """Our time beside that of the fastest peer."""
    fastest = min(("polars", "duckdb"), key=lambda name: case.results[name].seconds)
    return Goal(
        f"{case.says}, our time beside the fastest peer's ({fastest})",
        case.results[DROPSCORE].seconds / case.results[fastest].seconds,
        1.0,
    )


def _beside_the_original(case: Case) -> Goal:
    return Goal(
        f"{case.says}, our time in {TIMES_THE_ORIGINAL}ths of the original way's",
        TIMES_THE_ORIGINAL * case.results[DROPSCORE].seconds / case.results[ORIGINAL].seconds,
        1.0,
    )


def _memory(case: Case) -> float:
    return case.results[DROPSCORE].peak_rss_mib


def _check(work: Work) -> Callable[[str], None]:
    """Holds what each contender has written, each time, against what the first one has; and removes it.

    To write over what is there takes longer than to write anew.
    """
    kept: list[Path] = []
    known: set[str] = set()

    def check(name: str) -> None:
        outputs = work.outputs(name)
        digest = _digest(outputs)
        if not known:
            kept.extend(path.rename(work.folder / f"{place}.kept") for place, path in enumerate(outputs))
        elif digest not in known and not (
            work.features == FLOATS and _numbers(kept).equals(_numbers(outputs))
        ):
            raise BenchmarkFailed(f"{name} has come to something else: {outputs[0]}")
        known.add(digest)
        for path in outputs:
            path.unlink(missing_ok=True)

    return check


def _digest(files: Sequence[Path]) -> str:
    """The SHA-256 of the files' bytes, one after the other."""
    found = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                found.update(piece)
    return found.hexdigest()


def _numbers(files: Sequence[Path]) -> pa.Table:
    """All that is in an output, as numbers."""
    names = csv.ReadOptions(autogenerate_column_names=True)
    floats = csv.ConvertOptions(
        column_types={f"f{place}": pa.float64() for place in range(1, len(FLOATS) + 1)}
    )
    return pa.concat_tables([csv.read_csv(file, names, convert_options=floats) for file in files])
