"""The list of recent drops: what it shows, its filters and pages, and what goes wrong."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.api import Api, problem
from tests.page.builders import drop, drop_id
from tests.page.reading import Reader

KEYS = ".drops tbody a"


def keys(page: Page) -> list[str]:
    return page.locator(KEYS).all_inner_texts()


def add(api: Api, count: int, **changed: Any) -> None:
    for number in range(1, count + 1):
        api.add(drop(number, **changed))


def choose(page: Page, which: str, value: str) -> None:
    search = page.get_by_role("search")
    search.get_by_role("combobox", name="Which").select_option(which)
    if which == "state":
        search.get_by_role("combobox", name="State").select_option(value)
    else:
        role, name = ("textbox", "Key begins") if which == "key_prefix" else ("spinbutton", "Model version")
        search.get_by_role(role, name=name).fill(value)
    search.get_by_role("button", name="Show").click()


def test_a_drop_is_told_in_one_row(api: Api, reader: Reader) -> None:
    api.add(drop(1, rows=43_200, rows_rejected=37))
    page = reader.open()

    row = page.locator(".drops tbody tr")
    expect(row).to_have_count(1)
    assert [" ".join(cell.split()) for cell in row.locator("td").all_inner_texts()] == [
        "2024-07-01 06:07:00", drop(1)["source_key"], "SCORED", "43,200", "37", "3"
    ]  # fmt: skip
    assert page.title() == "Recent drops · Dropscore"


def test_why_a_drop_is_not_scored_is_said_in_the_list(api: Api, reader: Reader) -> None:
    api.add(drop(1, "WAITING", reason="no approved model version"))
    api.add(drop(2, "REJECTED"))
    page = reader.open()

    assert page.locator(".why").all_inner_texts() == [
        "none of the 12 rows can be scored",
        "no approved model version",
    ]


def test_the_newest_drop_comes_first(api: Api, reader: Reader) -> None:
    add(api, 3)
    page = reader.open()

    expect(page.locator(KEYS)).to_have_count(3)
    assert keys(page) == [drop(number)["source_key"] for number in (3, 2, 1)]


@pytest.mark.parametrize(
    ("which", "value", "shown"),
    [
        ("state", "FAILED", [2]),
        ("key_prefix", "data/snmpcpu/company_id=1/sensor_id=423", [3]),
        ("model_version", "2", [4]),
    ],
)
def test_one_filter_at_a_time_is_asked_for(
    api: Api, reader: Reader, which: str, value: str, shown: list[int]
) -> None:
    for detail in (drop(1), drop(2, "FAILED"), drop(3), drop(4, model_version=2)):
        api.add(detail)
    page = reader.open()
    expect(page.locator(KEYS)).to_have_count(4)

    choose(page, which, value)

    expect(page.locator(KEYS)).to_have_count(len(shown))
    assert keys(page) == [drop(number)["source_key"] for number in shown]
    assert api.asked_for("drops")[-1] == {"limit": "50", which: value}
    assert value in page.title()


def test_a_filter_has_an_address_and_the_back_button_leaves_it(api: Api, reader: Reader) -> None:
    api.add(drop(1))
    api.add(drop(2, "FAILED"))
    page = reader.open()
    choose(page, "state", "FAILED")
    expect(page.locator(KEYS)).to_have_count(1)
    address = page.url

    page.go_back()
    expect(page.locator(KEYS)).to_have_count(2)
    page.goto("about:blank")
    page.goto(address)

    expect(page.locator(KEYS)).to_have_count(1)
    expect(page.get_by_role("combobox", name="Which")).to_have_value("state")


def test_pages_are_turned_by_cursor_there_and_back(api: Api, reader: Reader) -> None:
    add(api, 120)
    page = reader.open()
    older, newer = (page.get_by_role("button", name=name) for name in ("Older", "Newer"))
    expect(page.locator(KEYS).first).to_have_text(drop(120)["source_key"])
    expect(newer).to_be_disabled()

    older.click()
    expect(page.locator(KEYS).first).to_have_text(drop(70)["source_key"])
    older.click()
    expect(page.locator(KEYS).first).to_have_text(drop(20)["source_key"])
    expect(page.locator(KEYS)).to_have_count(20)
    expect(older).to_be_disabled()
    page.reload()
    expect(page.locator(KEYS).first).to_have_text(drop(20)["source_key"])
    newer.click()
    expect(page.locator(KEYS).first).to_have_text(drop(70)["source_key"])
    page.go_back()
    expect(page.locator(KEYS).first).to_have_text(drop(20)["source_key"])
    page.locator("header").get_by_text("Dropscore").click()
    expect(page.locator(KEYS).first).to_have_text(drop(120)["source_key"])


def test_empty_pages_before_the_first_drop_are_passed_over(api: Api, reader: Reader) -> None:
    add(api, 5)
    api.page_of_drops = lambda drops, start, _: (
        drops if start == 4 else [],
        start + 1 if start < 4 else None,
    )
    page = reader.open()

    expect(page.locator(KEYS)).to_have_count(5)
    assert len(api.asked_for("drops")) == 5


def test_an_empty_inbox_and_a_filter_without_drops_say_so(reader: Reader) -> None:
    page = reader.open()
    expect(page.get_by_text("No drops yet")).to_be_visible()
    choose(page, "state", "FAILED")
    expect(page.get_by_text("No drops like that")).to_be_visible()


def test_a_problem_is_told_with_what_to_do_and_gone_once_it_is_over(api: Api, reader: Reader) -> None:
    api.add(drop(1))
    api.troubles["drops"] = problem(
        400,
        "Bad request",
        "A parameter is wrong.",
        errors=[{"field": "cursor", "detail": "is not one of ours"}],
    )
    page = reader.open()

    alert = page.get_by_role("alert")
    for words in ("Bad request", "A parameter is wrong.", "cursor is not one of ours", "Change the filter"):
        expect(alert).to_contain_text(words)
    api.troubles.clear()
    alert.get_by_role("button", name="Try again").click()

    expect(page.locator(KEYS)).to_have_count(1)
    expect(alert).to_have_count(0)


@pytest.mark.parametrize(
    ("status", "title", "hint"),
    [(429, "Too Many Requests", "Wait a moment"), (503, "Service Unavailable", "Try again in a moment")],
)
def test_words_of_the_gateway_itself_are_understood(
    api: Api, reader: Reader, status: int, title: str, hint: str
) -> None:
    api.troubles["drops"] = problem(status, title, "")
    api.troubles["drops"].said = {"message": title}
    alert = reader.open().get_by_role("alert")

    expect(alert).to_contain_text(title)
    expect(alert).to_contain_text(hint)


def test_a_network_that_fails_is_told(api: Api, reader: Reader) -> None:
    api.add(drop(1))
    page = reader.open()
    page.route(re.compile("/drops"), lambda route: route.abort())
    page.get_by_role("button", name="Refresh").click()

    expect(page.get_by_role("alert")).to_contain_text("The API could not be reached")
    expect(page.locator(KEYS)).to_have_count(1)
    reader.complaints.clear()  # the browser's own words about it


@pytest.mark.parametrize("identifier", ["nonsense", "..", drop_id(9), "<img src=x onerror=alert(1)>"])
def test_a_drop_that_there_is_not_is_told(reader: Reader, identifier: str) -> None:
    page = reader.open(f"#drop={identifier}")

    expect(page.get_by_role("alert")).to_contain_text("No such drop")
    expect(page.get_by_role("link", name="All drops").last).to_be_visible()
