"""The chart of a drop: thinned and quick, true to the rows, with gaps where there are gaps."""

from __future__ import annotations

import re
from collections.abc import Callable
from statistics import mean
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.api import Api
from tests.page.builders import drop, drop_id, month
from tests.page.reading import Reader

A_MONTH = 43_200
MINUS, NOTHING = "\N{MINUS SIGN}", "\N{EN DASH}"
WIDE = {"width": 1100, "height": 900}


Show = Callable[..., Page]


@pytest.fixture
def shown(api: Api, reader: Reader) -> Show:
    """The page of a drop with such rows, its chart drawn."""

    def show(rows: list[dict[str, Any]], **window: Any) -> Page:
        api.add(drop(1, rows=len(rows)), rows)
        page = reader.open(f"#drop={drop_id(1)}", **{"viewport": WIDE, **window})
        page.locator(".chart > svg").wait_for()
        return page

    return show


def path(page: Page, series: str) -> str:
    return page.locator(f".chart .curve.{series}").get_attribute("d") or ""


def readings(page: Page) -> str:
    return page.locator(".readout").inner_text()


def test_a_month_of_minutes_is_drawn_with_few_requests_and_nodes(api: Api, shown: Show) -> None:
    rows = month(A_MONTH)
    page = shown(rows)

    assert len(api.asked_for(f"drops/{drop_id(1)}/predictions")) == 5
    assert page.locator(".chart svg, .chart svg *").count() < 80
    assert len(path(page, "prediction")) < 20_000
    expect(page.get_by_text("43,200 rows, all that were scored.")).to_be_visible()


def test_only_the_columns_that_are_drawn_are_asked_for(api: Api, shown: Show) -> None:
    shown(month(30))

    assert api.asked_for(f"drops/{drop_id(1)}/predictions") == [
        {"limit": "10000", "columns": "row,ts,prediction,actual"}
    ]


def test_a_thinned_place_tells_mean_lowest_and_highest_of_its_rows(shown: Show) -> None:
    rows = month(A_MONTH)
    page = shown(rows)
    page.locator(".chart").focus()
    page.keyboard.press("ArrowRight")

    hour = rows[60:120]
    actuals, predictions = ([row[name] for row in hour] for name in ("actual", "prediction"))
    said = readings(page)
    assert said.startswith("2024-06-01 01:00 to 2024-06-01 02:00, 60 rows: ")
    for values in (actuals, predictions):
        low, middle, high = (float(f"{number:.3f}") for number in (min(values), mean(values), max(values)))
        assert f"{middle:g} ({low:g} to {high:g})" in said


def test_every_row_of_a_short_drop_is_a_place_of_its_own(shown: Show) -> None:
    rows = month(40)
    page = shown(rows)
    page.locator(".chart").focus()

    page.keyboard.press("End")
    actual, prediction = rows[39]["actual"], rows[39]["prediction"]
    error = f"{prediction - actual:.3f}".rstrip("0").replace("-", MINUS)
    ts = rows[39]["ts"].replace("T", " ")
    said = f"{ts}, row 39: prediction {prediction:.3f}".rstrip("0") + f", actual {actual:g}, error {error}"
    assert readings(page) == said


def test_rows_without_an_actual_are_a_gap_and_counted(shown: Show) -> None:
    rows = month(A_MONTH)
    for row in rows[20_000:24_000]:
        row["actual"] = None
    page = shown(rows)

    assert path(page, "actual").count("M") == path(page, "error").count("M") == 2
    assert path(page, "prediction").count("M") == 1
    expect(page.get_by_text("4,000 rows without an actual value.")).to_be_visible()


