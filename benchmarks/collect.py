"""Predictions are joined with the rows they belong to: how fast, in how much memory, beside others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.ended_job import HIVE_KEY, HIVE_VALUE, SOURCE, EndedJob
from benchmarks.inputs import HUNDRED, THOUSAND
from benchmarks.measure import DROPSCORE, OURS, PEERS, BenchmarkFailed, Contender, Measured, compare
from benchmarks.peers.collect import WAYS, Asked
from benchmarks.report import Case, Goal, Report
from benchmarks.scoring import SPEC, prepare, score
from dropscore.domain.results import result_keys, result_schema

MEMORY_MIB = 256
"""What one process may take, however many rows there are."""

GROWTH = 1.15
"""What ten times as many rows may take of memory, in proportion."""

_PATIENCE_SECONDS = 600.0


def run(*, large: bool, repetitions: int = 3) -> Report:
    """Collect a drop of 4.3 million rows, `large` one of 43 million, too."""
    report = Report("collect")
    report.cases = _cases(HUNDRED, repetitions)
    for case in report.cases:
        report.goals.append(_as_fast(case))
    small = max(_ours(case).peak_rss_mib for case in report.cases)
    report.goals.append(Goal("the most memory, in MiB", small, MEMORY_MIB))
    if large:
        cases = _cases(THOUSAND, 1, leaving_out=("pandas",))
        most = max(_ours(case).peak_rss_mib for case in cases)
        report.cases += cases
        report.goals.append(Goal("memory at ten times as many rows, in proportion", most / small, GROWTH))
        report.notes.append("pandas is left out of 43 million rows: it would hold them all, in 10 GB.")
    report.notes += [
        "Each wrote the same rows, compared by row number: drop, row, ts, prediction, actual and two keys.",
        "'polars, sorted' does what we do, in memory: it relies on rows in order, where the others join.",
        "Objects are files: S3's time comes on top. Ours goes through a temporary file, as it has to there.",
    ]
    return report


def _cases(months: int, repetitions: int, leaving_out: tuple[str, ...] = ()) -> list[Case]:
    """The lines in order, and in any order."""
    with TemporaryDirectory() as folder:
        ordered = prepare(Path(folder), months)
        return [
            _case(ordered, "in order", repetitions, leaving_out),
            _case(replace(ordered, shuffled=True), "in any order", repetitions, leaving_out),
        ]


def _case(job: EndedJob, title: str, repetitions: int, leaving_out: tuple[str, ...]) -> Case:
    score(job)
    order = "shuffled" if job.shuffled else "ordered"
    arguments = (str(job.folder), str(job.rows), str(job.shards), order)
    contenders = {DROPSCORE: Contender(OURS, "benchmarks.collector", arguments)}
    for way in WAYS:
        if way not in leaving_out:
            contenders[way] = Contender(PEERS, "benchmarks.peers.collect", (way, str(_asked(job, way))))
    results = compare(contenders, repetitions, _PATIENCE_SECONDS, _check(job))
    for file in job.output_files:
        file.unlink()
    return Case(job.rows, results, title)


def _asked(job: EndedJob, way: str) -> Path:
    """The file that tells a peer what to do."""
    asked = Asked(
        outputs=[*map(str, job.output_files)],
        context=str(job.context_file),
        result=str(_result(job, way)),
        constants={"drop_id": SOURCE.drop_id, HIVE_KEY: HIVE_VALUE},
        columns=_schema().names,
    )
    file = _result(job, way).with_suffix(".json")
    file.write_text(json.dumps(asdict(asked)))
    return file


def _result(job: EndedJob, way: str) -> Path:
    return job.result_file if way == DROPSCORE else job.folder / f"{way}.parquet"


def _schema() -> pa.Schema:
    return result_schema(result_keys({HIVE_KEY: HIVE_VALUE}, SPEC.keys))


def _check(job: EndedJob) -> Callable[[str], None]:
    """Holds the first result of each contender against our own, row by row; ours come first."""
    checked: set[str] = set()

    def check(way: str) -> None:
        if way in checked:
            return
        checked.add(way)
        theirs = _result(job, way)
        if _rows(theirs) != job.rows or not (way == DROPSCORE or _same(job.result_file, theirs)):
            raise BenchmarkFailed(f"the result of {way} is another one: {theirs}")

    return check


def _rows(result: Path) -> int:
    return int(pq.read_metadata(result).num_rows)


def _same(ours: Path, theirs: Path) -> bool:
    """Whether two results have the same rows, ours in row order, theirs in any; a column at a time."""
    order = pc.sort_indices(_column(theirs, "row"))
    return all(_column(ours, name).equals(_column(theirs, name).take(order)) for name in _schema().names)


def _column(result: Path, name: str) -> pa.ChunkedArray:
    return pq.read_table(result, columns=[name], partitioning=None)[name].cast(_schema().field(name).type)


def _ours(case: Case) -> Measured:
    return case.results[DROPSCORE]


def _as_fast(case: Case) -> Goal:
    """Our time beside that of the fastest peer."""
    peers: Mapping[str, Measured] = {way: case.results[way] for way in case.results if way != DROPSCORE}
    fastest = min(peers, key=lambda way: peers[way].seconds)
    return Goal(
        f"{case.title}, our time beside the fastest peer's ({fastest})",
        _ours(case).seconds / peers[fastest].seconds,
        1.0,
    )
