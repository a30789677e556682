"""Builders for the unit tests: drops, jobs, parquet files, and what becomes of a file's rows."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from dropscore.domain.drop import Drop, DropState, ModelVersion
from dropscore.domain.features import Extract, Extraction
from dropscore.domain.job import Job, JobState, Member, Outcome
from dropscore.domain.reading import open_parquet, read_batches
from dropscore.domain.shards import Shard, convert
from dropscore.domain.source import Source
from dropscore.domain.spec import FeatureSpec

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ARN = "arn:aws:sagemaker:eu-central-1:123456789012:model-package/dropscore/7"
MODEL = ModelVersion("dropscore", 7, ARN, "s3://models/dropscore/7/feature_spec.json", "ab" * 32)
OTHER_MODEL = replace(MODEL, version=8, package_arn=ARN[:-1] + "8")


def source(key="data/company_id=1/a.parquet", version="v1", **fields):
    return Source("inbox", key, version, **fields)


def prepared_drop(number=0, *, waited=timedelta(0), model=MODEL, **fields):
    """A PREPARED drop that has been so for `waited`; its id is its number."""
    drop = Drop(
        f"{number:020x}",
        DropState.PREPARED,
        source(version=f"v{number}"),
        arrived_at=NOW - waited - timedelta(minutes=1),
        attempt=1,
        model=model,
        prepared_at=NOW - waited,
        shards=1,
    )
    return replace(drop, **fields)


def ended_job(
    drops, *, outputs, name="dropscore-first", failure_reason=None, outcome=Outcome.FAILED, ended_at=None
):
    members = tuple(sorted(map(Member.of, drops)))
    return Job(
        name,
        JobState.STARTED,
        MODEL,
        members,
        NOW,
        outcome=outcome,
        failure_reason=failure_reason,
        outputs=outputs,
        ended_at=ended_at,
    )


def parquet(table, **options):
    """The bytes of a parquet file with the table."""
    sink = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), sink, **options)
    return sink.getvalue()


def extract(spec, columns, first_row=0) -> Extract:
    """What a spec makes of a batch of these columns."""
    batch = pa.RecordBatch.from_pydict(columns)
    return Extraction.bind(spec, batch.schema).extract(batch, first_row)


def feature(column, name="x"):
    """The values of a column as a feature, with its rejected rows."""
    found = extract(FeatureSpec((name,)), {name: column})
    return found.features.column(name), found.rejects["row"].to_pylist()


def clock_features(names, column, timezone=None):
    """Features derived from a timestamp column: one list per name."""
    spec = FeatureSpec(tuple(names), timestamp="t", timezone=timezone)
    features = extract(spec, {"t": column}).features
    return {name: features.column(name).to_pylist() for name in names}


@dataclass(frozen=True)
class Converted:
    """What becomes of a file: its shards, and its rejected rows."""

    shards: list[Shard]
    rejects: pa.Table

    @property
    def lines(self):
        """Every line of every shard, as numbers."""
        return [line for shard in self.shards for line in csv_lines(shard.csv)]

    @property
    def context(self):
        return [row for shard in self.shards for row in shard.context.to_pylist()]

    @property
    def rejected(self):
        return {row["row"]: row["reason"] for row in self.rejects.to_pylist()}


def csv_lines(data):
    """A shard's lines, the row number as int, the features as the float that the model gets."""
    return [(int(row), *map(float, values)) for row, *values in csv.reader(io.StringIO(data.decode()))]


def convert_batches(extraction, batches, **options) -> Converted:
    shards, rejects = [], []
    for piece in convert(extraction, batches, **options):
        (shards if isinstance(piece, Shard) else rejects).append(piece)
    return Converted(shards, pa.concat_tables(rejects) if rejects else pa.table({"row": [], "reason": []}))


def convert_file(spec, data, **options) -> Converted:
    """All the way from the bytes of a file, as prepare goes it."""
    file = open_parquet(io.BytesIO(data))
    extraction = Extraction.bind(spec, file.schema_arrow)
    return convert_batches(extraction, read_batches(file, extraction.columns), **options)
