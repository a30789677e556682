"""The model that the smoke test brings: a linear one whose right answers are known, trained in a second."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dropscore.domain.spec import FeatureSpec
from training.data.prepared import write_prepared
from training.data.reading import Request, read_training_data
from training.data.split import Split, split
from training.model.local import train
from training.model.run import TrainedModel
from training.sensors.files import Sensor

FEATURES = ("x", "z")
TARGET = "y"
TRAINING_ROWS = 200


def right_answer(x: float, z: float) -> float:
    """What the model answers, to the last few bits."""
    return 2 * x - 3 * z + 1


def parquet(rows: int, first: float = 0.0) -> bytes:
    """A file of the model's features and target.

    Parameters
    ----------
    rows
        How many.
    first
        The first feature of the first row; it grows by a quarter from row to row.
    """
    x = [first + row % 4_000 * 0.25 for row in range(rows)]
    z = [row % 7 - 3.0 for row in range(rows)]
    y = [right_answer(*pair) for pair in zip(x, z, strict=True)]
    sink = io.BytesIO()
    pq.write_table(pa.table({"x": x, "z": z, "y": y}), sink)
    return sink.getvalue()


def train_tiny_model(folder: Path) -> TrainedModel:
    """Train and pack it in a folder, as `python -m training` does.

    Raises
    ------
    TrainingError
        This environment has other libraries than the container.
    """
    file = folder / "training.parquet"
    file.write_bytes(parquet(TRAINING_ROWS, -20.0))
    spec = FeatureSpec(FEATURES, TARGET)
    data = read_training_data(Request((Sensor("the smoke test's rows", (file,)),), spec))
    return train(write_prepared(split(data, Split.RANDOM, 0), folder))
