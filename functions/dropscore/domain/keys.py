"""Where objects lie in the work and results buckets (the design, "Contracts")."""

from __future__ import annotations

from dropscore.domain.drop import ModelVersion

FEATURES_PREFIX = "features/"
"""Shards lie below; a manifest's entries are relative to it."""

OUTPUT_SUFFIX = ".out"
"""What SageMaker appends to an input object's name."""


def base_name(drop_id: str, attempt: int, number: int) -> str:
    """The file name of a shard, unique among all drops and attempts, so that outputs are matched by it."""
    return f"{drop_id}-{attempt}-{number:05d}.csv"


def manifest_entry(drop_id: str, attempt: int, number: int) -> str:
    """The shard's key below the `features/` prefix."""
    return f"{drop_id}/{attempt}/{base_name(drop_id, attempt, number)}"


def context_key(drop_id: str, attempt: int) -> str:
    """What collect needs beside the shards: row numbers, timestamps, actuals, keys."""
    return f"context/{drop_id}/{attempt}/rows.parquet"


def prepare_rejects_key(drop_id: str, attempt: int) -> str:
    """The rows that prepare rejected."""
    return f"context/{drop_id}/{attempt}/rejects.parquet"


def manifest_key(job: str) -> str:
    """The list of a job's shards."""
    return f"manifests/{job}.json"


def outputs_prefix(job: str) -> str:
    """Where a job's outputs lie; ends in a slash, since S3 prefixes are literal."""
    return f"transform/{job}/"


def result_key(model: ModelVersion, scored_date: str, drop_id: str) -> str:
    """The one result of a drop by a model version."""
    partitions = f"model_group={model.group}/model_version={model.version}/scored_date={scored_date}"
    return f"predictions/{partitions}/{drop_id}.parquet"


def rejects_key(drop_id: str) -> str:
    """The rejected rows of a drop."""
    return f"rejects/{drop_id}.parquet"
