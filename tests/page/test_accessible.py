"""In light and dark, on a phone, enlarged, by keyboard alone, and for those who listen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.api import Api, problem
from tests.page.builders import OPEN, drop, drop_id, job, month
from tests.page.reading import Reader

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
CONTROLS = "button|link|combobox|textbox|spinbutton|checkbox|slider|region|table|form|search"
ENLARGED = {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2}  # 1280 pixels at 200 %

CONTRASTS = """() => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = numbers(color).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const clear = (color) => numbers(color)[3] === 0;
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (!clear(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const ratio = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const poor = [];
  let looked = 0;
  const look = (element, color, least, what) => {
    looked += 1;
    const found = ratio(color, behind(element));
    if (found < least) poor.push(`${what}: ${found.toFixed(2)} < ${least}`);
  };
  for (const element of document.querySelectorAll("body *:not(option)")) {
    if (!element.checkVisibility()) continue;
    const style = getComputedStyle(element), svg = element instanceof SVGElement;
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (text || element.matches("input, select, textarea")) {
      const what = `${element.tagName} ${element.textContent}`;
      if (!element.disabled) look(element, svg ? style.fill : style.color, 4.5, what);
    }
    if (element.matches("button:enabled, input, select, textarea") && !element.matches("[type=checkbox]"))
      look(element.parentElement, style.borderTopColor, 3, `border of ${element.tagName}`);
    if (element.matches(".curve, .dots"))
      look(element.closest("div, li"), style.stroke, 3, element.getAttribute("class"));
  }
  return { poor, looked };
}"""


def drops_of_every_state(api: Api) -> None:
    for number, state in enumerate((*OPEN, "SCORED", "REJECTED", "FAILED"), 2):
        api.add(drop(number, state, reason=None if state == "SCORED" else "for a reason " * 30))


def at_the_list(api: Api, reader: Reader, **window: Any) -> Page:
    drops_of_every_state(api)
    page = reader.open(**window)
    expect(page.locator(".drops tbody tr")).to_have_count(7)
    return page


def at_a_drop(api: Api, reader: Reader, **window: Any) -> Page:
    rejects = [
        {"row": row, "column": "a_column_with_a_long_name" * 3, "reason": "a reason " * 9}
        for row in range(200)
    ]
    key = "data/" + "a-key-without-a-place-to-break" * 9 + ".parquet"
    detail = drop(1, rows=2_200, rows_rejected=200, source_key=key)
    page = reader.open(f"#drop={api.add(detail, month(2_000), rejects)}", **window)
    page.locator(".chart > svg").wait_for()
    page.get_by_text("The first rows as a table").click()
    page.locator(".chart").focus()
    return page


def at_a_job(api: Api, reader: Reader, **window: Any) -> Page:
    detail = drop(1)
    api.jobs[detail["transform_job"]] = job(detail)
    page = reader.open(f"#job={detail['transform_job']}", **window)
    page.locator("main ul a").wait_for()
    return page


def at_a_problem(api: Api, reader: Reader, **window: Any) -> Page:
    api.troubles["drops"] = problem(409, "Not now", "x" * 300, state="WAITING", reason="r", errors=[])
    page = reader.open(**window)
    page.get_by_role("alert").wait_for()
    return page


def at_the_token(api: Api, reader: Reader, **window: Any) -> Page:
    api.auth, api.token = "JWT", "a.b.c"
    page = reader.open("#token=wrong", **window)
    page.get_by_text("was not accepted").wait_for()
    return page


def at_the_signature(api: Api, reader: Reader, **window: Any) -> Page:
    api.signed = False
    page = reader.open(**window)
    page.locator("pre").wait_for()
    return page


Place = Callable[..., Page]
everywhere = pytest.mark.parametrize(
    "at", [at_the_list, at_a_drop, at_a_job, at_a_problem, at_the_token, at_the_signature]
)


@everywhere
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_stands_out_from_its_ground(api: Api, reader: Reader, at: Place, scheme: str) -> None:
    page = at(api, reader, color_scheme=scheme)

    found = page.evaluate(CONTRASTS)
    assert found["poor"] == []
    assert found["looked"] > 8
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(part) for part in ground[4:-1].split(",")) > 380) is (scheme == "light")


@everywhere
@pytest.mark.parametrize("window", [PHONE, ENLARGED], ids=["phone", "enlarged"])
def test_the_page_never_scrolls_sideways(api: Api, reader: Reader, at: Place, window: dict[str, Any]) -> None:
    page = at(api, reader, **window)

    assert page.evaluate("document.scrollingElement.scrollWidth") <= window["viewport"]["width"]
    assert page.evaluate("visualViewport.scale") == 1


@everywhere
def test_it_is_told_apart_by_landmarks_and_every_control_has_a_name(
    api: Api, reader: Reader, at: Place
) -> None:
    page = at(api, reader)

    for role in ("banner", "main", "navigation", "status"):
        expect(page.get_by_role(role)).to_have_count(1)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    tree = page.locator("body").aria_snapshot()
    assert re.search(r"- (button|link) ", tree)
    assert not re.findall(rf"^ *- (?:{CONTROLS})(?::.*| \[.*)?$", tree, re.MULTILINE)
    assert page.locator("html").get_attribute("lang") == "en"


def test_a_list_laid_out_as_cards_is_a_table_still(api: Api, reader: Reader) -> None:
    page = at_the_list(api, reader, **PHONE)

    expect(page.get_by_role("table")).to_have_count(1)
    expect(page.get_by_role("columnheader")).to_have_count(6)
    expect(page.get_by_role("row")).to_have_count(8)
    expect(page.locator(".drops :is(thead, tbody, tr, th, td):not([role])")).to_have_count(0)  # others forget


def test_a_state_is_told_by_word_and_shape_not_by_colour_alone(api: Api, reader: Reader) -> None:
    page = at_the_list(api, reader)

    looks = page.locator(".drops .state").evaluate_all(
        """(states) => states.map((state) => {
          const mark = getComputedStyle(state, "::before");
          const filled = mark.backgroundColor !== "rgba(0, 0, 0, 0)";
          return [state.textContent, filled, mark.borderTopLeftRadius, mark.transform].join();
        })"""
    )
    shapes = {look.split(",")[0]: look.split(",", 1)[1] for look in looks}
    assert len(shapes) == 7
    assert len({shapes["SCORED"], shapes["REJECTED"], shapes["FAILED"], shapes["SCORING"]}) == 4


def test_a_drop_is_found_and_read_by_keyboard_alone(api: Api, reader: Reader) -> None:
    api.add(drop(2, "FAILED"))
    api.add(drop(1, rows=300), month(300, "Z"))
    page = reader.open()
    page.locator(".drops tbody tr").first.wait_for()

    seen = [step(page) for _ in range(8)]
    assert [name for name, _ in seen] == [
        "Dropscore", "Documentation", "OpenAPI", "Refresh", "Which", "Show",
        drop(1)["source_key"], drop(2)["source_key"],
    ]  # fmt: skip
    assert all(ring for _, ring in seen)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.locator(".chart > svg").wait_for()
    expect(page.get_by_role("heading", level=1)).to_be_focused()

    until(page, "Predictions along the chart")
    chart = page.get_by_role("slider")
    first = chart.get_attribute("aria-valuetext")
    page.keyboard.press("ArrowRight")
    assert chart.get_attribute("aria-valuenow") == "1"
    second = chart.get_attribute("aria-valuetext")
    assert first != second == page.locator(".readout").inner_text()
    page.keyboard.press("End")
    assert chart.get_attribute("aria-valuenow") == chart.get_attribute("aria-valuemax") == "299"
    page.keyboard.press("PageDown")
    assert chart.get_attribute("aria-valuenow") == "284"
    page.keyboard.press("Home")
    assert chart.get_attribute("aria-valuetext") == first
    until(page, "Show these times")
    until(page, "The first rows as a table")
    page.keyboard.press("Enter")
    until(page, "The first rows")
    until(page, "Download all as Parquet")
    until(page, drop(1)["transform_job"])


def test_a_filter_is_chosen_by_keyboard_alone(api: Api, reader: Reader) -> None:
    api.add(drop(2, "FAILED"))
    api.add(drop(1))
    page = reader.open()
    page.locator(".drops tbody tr").first.wait_for()
    until(page, "Which")
    page.keyboard.press("ArrowDown")
    until(page, "State")
    page.keyboard.type("FAIL")
    until(page, "Show")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Drops in state FAILED")
    expect(page.locator(".drops tbody tr")).to_have_count(1)


def test_what_happens_is_said_to_those_who_listen(api: Api, reader: Reader) -> None:
    api.add(drop(1, rows=300), month(300))
    page = reader.open()
    status = page.get_by_role("status")
    expect(status).to_have_text("1 drop")
    page.goto(f"{api.url}#drop={drop_id(1)}")
    expect(status).to_contain_text("300 rows shown")
    page.goto(f"{api.url}#drop={drop_id(7)}")
    expect(page.get_by_role("alert")).to_contain_text("No such drop")


@everywhere
def test_nothing_moves(api: Api, reader: Reader, at: Place) -> None:
    page = at(api, reader, reduced_motion="reduce")

    assert page.evaluate("document.getAnimations().length") == 0
    moving = """[...document.querySelectorAll("*")].filter((element) => {
      const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(element);
      return transitionDuration !== "0s" || animationName !== "none" || scrollBehavior === "smooth";
    }).length"""
    assert page.evaluate(moving) == 0


FOCUSED = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const label = element.labels?.[0]?.firstChild?.textContent;
  const name = element.getAttribute("aria-label") ?? label ?? element.innerText;
  return [name.trim(), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
}"""


def step(page: Page) -> tuple[str, bool]:
    """Press Tab: the name of what is focused now, and whether that can be seen."""
    page.keyboard.press("Tab")
    name, ring = page.evaluate(FOCUSED)
    return name, ring


def until(page: Page, name: str) -> None:
    """Press Tab until that is focused; every step can be seen."""
    passed = []
    while not passed or passed[-1] != name:
        found, ring = step(page)
        passed.append(found)
        assert ring, passed
        assert len(passed) < 30, passed
