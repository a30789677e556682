"""What comes from outside is text and nothing else, and the page can do no more than it must."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.page.api import PAGE, Api, problem
from tests.page.builders import drop, job, month
from tests.page.reading import Reader

MARKUP = "<img src=x onerror=alert(1)>"
KEYS = [
    f"data/{MARKUP}.parquet",
    "data/'\"><script>alert(1)</script>.parquet",
    "data/javascript:alert(1)//%0a&amp;&lt;.parquet",
    "https://example.com/{{7*7}}/${alert(1)}.parquet",
]
REVERSED = "data/\u202egnp.exe\u0000\u200b\u2028.parquet"


def test_hostile_keys_and_reasons_are_shown_as_they_are(api: Api, reader: Reader) -> None:
    for number, key in enumerate(KEYS, 1):
        api.add(drop(number, "FAILED", source_key=key, reason=MARKUP))
    page = reader.open()

    expect(page.locator(".drops tbody a")).to_have_count(len(KEYS))
    assert page.locator(".drops tbody a").all_inner_texts() == KEYS[::-1]
    assert page.locator(".why").all_inner_texts() == [MARKUP] * len(KEYS)
    assert nothing_crept_in(page)


def test_a_hostile_drop_is_shown_as_it_is(api: Api, reader: Reader) -> None:
    name = "job-1"
    detail = drop(1, rows=30, rows_rejected=5, source_key=KEYS[0], source_bucket=MARKUP, reason=MARKUP)
    detail["lineage"] |= {"code_version": MARKUP, "feature_spec_uri": MARKUP, "transform_job": name}
    detail["history"][0]["reason"] = MARKUP
    api.jobs[name] = job(detail) | {"failure_reason": MARKUP, "outcome": MARKUP}
    rejects = [{"row": row, "column": MARKUP, "reason": MARKUP} for row in range(5)]
    page = reader.open(f"#drop={api.add(detail, month(25), rejects)}")

    expect(page.locator("table", has_text=MARKUP)).to_have_count(2)
    assert page.locator("main").inner_text().count(MARKUP) >= 8
    assert page.title() == f"{KEYS[0]}: SCORED · Dropscore"
    assert nothing_crept_in(page)
    page.get_by_role("link", name=name).click()
    expect(page.locator(".lineage")).to_contain_text(MARKUP)
    assert nothing_crept_in(page)


def test_characters_that_disguise_a_key_are_made_visible(api: Api, reader: Reader) -> None:
    api.add(drop(1, source_key=REVERSED))
    page = reader.open()

    expect(page.locator(".drops tbody a")).to_have_text(r"data/\u{202e}gnp.exe\u{0}\u{200b}\u{2028}.parquet")


def test_a_hostile_address_is_only_text(reader: Reader) -> None:
    page = reader.open(f"#key_prefix={MARKUP}")

    expect(page.get_by_role("heading", level=1)).to_have_text(f"Drops under {MARKUP}")
    assert nothing_crept_in(page)


def test_a_hostile_answer_is_only_text(api: Api, reader: Reader) -> None:
    api.troubles["drops"] = problem(400, MARKUP, MARKUP, errors=[{"field": MARKUP, "detail": MARKUP}])
    page = reader.open()

    expect(page.get_by_role("alert")).to_contain_text(MARKUP)
    assert nothing_crept_in(page)


def test_the_policy_lets_no_other_script_style_or_host_in(reader: Reader) -> None:
    page = reader.open()
    page.get_by_text("No drops yet").wait_for()

    refused = page.evaluate(
        """async () => {
          const refused = [];
          addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
          const made = (tag, own) => Object.assign(document.createElement(tag), own);
          document.body.append(made("script", { textContent: "window.ran = true" }));
          const hostile = "<p onclick='window.ran = true' style='color: red'>x</p>";
          document.body.insertAdjacentHTML("beforeend", hostile);
          document.body.lastElementChild.click();
          document.body.append(made("img", { src: "https://example.com/x.png" }));
          await fetch("https://example.com/").catch(() => null);
          document.head.append(made("base", { href: "https://example.com/" }));
          await new Promise((done) => setTimeout(done, 100));
          return [window.ran ?? false, [...new Set(refused)].sort()];
        }"""
    )

    wanted = ["base-uri", "connect-src", "img-src", "script-src-attr", "script-src-elem", "style-src-attr"]
    assert refused == [False, wanted]
    reader.complaints.clear()  # the browser's words about each of them
    reader.requests.clear()


def test_the_page_is_one_style_one_script_and_nothing_from_elsewhere() -> None:
    page = PAGE.read_text()

    assert page.count("<style") == page.count("<script") == page.count('data-auth="IAM"') == 1
    assert not re.search(r"""\s(?:on\w+|style)=["']""", page)
    assert set(re.findall(r"https?://[^\s\"'`]+", page)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", page)
    assert not re.search(r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.", page)


def test_the_page_is_small() -> None:
    assert len(PAGE.read_bytes()) < 60_000


def nothing_crept_in(page: Page) -> bool:
    """Whether there is no element that only hostile text could have made."""
    return (
        page.locator("img, iframe, object, embed, main script, [onerror], [href^='javascript']").count() == 0
    )