@pytest.mark.parametrize("count", [A_MONTH, 300])
def test_a_time_without_rows_is_a_gap(shown: Show, count: int) -> None:
    rows = month(count)
    del rows[count // 3 : count // 2]
    page = shown(rows)

    assert path(page, "prediction").count("M") == 2


def test_a_drop_without_actuals_shows_no_error(shown: Show) -> None:
    rows = [row | {"actual": None} for row in month(300)]
    page = shown(rows)

    expect(page.locator(".chart .curve")).to_have_count(1)
    expect(page.get_by_text("There are no actual values to compare with.")).to_be_visible()
    expect(page.locator(".legend")).not_to_contain_text("error")


def test_a_drop_without_timestamps_is_drawn_by_row(shown: Show) -> None:
    rows = [row | {"ts": None} for row in month(5_000)]
    page = shown(rows)
    page.locator(".chart").focus()

    assert re.match(r"Rows 0 to \d+: ", readings(page))
    assert page.locator(".chart .axis").text_content() == "row"
    expect(page.get_by_role("form", name="Times")).to_have_count(0)


@pytest.mark.parametrize(
    ("zone", "said"), [("Z", "UTC, 2024-06-01"), ("", "time as in the file, 2024-06-01")]
)
@pytest.mark.parametrize("browser_zone", ["Pacific/Auckland", "America/New_York"])
def test_times_are_utc_or_as_in_the_file_wherever_the_reader_is(
    shown: Show, zone: str, said: str, browser_zone: str
) -> None:
    page = shown(month(300, zone), timezone_id=browser_zone)
    page.locator(".chart").focus()

    assert (page.locator(".chart .axis").text_content() or "").startswith(said)
    assert readings(page).startswith("2024-06-01 00:00:2")
    assert (" UTC" in readings(page)) is bool(zone)
    expect(page.get_by_label("From (UTC)" if zone else "From (as in the file)")).to_be_visible()


def test_more_rows_than_the_page_reads_are_said_and_can_be_read_on(api: Api, shown: Show) -> None:
    page = shown(month(150_000))

    expect(page.get_by_text("100,000 rows (rows 0 to 99,999) of 150,000.")).to_be_visible()
    expect(
        page.get_by_text("This page reads at most 100,000 rows at a time, and there are more")
    ).to_be_visible()
    assert len(api.asked_for(f"drops/{drop_id(1)}/predictions")) == 10
    page.get_by_role("button", name="Read on").click()

    expect(page.get_by_text("50,000 rows (rows 100,000 to 149,999) of 150,000.")).to_be_visible()
    page.get_by_role("button", name="From the first row").click()
    expect(page.get_by_text("100,000 rows (rows 0 to 99,999) of 150,000.")).to_be_visible()


@pytest.mark.parametrize("zone", ["Z", ""])
def test_chosen_times_are_asked_for_and_shown(api: Api, shown: Show, zone: str) -> None:
    page = shown(month(A_MONTH, zone))
    page.get_by_label(re.compile("^From")).fill("2024-06-03T00:00")
    page.get_by_label("Until, not included").fill("2024-06-04T12:30")
    page.get_by_role("button", name="Show these times").click()

    expect(page.get_by_text("2,190 rows (rows 2,880 to 5,069) of 43,200 in the times below.")).to_be_visible()
    asked = api.asked_for(f"drops/{drop_id(1)}/predictions")[-1]
    assert (asked["from"], asked["to"]) == (f"2024-06-03T00:00:00{zone}", f"2024-06-04T12:30:00{zone}")
    page.get_by_role("button", name="All times").click()
    expect(page.get_by_text("43,200 rows, all that were scored.")).to_be_visible()


def test_times_without_rows_say_so_and_can_be_left(shown: Show) -> None:
    page = shown(month(300, "Z"))
    page.get_by_label("From (UTC)").fill("2031-01-01T00:00")
    page.get_by_role("button", name="Show these times").click()

    expect(page.get_by_text("No rows in these times.")).to_be_visible()
    page.get_by_role("button", name="All times").click()
    expect(page.locator(".chart > svg")).to_be_visible()


def test_dragging_over_a_stretch_shows_it_alone(api: Api, shown: Show) -> None:
    page = shown(month(A_MONTH))
    box = page.locator(".chart").bounding_box()
    assert box
    page.mouse.move(box["x"] + 300, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 360, box["y"] + 100, steps=3)
    page.mouse.up()

    expect(page.get_by_text("in the times below")).to_be_visible()
    asked = api.asked_for(f"drops/{drop_id(1)}/predictions")[-1]
    assert "2024-06-07" < asked["from"] < asked["to"] < "2024-06-12"


def test_pointing_reads_the_nearest_place(shown: Show) -> None:
    page = shown(month(40))
    box = page.locator(".chart").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 11, box["y"] + 100)

    assert ", row 39: " in readings(page)
    expect(page.locator(".chart .spot")).to_have_count(3)
    page.mouse.move(5, 5)
    expect(page.locator(".chart .spot")).to_have_count(0)


