"""From the demo's results to its chart: which drops are shown, and in what words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from local.demo.chart import PANEL_LIMIT, ChartText, Panel, draw_chart
from local.demo.curves import Points
from local.demo.results import ErrorStatistics, Result, batches

if TYPE_CHECKING:
    from local.demo.model import InstalledModel

MAX_POINTS = 1_000_000
"""Of one drop: beyond, every so-manieth row stands for its neighbours, so that memory stays bounded."""
TITLE_LENGTH = 110


def draw_results(
    results: Sequence[Result], model: InstalledModel, errors: ErrorStatistics | None, path: Path
) -> None:
    """Draw the largest results, one below the other.

    Parameters
    ----------
    results
        Fetched; those without rows are not shown.
    model
        What scored them.
    errors
        Against the actuals, where there are any.
    path
        The PNG to write.
    """
    with_rows = [result for result in results if result.rows]
    shown = sorted(with_rows, key=lambda result: -result.rows)[:PANEL_LIMIT]
    rows = sum(result.rows for result in results)
    facts = f"{rows:,} rows scored by model version {model.version.number}"
    if errors:
        facts += (
            f"   ·   absolute error: median {errors.median_absolute:.3g}, mean {errors.mean_absolute:.3g}"
        )
    note = f"the {len(shown)} largest of {len(with_rows)} drops" if len(with_rows) > len(shown) else ""
    panels = [Panel(_shortened(result.drop.source.key), read_points(result)) for result in shown]
    draw_chart(panels, ChartText(str(model.spec.target), facts, note), path)


def read_points(result: Result) -> Points:
    """Read what the chart needs of a result: time where there is any, else row numbers.

    Parameters
    ----------
    result
        With at least one row.

    Returns
    -------
    Points
        At most ``MAX_POINTS`` rows, evenly taken.
    """
    every = -(-result.rows // MAX_POINTS)
    parts, seen = [], 0
    for batch in batches(result.path, ["row", "ts", "prediction", "actual"]):
        parts.append(batch.take(np.arange(-seen % every, len(batch), every)))
        seen += len(batch)
    table = pa.Table.from_batches(parts)
    seconds = table["ts"].cast(pa.int64()).to_numpy().astype(np.float64) / 1e6
    is_time = bool(np.isfinite(seconds).any())
    rows = table["row"].to_numpy().astype(np.float64)
    actual = table["actual"].cast(pa.float64()).to_numpy().astype(np.float64)
    return Points(seconds if is_time else rows, is_time, table["prediction"].to_numpy(), actual)


def _shortened(key: str) -> str:
    """The end of a long key: it is what tells drops apart."""
    return key if len(key) <= TITLE_LENGTH else "…" + key[-TITLE_LENGTH:]
