"""A model for an embedded stack: chosen, trained, registered and approved in one go."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from dropscore.domain.errors import ContentError, quoted
from dropscore.domain.features import Extraction
from dropscore.domain.spec import DERIVED_FEATURES, FeatureSpec
from local.demo.files import DemoInputError
from local.demo.sensor_month import write_sensor_month
from training.data.prepared import write_prepared
from training.data.reading import Request, TrainingData, check_sizes, read_training_data
from training.data.split import Split, split
from training.errors import NotEnoughRows, SeveralZones
from training.model.local import train
from training.model.metrics import Metrics
from training.model.run import TrainedModel
from training.registry.packages import ModelVersion, Registry
from training.sensors.files import Sensor

if TYPE_CHECKING:
    from local.stack import LocalStack

FEATURES = ("minutes", "hour", "day_of_week")
TARGET = "snmpcpu_processor_1"
TIMESTAMP = "ts"
KEY = "device_id"
MAX_TRAINING_ROWS = 200_000
SEED = 0
GENERATED_MONTH = "the generated month"


@dataclass(frozen=True)
class Wish:
    """What the model shall predict, from what.

    Attributes
    ----------
    features
        None: the original work's.
    target
        The column to predict.
    timestamp
        The column that features of time come from; None: `ts`, else the first one of a file.
    """

    features: tuple[str, ...] | None = None
    target: str = TARGET
    timestamp: str | None = None


@dataclass(frozen=True)
class TrainingChoice:
    """Data to train on, and why these.

    Attributes
    ----------
    data
        The rows and their feature spec.
    source
        What they are, for a person: "3 of 4 files", or the generated month and why.
    """

    data: TrainingData
    source: str


@dataclass(frozen=True)
class InstalledModel:
    """A model that a stack scores with."""

    version: ModelVersion
    spec: FeatureSpec
    metrics: Metrics
    source: str


def choose_training_data(paths: Sequence[Path], wish: Wish, month: Path) -> TrainingChoice:
    """Take the files that can be read and have what the wish needs, else the generated month.

    Parameters
    ----------
    paths
        The files that are going to be scored.
    wish
        Features and target.
    month
        The generated month's file.

    Returns
    -------
    TrainingChoice
        The rows to train on.

    Raises
    ------
    DemoInputError
        No file has the features that were asked for, or nothing has the target.
    """
    spec = _spec(_schemas(paths), wish)
    try:
        data = _read(paths, spec)
    except NotEnoughRows as error:
        return _fall_back(month, spec, error)
    zone = f", features in {data.spec.timezone}" if data.spec.timezone and data.spec.derived else ""
    used = [footer.path for footer in data.used]
    origin = GENERATED_MONTH if used == [month] else f"{len(used)} of {len(paths)} files"
    return TrainingChoice(data, f"{origin}, {len(data.rows):,} rows{zone}")


def _fall_back(month: Path, spec: FeatureSpec, own: NotEnoughRows) -> TrainingChoice:
    """The generated month in place of files that give too little; these keep their timestamp column."""
    try:
        data = _read([month], replace(spec, timestamp=TIMESTAMP))
    except NotEnoughRows as error:
        raise DemoInputError(
            f"{own.finding}: choose a target (now {spec.target!r}) and features that files have"
        ) from error
    data = replace(data, spec=replace(data.spec, timestamp=spec.timestamp))
    return TrainingChoice(data, f"{GENERATED_MONTH}, since the files give {own.finding}")


def _read(paths: Sequence[Path], spec: FeatureSpec) -> TrainingData:
    """The rows of files that can be trained on; with features in UTC where they have several zones."""
    request = Request((Sensor("the files", tuple(paths)),), spec, max_rows=MAX_TRAINING_ROWS, seed=SEED)
    try:
        return read_training_data(request)
    except SeveralZones:
        return read_training_data(replace(request, spec=replace(spec, timezone="UTC")))


def train_model(choice: TrainingChoice, folder: Path) -> TrainedModel:
    """Split at random, as the original work did, fit and pack in a folder."""
    check_sizes(choice.data)
    return train(write_prepared(split(choice.data, Split.RANDOM, SEED), folder))


def install(stack: LocalStack, model: TrainedModel, choice: TrainingChoice) -> InstalledModel:
    """Register a trained model in a running stack, approved."""
    group = stack.outputs["ModelPackageGroupName"]
    registry = Registry(stack.client("sagemaker"), stack.client("s3"), group)
    version = registry.register(
        model.archive, model.spec, stack.outputs["ModelsBucketName"], status="Approved"
    )
    return InstalledModel(version, choice.data.spec, model.metrics, choice.source)


def install_sample_model(stack: LocalStack) -> InstalledModel:
    """Train on the generated month, and register and approve the model in a running stack.

    Parameters
    ----------
    stack
        Up, without need of any file.

    Returns
    -------
    InstalledModel
        The version that scores from now on.
    """
    with tempfile.TemporaryDirectory(prefix="dropscore-model-") as folder:
        month = write_sensor_month(Path(folder))
        choice = choose_training_data([month], Wish(), month)
        return install(stack, train_model(choice, Path(folder)), choice)


def _schemas(paths: Sequence[Path]) -> list[pa.Schema]:
    """The schemas of the files that can be read."""
    schemas = []
    for path in paths:
        try:
            schemas.append(pq.read_schema(path))
        except (pa.ArrowException, OSError, UnicodeDecodeError):  # the last one is a column's name
            continue
    return schemas


def _spec(schemas: Sequence[pa.Schema], wish: Wish) -> FeatureSpec:
    """The feature spec that as many of the files as possible can be scored by."""
    features = wish.features or FEATURES
    derived = [name for name in features if name in DERIVED_FEATURES]
    timestamp = wish.timestamp or _timestamp(schemas) or (TIMESTAMP if derived else None)
    spec = FeatureSpec(features, wish.target, timestamp)
    fitting = [schema for schema in schemas if not _misfit(spec, schema)]
    if wish.features and not fitting:
        reason = _misfit(spec, schemas[0]) if schemas else "none can be read"
        raise DemoInputError(
            f"no file has the features {quoted(features)} ({reason}): choose columns that files have"
        )
    keyed = replace(spec, keys=(KEY,))
    return keyed if fitting and not any(_misfit(keyed, schema) for schema in fitting) else spec


def _timestamp(schemas: Sequence[pa.Schema]) -> str | None:
    """The usual timestamp column if a file has it, else the first one that is there."""
    names = [
        field.name
        for schema in schemas
        for field in schema
        if pt.is_timestamp(field.type) or pt.is_date(field.type)
    ]
    return TIMESTAMP if TIMESTAMP in names else next(iter(names), None)


def _misfit(spec: FeatureSpec, schema: pa.Schema) -> str | None:
    """Why a file with a schema cannot be scored by a spec; None when it can."""
    try:
        Extraction.bind(spec, schema)
    except ContentError as error:
        return str(error)
    return None
