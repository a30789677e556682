"""Who may look: a token that is never kept, or the way to requests that are signed."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from local.waiting import wait_until
from tests.page.api import Api
from tests.page.builders import drop, month
from tests.page.reading import Reader

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzY29wZSI6ImRyb3BzY29yZS9yZWFkIn0.c2lnbmF0dXJl-_"
LIST = ".drops tbody a"
LIMIT_SECONDS = 60
EVERYWHERE = """async () => [
  JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie, location.href,
  JSON.stringify(history.state), window.name, document.documentElement.outerHTML,
  JSON.stringify(await indexedDB.databases()), JSON.stringify(await caches.keys()),
]"""


@pytest.fixture
def api(api: Api) -> Api:
    api.auth, api.token = "JWT", TOKEN
    api.add(drop(1, rows=30), month(30))
    return api


def paste(page: Page, text: str) -> None:
    page.get_by_label("Access token").fill(text)
    page.get_by_role("button", name="Show the drops").click()


@pytest.mark.parametrize("pasted", [TOKEN, f"  Bearer {TOKEN}\n"])
def test_a_pasted_token_is_sent_and_the_drops_are_shown(api: Api, reader: Reader, pasted: str) -> None:
    page = reader.open()
    expect(page.get_by_role("heading", level=1)).to_have_text("Reading needs a token")
    expect(page.get_by_text("was not accepted")).to_have_count(0)

    paste(page, pasted)

    expect(page.locator(LIST)).to_have_count(1)
    sent = [request.headers.get("authorization") for request in api.asked if request.path == "drops"]
    assert sent == [None, f"Bearer {TOKEN}"]


@pytest.mark.parametrize("handed", ["pasted", "in the fragment"])
def test_the_token_is_kept_nowhere_but_in_memory(reader: Reader, handed: str) -> None:
    page = reader.open("" if handed == "pasted" else f"#token={TOKEN}")
    if handed == "pasted":
        paste(page, TOKEN)
    expect(page.locator(LIST)).to_have_count(1)
    kept = page.evaluate(EVERYWHERE)
    page.locator(LIST).click()
    expect(page.locator(".chart svg")).to_be_visible()
    kept += page.evaluate(EVERYWHERE)

    assert kept[0] == kept[1] == "{}"
    assert TOKEN not in "\n".join(kept)
    assert TOKEN not in json.dumps(page.context.storage_state())
    assert not any(TOKEN in url for url in reader.requests[1:])
    page.reload()
    expect(page.get_by_label("Access token")).to_have_value("")


def test_a_token_handed_over_in_the_fragment_is_used_and_leaves_the_address_at_once(
    api: Api, reader: Reader
) -> None:
    page = reader.window()
    page.add_init_script("addEventListener('DOMContentLoaded', () => { window.first = location.href; })")
    page.goto(f"{api.url}#token={TOKEN}&state=SCORED")

    expect(page.locator(LIST)).to_have_count(1)
    assert page.evaluate("window.first") == page.url == f"{api.url}#state=SCORED"
    assert api.asked_for("drops") == [{"limit": "50", "state": "SCORED"}]
    page.locator(LIST).click()
    expect(page.locator(".chart svg")).to_be_visible()
    page.go_back()
    expect(page.locator(LIST)).to_have_count(1)
    assert page.url == f"{api.url}#state=SCORED"


def test_a_token_handed_to_the_open_page_is_used(api: Api, reader: Reader) -> None:
    page = reader.open()
    page.get_by_label("Access token").wait_for()

    page.goto(f"{api.url}#token={TOKEN}")

    expect(page.locator(LIST)).to_have_count(1)
    assert page.url == api.url


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("expired", "This token was not accepted"),
        ("of-another-scope", "it needs the scope dropscore/read"),
        ("not a token ☹", "This is no token"),
    ],
)
def test_a_token_that_opens_nothing_is_told_why(reader: Reader, pasted: str, said: str) -> None:
    page = reader.open()
    paste(page, pasted)

    expect(page.get_by_role("alert").filter(has_text=said)).to_be_visible()
    paste(page, TOKEN)
    expect(page.locator(LIST)).to_have_count(1)


def test_a_token_that_expires_while_reading_is_asked_for_again_in_the_same_place(
    api: Api, reader: Reader
) -> None:
    page = reader.open(f"#token={TOKEN}&state=SCORED")
    expect(page.locator(LIST)).to_have_count(1)
    api.token = "another"
    page.get_by_role("button", name="Refresh").click()

    expect(page.get_by_text("it may have expired")).to_be_visible()
    paste(page, "another")

    expect(page.locator(LIST)).to_have_count(1)
    assert page.url.endswith("#state=SCORED")


def test_the_token_can_be_forgotten(api: Api, reader: Reader) -> None:
    page = reader.open(f"#token={TOKEN}")
    page.get_by_role("button", name="Forget the token").click()

    expect(page.get_by_label("Access token")).to_be_visible()
    expect(page.locator(LIST)).to_have_count(0)
    expect(page.get_by_role("button", name="Forget the token")).to_be_hidden()
    assert wait_until(lambda: "authorization" not in api.asked[-1].headers, LIMIT_SECONDS)


def test_an_api_for_signed_requests_says_how_to_sign_them(api: Api, reader: Reader) -> None:
    api.auth, api.signed = "IAM", False
    page = reader.open("#state=FAILED")

    expect(page.get_by_role("heading", level=1)).to_have_text("Reading needs a signature")
    expect(page.locator("pre")).to_have_text(f"make page URL={api.url}")
    expect(page.get_by_text("lacks execute-api:Invoke")).to_be_visible()
    expect(page.get_by_label("Access token")).to_have_count(0)
    api.signed = True
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Drops in state FAILED")


def test_signed_requests_need_no_token(api: Api, reader: Reader) -> None:
    api.auth = "IAM"
    page = reader.open(f"#token={TOKEN}")

    expect(page.locator(LIST)).to_have_count(1)
    assert page.url == api.url
    assert not any("authorization" in request.headers for request in api.asked)
