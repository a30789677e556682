"""What the demo brings home: one file with every prediction, the errors, the summary."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dropscore.domain.drop import Drop, DropState
from dropscore.domain.results import REJECTS_SCHEMA, result_schema
from dropscore.domain.spec import RESULT_COLUMNS
from local.demo.reader import Reader, ReadingError

if TYPE_CHECKING:
    from local.demo.model import InstalledModel

BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Result:
    """One drop's result, fetched."""

    drop: Drop
    path: Path
    rows: int


@dataclass(frozen=True)
class ErrorStatistics:
    """How far the predictions are from the actuals, in the target's unit.

    Attributes
    ----------
    rows
        Rows that have an actual value.
    median_absolute, mean_absolute, p95_absolute, root_mean_square
        Of prediction minus actual, over those rows.
    against
        Where the actual values come from.
    """

    rows: int
    median_absolute: float
    mean_absolute: float
    p95_absolute: float
    root_mean_square: float
    against: str = "actual values"


def fetch_results(reader: Reader, drops: Sequence[Drop], folder: Path) -> list[Result]:
    """Download the result of every drop that has one, as the results API lists them.

    Parameters
    ----------
    reader
        Of the results API.
    drops
        In a final state.
    folder
        Where the files go, named after the drops.

    Returns
    -------
    list of Result
        In the order of `drops`.

    Raises
    ------
    ReadingError
        The API does not list what is scored, or does not hand it out.
    """
    listed = set(reader.scored())
    scored = [drop for drop in drops if drop.state is DropState.SCORED]
    if missing := [drop.drop_id for drop in scored if drop.drop_id not in listed]:
        raise ReadingError(f"the results API does not list {len(missing)} scored drops, {missing[0]} first")
    paths = reader.download([drop.drop_id for drop in scored], folder)
    return [
        Result(drop, paths[drop.drop_id], pq.read_metadata(paths[drop.drop_id]).num_rows) for drop in scored
    ]


def write_rejects(reader: Reader, drops: Sequence[Drop], path: Path) -> bool:
    """Write the rejected rows of all drops into one file, where there are any; whether there are."""
    with_rejects = [drop for drop in drops if drop.rejects_uri]
    if not with_rejects:
        return False
    with pq.ParquetWriter(path, REJECTS_SCHEMA) as writer:
        for drop in with_rejects:
            rows = ({"drop_id": drop.drop_id, **row} for row in reader.rejects(drop.drop_id))
            for batch in batched(rows, BATCH_ROWS):
                writer.write_table(pa.Table.from_pylist(list(batch), schema=REJECTS_SCHEMA))
    return True


def write_predictions(results: Sequence[Result], path: Path) -> None:
    """Write the rows of all results into one file, a result after the other, never holding more than a batch.

    Parameters
    ----------
    results
        Fetched; their key columns may differ, a drop that lacks one gets nulls.
    path
        The file to write; valid, with no rows, when there are no results.
    """
    keys = dict.fromkeys(name for result in results for name in pq.read_schema(result.path).names)
    schema = result_schema([name for name in keys if name not in RESULT_COLUMNS])
    with pq.ParquetWriter(path, schema) as writer:
        for result in results:
            for batch in batches(result.path):
                columns = [
                    batch.column(field.name)
                    if field.name in batch.schema.names
                    else pa.nulls(len(batch), field.type)
                    for field in schema
                ]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))


def measure_errors(results: Sequence[Result]) -> ErrorStatistics | None:
    """Compare predictions with actuals over all results; None where no row has an actual."""
    errors = [
        _errors(batch) for result in results for batch in batches(result.path, ["prediction", "actual"])
    ]
    return error_statistics(np.concatenate([*errors, np.empty(0)]))


def error_statistics(absolute: NDArray[np.float64]) -> ErrorStatistics | None:
    """Sum absolute errors up, shape (rows,); None where there are none."""
    if not len(absolute):
        return None
    median, p95 = np.percentile(absolute, [50, 95])
    return ErrorStatistics(
        len(absolute), float(median), float(absolute.mean()), float(p95), float(np.sqrt(np.mean(absolute**2)))
    )


def write_summary(
    drops: Sequence[Drop], model: InstalledModel, errors: ErrorStatistics | None, seconds: float, path: Path
) -> None:
    """Write summary.json.

    Parameters
    ----------
    drops
        All, in a final state.
    model
        What scored them.
    errors
        Against the actuals, where there are any.
    seconds
        From the demo's start until now.
    path
        The file to write.
    """
    summary = {
        "drops": [_described(drop) for drop in drops],
        "transform_jobs": sorted({drop.job for drop in drops if drop.job}),
        "seconds": round(seconds, 2),
        "rows_in": sum(drop.rows_in for drop in drops),
        "rows_scored": sum(drop.rows_scored for drop in drops),
        "rows_rejected": sum(drop.rows_rejected for drop in drops),
        "model": {
            "package": model.version.arn,
            "version": model.version.number,
            "features": model.spec.features,
            "timestamp": model.spec.timestamp,
            "target": model.spec.target,
            "trained_on": model.source,
            "metrics": dict(model.metrics),
        },
        "errors": asdict(errors) if errors else None,
    }
    path.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _described(drop: Drop) -> dict[str, object]:
    """A drop as summary.json has it."""
    return {
        "drop_id": drop.drop_id,
        "source_key": drop.source.key,
        "state": drop.state.value,
        "reason": drop.reason,
        "rows_in": drop.rows_in,
        "rows_scored": drop.rows_scored,
        "rows_rejected": drop.rows_rejected,
        "model_version": drop.model.version if drop.model else None,
        "transform_job": drop.job,
        "result_uri": drop.result_uri,
    }


def batches(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Iterate over a result's rows, in its order, all columns or some."""
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(BATCH_ROWS, columns=columns)


def _errors(batch: pa.RecordBatch) -> NDArray[np.float64]:
    """The absolute errors of a batch's rows that have an actual value."""
    prediction, actual = (
        batch.column(name).to_numpy(zero_copy_only=False) for name in ("prediction", "actual")
    )
    error: NDArray[np.float64] = np.abs(prediction - actual)
    return error[np.isfinite(error)]