def test_bursts_are_cut_until_the_whole_range_is_wanted(shown: Show) -> None:
    rows = month(A_MONTH)
    rows[1_000]["actual"] = 900.0
    page = shown(rows)
    ticks = page.locator(".chart text")
    expect(ticks.filter(has_text="800")).to_have_count(0)
    page.get_by_label("Bursts are cut").check()

    expect(ticks.filter(has_text=re.compile("^800$"))).to_have_count(1)
    expect(page.get_by_label("Bursts are cut")).to_be_visible()


def test_the_first_rows_are_there_as_a_table(shown: Show) -> None:
    rows = month(300, "Z")
    rows[1]["actual"] = None
    page = shown(rows)
    page.get_by_text("The first rows as a table").click()

    lines = page.get_by_role("region", name="The first rows").locator("tbody tr")
    expect(lines).to_have_count(100)
    assert lines.nth(1).locator("td").all_inner_texts()[3:] == [NOTHING, NOTHING]
    assert lines.first.locator("td").all_inner_texts()[0] == "0"


def odd(values: list[tuple[Any, Any]], **changed: Any) -> list[dict[str, Any]]:
    rows = month(len(values), "Z")
    return [row | {"prediction": p, "actual": a} | changed for row, (p, a) in zip(rows, values, strict=True)]


ODD = {
    "one row": odd([(1.5, 2.0)]),
    "the same value throughout": odd([(3.0, 3.0)] * 50),
    "nothing but zeros": odd([(0.0, 0.0)] * 50),
    "huge": odd([(1e300, -1e300), (1e308, 5e307), (3e-300, None)]),
    "tiny": odd([(1e-12, 2e-12), (3e-12, -1e-12)]),
    "far from zero and close together": odd([(1e6 + row / 1e4, 1e6) for row in range(50)]),
    "all at one time": odd([(float(row), 1.0) for row in range(900)], ts="2024-06-01T00:00:00Z"),
    "times back and forth": [
        row | {"ts": other["ts"]} for row, other in zip(month(60), month(60)[::-1], strict=True)
    ],
    "some times missing": [row | ({"ts": None} if row["row"] % 2 else {}) for row in month(60)],
    "microseconds": odd([(1.0, 2.0), (2.0, 1.0)], ts="2024-06-01T00:00:00.000001Z"),
    "before and after our time": [
        row | {"ts": ts}
        for row, ts in zip(month(2), ("0001-01-01T00:00:00", "9999-12-31T23:59:59"), strict=True)
    ],
    "prediction and actual never together": odd([(None, 1.0), (1.0, None)]),
}


@pytest.mark.parametrize("name", list(ODD))
def test_odd_results_are_drawn(shown: Show, name: str) -> None:
    page = shown(ODD[name])

    markup = page.locator(".chart").inner_html()
    assert not re.search("NaN|Infinity|undefined", markup + readings(page))
    assert page.locator(".chart text").count() >= 3
    page.locator(".chart").focus()
    page.keyboard.press("End")
    assert not re.search("NaN|Infinity|undefined", readings(page))


def test_a_drop_with_zero_rows_says_so(api: Api, reader: Reader) -> None:
    page = reader.open(f"#drop={api.add(drop(1, rows=0, errors=None))}")

    expect(page.get_by_text("The drop has no rows.")).to_be_visible()


def test_the_chart_fits_the_window_when_that_changes(shown: Show) -> None:
    page = shown(month(A_MONTH))
    page.set_viewport_size({"width": 420, "height": 800})

    expect(page.locator(".chart > svg")).to_have_attribute("viewBox", re.compile(r"^0 0 3\d\d "))
