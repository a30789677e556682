"""Stands in for what comes before collect: prepares a drop, and scores its shards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from benchmarks.disk import DiskS3
from benchmarks.ended_job import DAY, INBOX, MODEL, SOURCE, EndedJob, file_work
from benchmarks.inputs import TARGET, TIMESTAMP, write_months
from dropscore.approved import ApprovedModel
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.spec import FeatureSpec

SPEC = FeatureSpec(("minutes", "hour", "day_of_week"), TARGET, TIMESTAMP, ("device_id",))


def prepare(folder: Path, months: int) -> EndedJob:
    """Prepare a drop of so many months of a sensor, by the real conversion, into buckets below `folder`."""
    source = folder / INBOX / SOURCE.key
    source.parent.mkdir(parents=True)
    rows = write_months(source, months)
    drop = Drop(SOURCE.drop_id, DropState.PREPARING, SOURCE, DAY, attempt=1)
    outcome = file_work(DiskS3(folder)).convert(drop, ApprovedModel(MODEL, SPEC))
    source.unlink()
    return EndedJob(folder, rows, outcome.shards, shuffled=False)


def score(job: EndedJob) -> None:
    """Write the outputs of a job, the lines of each in any order where the job says so."""
    outputs = sorted(job.output_files, key=lambda file: file.name)
    for number, (shard, output) in enumerate(zip(job.shard_files, outputs, strict=True)):
        output.parent.mkdir(parents=True, exist_ok=True)
        shuffle = np.random.default_rng(number) if job.shuffled else None
        _score(shard, output, shuffle)


def _score(shard: Path, output: Path, shuffle: np.random.Generator | None) -> None:
    """A prediction a row, with as many digits as a linear model's have, no two the same."""
    names = ["row", *SPEC.features]
    features = csv.read_csv(shard, csv.ReadOptions(column_names=names))
    rows, minutes, hour, day = (column.to_numpy() for column in features.columns)
    predictions = 2.1 + minutes * 0.0123 / 7 + hour * 0.0717 / 3 - day * 0.0377 / 11 + rows * (1e-7 / 3)
    order: NDArray[np.int64] = np.arange(len(rows)) if shuffle is None else shuffle.permutation(len(rows))
    lines = pa.table({"row": rows[order], "prediction": predictions[order]})
    csv.write_csv(lines, output, csv.WriteOptions(include_header=False))
