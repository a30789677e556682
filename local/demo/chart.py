"""The demo's chart: predicted and actual over time, thinned so that a month of minutes can be read."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from local.demo.curves import Curves, Floats, Points, curves

PANEL_LIMIT = 4
_SECONDS_PER_DAY = 86_400.0
_ACTUAL, _PREDICTED, _INK, _FAINT, _GRID = "#4878a8", "#d9480f", "#22262b", "#6b7280", "#e5e7eb"
_UNITS = {"snmpcpu_": "CPU load in %"}
_READING = (
    "lines: mean of each step's rows; spread: from the mean of their lowest to that of their highest quarter"
)
_FEW_BINS = 40
_ALONE, _EACH = 5.8, 2.4
_USUAL_PERCENTILE = 98.5
_LEFT, _RIGHT = 0.065, 0.98


@dataclass(frozen=True)
class Panel:
    """One drop's rows, and the words above them."""

    title: str
    points: Points


@dataclass(frozen=True)
class ChartText:
    """The words of a chart: what is predicted, a line of facts under the title, a note at the foot."""

    target: str
    facts: str
    note: str = ""


def draw_chart(panels: Sequence[Panel], text: ChartText, path: Path) -> None:
    """Draw one panel per drop, one below the other, as a PNG.

    Parameters
    ----------
    panels
        At most ``PANEL_LIMIT``; none gives a chart that says that nothing was scored.
    text
        Title, facts and note.
    path
        The file to write.
    """
    height = max(_ALONE, 2.1 + _EACH * len(panels))
    figure = Figure(figsize=(12, height), dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    figure.subplots_adjust(left=_LEFT, right=_RIGHT, top=1 - 1.3 / height, bottom=0.62 / height, hspace=0.5)
    _words(figure, text, height)
    axes: list[Axes] = list(figure.subplots(max(1, len(panels)), 1, squeeze=False)[:, 0])
    for axis, panel in zip(axes, panels, strict=False):
        _draw_panel(axis, panel, text.target)
    if not panels:
        axes[0].set_axis_off()
        figure.text(
            0.5, 0.45, "Nothing was scored: the summary says why", ha="center", color=_FAINT, fontsize=14
        )
    else:
        _legend(figure, axes, height)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(path, format="png")


def _words(figure: Figure, text: ChartText, height: float) -> None:
    """Title, facts and note, taken literally: a name may hold what would otherwise be a formula."""
    title = f"{text.target}: predicted and actual"
    words = (
        figure.text(_LEFT, 1 - 0.45 / height, title, fontsize=15, weight="bold", color=_INK),
        figure.text(_LEFT, 1 - 0.75 / height, text.facts, fontsize=10.5, color=_FAINT),
        figure.text(_LEFT, 0.14 / height, _READING, fontsize=8.5, color=_FAINT),
        figure.text(_RIGHT, 0.14 / height, text.note, fontsize=8.5, color=_FAINT, ha="right"),
    )
    for word in words:
        word.set_parse_math(False)


def _legend(figure: Figure, axes: Sequence[Axes], height: float) -> None:
    """One legend for all panels: that of the panel with the most curves."""
    handles, labels = max(
        (axis.get_legend_handles_labels() for axis in axes), key=lambda found: len(found[0])
    )
    figure.legend(
        handles, labels, loc="upper right", bbox_to_anchor=(_RIGHT + 0.008, 1 - 0.2 / height), ncols=3,
        frameon=False, fontsize=9.5, labelcolor=_INK,
    )  # fmt: skip


def _draw_panel(axis: Axes, panel: Panel, target: str) -> None:
    """The spread and mean of the actuals, the predictions on top."""
    curve = curves(panel.points)
    x = curve.x / _SECONDS_PER_DAY if panel.points.is_time else curve.x
    marker = "o" if len(x) <= _FEW_BINS else ""
    has_actual = bool(np.isfinite(curve.actual).any())
    if has_actual:
        axis.fill_between(
            x, curve.low, curve.high, color=_ACTUAL, alpha=0.2, lw=0, label="spread of the actuals"
        )
        axis.plot(x, curve.actual, color=_ACTUAL, lw=1.1, label="actual", marker=marker, ms=3.5)
    axis.plot(x, curve.predicted, color=_PREDICTED, lw=1.7, label="predicted", marker=marker, ms=3.5)
    words = f"{panel.title}   ·   {curve.step} steps" + ("" if has_actual else ", no actuals in this drop")
    axis.set_title(words, loc="left", fontsize=9.5, color=_FAINT, pad=7).set_parse_math(False)
    axis.set_ylabel(_unit(target), fontsize=9.5, color=_FAINT).set_parse_math(False)
    _limit_height(axis, curve)
    _limit_width(axis, x, alone=1 / 24 if panel.points.is_time else 1.0)
    _style(axis)
    (_style_dates if panel.points.is_time else _style_rows)(axis)


def _limit_width(axis: Axes, x: Floats, alone: float) -> None:
    """Fit the horizontal axis to the bins; one that is alone gets that much to either side."""
    margin = alone if len(x) == 1 else 0.0
    axis.set_xlim(x[0] - margin, x[-1] + margin)


def _unit(target: str) -> str:
    """What the numbers are: known for the dataset's CPU sensors, else the target's name."""
    return next((unit for prefix, unit in _UNITS.items() if target.startswith(prefix)), target)


def _limit_height(axis: Axes, curve: Curves) -> None:
    """Fit the vertical axis to what is usual; where that cuts bursts of the actuals, it is said."""
    lows, highs = np.concatenate([curve.low, curve.predicted]), np.concatenate([curve.high, curve.predicted])
    usual = float(np.nanpercentile(highs, _USUAL_PERCENTILE))
    low, high = float(np.nanmin(lows)), max(usual, float(np.nanmax(curve.predicted)))
    pad = 0.08 * (high - low) or max(abs(high) * 0.1, 1.0)
    axis.set_ylim(low - pad, high + pad)
    if np.nanmax(highs) > high + pad:
        axis.annotate(
            "bursts are cut", (0.005, 0.95), xycoords="axes fraction", va="top", fontsize=8, color=_FAINT
        )


def _style(axis: Axes) -> None:
    """Light grid, no frame."""
    axis.grid(color=_GRID, lw=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.spines["bottom"].set_color(_GRID)
    axis.tick_params(colors=_FAINT, labelsize=9, length=0)


def _style_dates(axis: Axes) -> None:
    """Dates that say no more than they must."""
    locator = AutoDateLocator(minticks=5, maxticks=12)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _style_rows(axis: Axes) -> None:
    """Row numbers, where there is no time."""
    axis.set_xlabel("row", fontsize=9.5, color=_FAINT)
    axis.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
