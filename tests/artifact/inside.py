"""Run inside of a built artifact by Lambda's interpreter: does with pyarrow what the functions do with it.

Prints as JSON what came of it, and which of the artifact's libraries the process has loaded. In the folder
that it is given may be encrypted files, `*.encrypted`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import astuple, replace
from datetime import datetime, timedelta
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pyarrow as pa
import pyarrow.parquet as pq

import dropscore
from benchmarks.disk import DiskS3
from benchmarks.ended_job import INBOX, LIMITS, MODEL, RESULTS, SOURCE, EndedJob, file_work
from dropscore.approved import ApprovedModel
from dropscore.aws.objects import Bucket
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.errors import ContentError
from dropscore.domain.spec import FeatureSpec
from dropscore.domain.window import Window
from dropscore.files.rows import Rows
from dropscore.files.work import FileWork
from dropscore.predict.asked import SourceRows
from dropscore.predict.matrix import matrix

ROWS = 1_000
SPEC = FeatureSpec(("hour", "load", "amount", "flag"), "target", "ts", ("device",), "Europe/Berlin")
ASKED = {"ts": "2026-07-01T22:30:00Z", "load": 2, "amount": 0.5, "flag": False}


def main(folder: Path) -> None:
    """Import everything, convert a file, join outputs, read pages of the result, compute features."""
    for module in walk_packages(dropscore.__path__, "dropscore."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    s3 = DiskS3(folder)
    work = replace(file_work(s3), limits=replace(LIMITS, max_rejected_fraction=0.5))
    drop = Drop(SOURCE.drop_id, DropState.PREPARING, SOURCE, datetime(2026, 3, 4).astimezone(), attempt=1)
    source = folder / INBOX / SOURCE.key
    source.parent.mkdir(parents=True)
    refused = [_refusal(work, drop, file.rename(source)) for file in sorted(folder.glob("*.encrypted"))]
    codecs = {"ts": "zstd", "load": "snappy", "amount": "brotli", "target": "gzip", "device": "lz4"}
    pq.write_table(_rows(), source, compression=codecs, row_group_size=ROWS // 3)
    job = EndedJob(folder, ROWS, 1, shuffled=True)
    prepared = work.convert(drop, ApprovedModel(MODEL, SPEC))
    lines = [line.split(",") for line in job.shard_files[0].read_text().splitlines()]
    for output in job.output_files:
        output.parent.mkdir(parents=True)
        output.write_text("".join(f"{row},{float(load) + 0.5}\n" for row, _, load, *_ in reversed(lines)))
    joined = work.join(replace(job.drop, rows_rejected=1), job.job, job.outputs)
    key = joined.result_uri.removeprefix(f"s3://{RESULTS}/")
    page = Rows(Bucket(s3, RESULTS)).json(key, ROWS, Window(start=500, limit=2), 10_000)
    told = {
        "first_line": lines[0],
        "prepared": astuple(prepared.counts),
        "joined": astuple(joined.counts),
        "mean_absolute": joined.errors.mean_absolute,
        "page": [json.loads(row) for row in page.rows],
        "features": matrix(SourceRows([ASKED]), SPEC),
        "refused": refused,
        "libraries": sorted(_loaded()),
    }
    sys.stdout.write(json.dumps(told))


def _refusal(work: FileWork, drop: Drop, _file: Path) -> str:
    """Why a file is not converted that has been put into the inbox."""
    try:
        return f"nothing: {work.convert(drop, ApprovedModel(MODEL, SPEC))}"
    except ContentError as error:
        return str(error)


def _rows() -> pa.Table:
    start = datetime.fromisoformat("2026-07-01T22:30:00+00:00")
    load = [float(row) for row in range(ROWS)]
    return pa.table(
        {
            "ts": pa.array(
                [start + timedelta(minutes=row) for row in range(ROWS)], pa.timestamp("ms", "UTC")
            ),
            "load": pa.array([None if row == 7 else value for row, value in enumerate(load)]),
            "amount": pa.array([Decimal("1.25")] * ROWS, pa.decimal128(9, 2)),
            "flag": pa.array([True] * ROWS),
            "target": pa.array(load),
            "device": pa.array([f"device {row % 3}" for row in range(ROWS)]).dictionary_encode(),
        }
    )


def _loaded() -> Iterator[str]:
    """The native libraries of pyarrow that the process has mapped."""
    maps = Path("/proc/self/maps").read_text()
    return iter(set(re.findall(r"\S*/pyarrow/\S+\.so\S*", maps)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
