"""Training data from parquet files: the features of dropscore.domain, a bounded sample of their rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dropscore.domain.errors import ContentError
from dropscore.domain.features import Extraction
from dropscore.domain.spec import FeatureSpec
from training.baseline import NullCounter, baseline
from training.errors import NotEnoughRows, TrainingError

MIN_ROWS = 20
"""Fewer usable rows make no model worth its name: three quarters to fit, a quarter to test."""
BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Skipped:
    """A file that was left out of the training, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class TrainingData:
    """Rows to train on.

    Attributes
    ----------
    spec
        The feature spec, with the baseline of these rows.
    rows
        Shape (n, features + 1), float64, all finite: the features in the spec's order, then the target.
    used
        The files the rows come from.
    skipped
        The files that cannot be trained on.
    """

    spec: FeatureSpec
    rows: NDArray[np.float64]
    used: tuple[Path, ...]
    skipped: tuple[Skipped, ...]


def read_training_data(paths: Sequence[Path], spec: FeatureSpec, max_rows: int, seed: int) -> TrainingData:
    """Read every file that can be read and has the target and what the features need.

    Parameters
    ----------
    paths
        Parquet files, in the order their rows are taken.
    spec
        What to read; its target must be set. A baseline it holds is replaced.
    max_rows
        Above this many rows in all, a random share of each file's rows is taken instead.
    seed
        Of that choice: the same files and seed give the same rows.

    Returns
    -------
    TrainingData
        The rows, where they come from, and what was left out.

    Raises
    ------
    NotEnoughRows
        When fewer than ``MIN_ROWS`` usable rows are found; the message names the reasons.
    TrainingError
        When the spec names no target.
    """
    if spec.target is None:
        raise TrainingError("training needs a target: name the column to predict")
    rng, nulls = np.random.default_rng(seed), NullCounter()
    sizes, skipped = _usable(paths, spec)
    share = min(1.0, max_rows / max(1, sum(sizes.values())))
    parts: list[NDArray[np.float64]] = []
    for path in sizes:
        try:
            parts.append(_sample(path, spec, share, rng, nulls))
        except (pa.ArrowException, OSError) as error:
            skipped.append(Skipped(path, _one_line(error)))
    rows = np.vstack([*parts, np.empty((0, len(spec.features) + 1))])
    if len(rows) < MIN_ROWS:
        raise NotEnoughRows(_too_few(len(rows), skipped))
    left_out = {entry.path for entry in skipped}
    used = tuple(path for path, size in sizes.items() if size and path not in left_out)
    return TrainingData(replace(spec, baseline=_describe(spec, rows, nulls)), rows, used, tuple(skipped))


def _usable(paths: Sequence[Path], spec: FeatureSpec) -> tuple[dict[Path, int], list[Skipped]]:
    """The rows of each file that has what the spec wants, by its footer, and the files that have not."""
    sizes: dict[Path, int] = {}
    skipped: list[Skipped] = []
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                Extraction.bind(spec, file.schema_arrow)
                if spec.target in file.schema_arrow.names:
                    sizes[path] = file.metadata.num_rows
                else:
                    skipped.append(Skipped(path, f"no column {spec.target}"))
        except (pa.ArrowException, OSError, ContentError) as error:
            skipped.append(Skipped(path, _one_line(error)))
    return sizes, skipped


def _sample(
    path: Path, spec: FeatureSpec, share: float, rng: np.random.Generator, nulls: NullCounter
) -> NDArray[np.float64]:
    """A random share of one file's usable rows: features and target, shape (n, features + 1)."""
    parts = [np.empty((0, len(spec.features) + 1))]
    parts += [rows[rng.random(len(rows)) < share] for rows in _batches(path, spec, nulls)]
    return np.vstack(parts)


def _batches(path: Path, spec: FeatureSpec, nulls: NullCounter) -> Iterator[NDArray[np.float64]]:
    """One file's rows that have every feature and a finite target, batch by batch."""
    with pq.ParquetFile(path) as file:
        extraction = Extraction.bind(spec, file.schema_arrow)
        first_row = 0
        for batch in file.iter_batches(BATCH_ROWS, columns=extraction.columns):
            nulls.add(batch.num_rows, {name: batch.column(name).null_count for name in batch.schema.names})
            extract = extraction.extract(batch, first_row)
            first_row += batch.num_rows
            columns = [extract.features.column(name) for name in spec.features]
            columns.append(extract.context.column("actual"))
            rows = np.column_stack(
                [column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) for column in columns]
            )
            yield rows[np.isfinite(rows).all(axis=1)]


def _describe(spec: FeatureSpec, rows: NDArray[np.float64], nulls: NullCounter) -> dict[str, object]:
    """The baseline of the rows; a derived feature is null where its timestamp is."""
    names = [*spec.features, str(spec.target)]
    sources = {name: str(spec.timestamp) if name in spec.derived else name for name in names}
    values = {name: rows[:, index] for index, name in enumerate(names)}
    return baseline(values, {name: nulls.share(source) for name, source in sources.items()})


def _one_line(error: Exception) -> str:
    """The first line of an error's message."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _too_few(found: int, skipped: Sequence[Skipped]) -> str:
    """Say that there is too little to train on, with the first file that was left out as the example."""
    finding = f"{found} usable rows to train on, {MIN_ROWS} are needed"
    if not skipped:
        return finding
    return f"{finding} ({len(skipped)} files left out, {skipped[0].path.name}: {skipped[0].reason})"
