"""What is shown is read again by itself: while a drop is open, not for ever, never in a hidden page."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from tests.page.api import Api
from tests.page.builders import drop
from tests.page.reading import Reader

KEYS = ".drops tbody a"


def test_it_is_read_again_while_a_drop_is_open_and_no_longer(api: Api, reader: Reader) -> None:
    api.add(drop(1, "SCORING"))
    page = opened_with_a_clock(reader)
    expect(page.locator(".drops .state")).to_have_text("SCORING")

    page.clock.run_for(10_500)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    wait_for_reads(page, api, 2)
    api.drops.clear()
    api.add(drop(1))
    page.clock.run_for(10_500)

    expect(page.locator(".drops .state")).to_have_text("SCORED")
    expect(page.get_by_role("status")).to_contain_text("1 drop new or changed")
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    page.clock.run_for(60_000)
    assert len(api.asked_for("drops")) == 3


def test_reading_again_can_be_paused_and_resumed(api: Api, reader: Reader) -> None:
    api.add(drop(1, "SCORING"))
    page = opened_with_a_clock(reader)
    page.get_by_role("button", name="Pause").click()

    page.clock.run_for(60_000)
    assert len(api.asked_for("drops")) == 1
    page.get_by_role("button", name="Resume").click()
    page.clock.run_for(10_500)

    wait_for_reads(page, api, 2)


def test_a_hidden_page_does_not_read(api: Api, reader: Reader) -> None:
    api.add(drop(1, "SCORING"))
    page = opened_with_a_clock(reader)
    expect(page.locator(KEYS)).to_have_count(1)

    turn_to_another_tab(page, away=True)
    page.clock.run_for(60_000)
    assert len(api.asked_for("drops")) == 1
    page.get_by_role("button", name="Refresh").click()
    wait_for_reads(page, api, 2)
    page.clock.run_for(60_000)
    assert len(api.asked_for("drops")) == 2
    turn_to_another_tab(page, away=False)

    wait_for_reads(page, api, 3)


def test_reading_again_ends_after_half_an_hour(api: Api, reader: Reader) -> None:
    api.add(drop(1, "SCORING"))
    page = opened_with_a_clock(reader)
    page.evaluate(
        """(answer) => {
          window.reads = 0;
          window.fetch = async () => { window.reads += 1; return new Response(answer); };
        }""",
        json.dumps(api.answer_drops({})),
    )

    page.clock.run_for(45 * 60_000)

    expect(page.get_by_text("paused after half an hour")).to_be_visible()
    assert page.evaluate("window.reads") == 180


def test_the_keyboard_keeps_its_place_when_the_list_is_read_again(api: Api, reader: Reader) -> None:
    for number in (1, 2, 3):
        api.add(drop(number))
    page = reader.open()
    page.locator(KEYS).nth(1).focus()
    api.add(drop(4))

    page.evaluate("document.querySelector('.tools button').click()")

    expect(page.locator(KEYS)).to_have_count(4)
    expect(page.locator(":focus")).to_have_text(drop(2)["source_key"])


def opened_with_a_clock(reader: Reader) -> Page:
    """The page, its time standing still unless it is moved."""
    page = reader.window()
    page.clock.install()
    page.goto(reader.url)
    page.locator(KEYS).first.wait_for()
    page.clock.pause_at(page.evaluate("Date.now() / 1000 + 1"))
    return page


def wait_for_reads(page: Page, api: Api, reads: int) -> None:
    """Wait until the page has read the list now, by its own clock; it must be for that many times."""
    now = page.evaluate("new Date().toISOString().slice(11, 19)")
    expect(page.get_by_text(f"Read at {now}")).to_be_visible()
    assert len(api.asked_for("drops")) == reads


def turn_to_another_tab(page: Page, *, away: bool) -> None:
    page.evaluate(
        """(away) => {
          Object.defineProperty(document, "hidden", { configurable: true, value: away });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        away,
    )
