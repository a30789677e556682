"""The chart: thinned curves, and a PNG for whatever was scored."""

import struct
import warnings

import numpy as np
import pytest

from local.demo.chart import ChartText, Panel, draw_chart
from local.demo.curves import MAX_BINS, Points, curves

TEXT = ChartText("snmpcpu_processor_1", "3 rows scored", "the 4 largest of 9 drops")
DAY = 86_400.0


def points(rows, step=60.0, **changes):
    x = 1.7e9 + step * np.arange(rows)
    load = 3.0 + np.sin(x / DAY * 2 * np.pi)
    return Points(**{"x": x, "is_time": True, "prediction": load, "actual": np.rint(load), **changes})


def size(path):
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", head[16:24])


@pytest.mark.parametrize(
    ("step", "name"),
    [(0.001, "1-second"), (1.0, "1-minute"), (60.0, "1-hour"), (3600.0, "7-day"), (40 * DAY, "6-year")],
)
def test_rows_are_grouped_into_bins_of_a_round_width(step, name):
    curve = curves(points(43_200, step))

    assert curve.step == name
    assert len(curve.x) <= MAX_BINS


def test_a_bin_holds_the_means_of_its_rows_and_of_their_lowest_and_highest_quarter():
    x = np.repeat([0.0, 7200.0, 790 * 3600.0], 4)
    actual = np.array([1.0, 2.0, 3.0, 10.0, np.nan, np.nan, np.nan, np.nan, 5.0, 5.0, np.nan, 5.0])

    curve = curves(Points(x, is_time=True, prediction=np.arange(12.0), actual=actual))

    assert curve.step == "1-hour"
    assert (curve.predicted[0], curve.predicted[2], curve.predicted[790]) == (1.5, 5.5, 9.5)
    assert np.isnan(curve.predicted[1])
    assert (curve.actual[0], curve.low[0], curve.high[0]) == (4.0, 1.0, 10.0)
    assert np.isnan(curve.actual[2])
    assert (curve.actual[790], curve.low[790], curve.high[790]) == (5.0, 5.0, 5.0)


def test_rows_without_a_timestamp_are_not_placed_and_order_does_not_matter():
    ordered = points(500)
    order = np.random.default_rng(0).permutation(500)
    shuffled = points(
        500, x=ordered.x[order], prediction=ordered.prediction[order], actual=ordered.actual[order]
    )
    shuffled.x[order == 7] = np.nan

    curve, expected = curves(shuffled), curves(ordered)

    np.testing.assert_array_equal(curve.x, expected.x)
    assert np.isnan(curve.predicted[7])
    np.testing.assert_array_equal(np.delete(curve.predicted, 7), np.delete(expected.predicted, 7))


def test_without_timestamps_row_numbers_are_grouped():
    curve = curves(points(43_200, x=np.arange(43_200.0), is_time=False))

    assert curve.step == "55-row"
    assert len(curve.x) == 786


PANELS = {
    "a month": [Panel("a month", points(43_200))],
    "no actuals": [Panel("none", points(300, actual=np.full(300, np.nan)))],
    "no timestamps": [Panel("rows", points(300, x=np.arange(300.0), is_time=False))],
    "one row": [Panel("one", points(1))],
    "one value": [Panel("flat", points(300, prediction=np.full(300, 2.0), actual=np.full(300, 2.0)))],
    "all of the calendar": [Panel("all", points(2, x=np.array([-62_135_400_000.0, 253_402_100_000.0])))],
    "a burst": [Panel("burst", points(300, actual=np.where(np.arange(300) == 7, 1e6, 2.0)))],
    "a name that looks like a formula": [Panel(r"company_id=$\frac{1}$/日本.parquet", points(300))],
    "four drops": [Panel(str(n), points(1000 * n)) for n in range(1, 5)],
    "nothing": [],
}


@pytest.mark.parametrize("panels", PANELS.values(), ids=PANELS)
def test_whatever_was_scored_gives_a_picture_of_a_readable_size(panels, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_chart(panels, TEXT, tmp_path / "chart.png")

    width, height = size(tmp_path / "chart.png")
    assert 1200 <= width <= 2000
    assert 600 <= height <= 2000
    assert (tmp_path / "chart.png").stat().st_size > 8_000
