"""The results page of the deployed stack, in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from playwright.sync_api import Browser, expect

from dropscore.domain.drop import Drop
from ops.page import PageProxy
from tests.flow.flow import Flow, parquet
from tests.page.reading import Reader, chromium

pytestmark = pytest.mark.slow

ROWS = 3_000


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(scope="module")
def scored(deployed: Flow) -> Drop:
    """A drop of a reading a minute, two of which have no time."""
    times = [None if row in (7, 8) else 60_000 * row for row in range(ROWS)]
    file = parquet(ROWS, ts=pa.array(times, pa.timestamp("ms")))
    (drop,) = deployed.wait(
        deployed.put("page/<img src=x onerror=alert(1)>/company_id=7/month.parquet", file)
    )
    assert drop.state == "SCORED", drop.reason
    return drop


def test_the_page_shows_a_drop_through_the_proxy_that_signs(
    flow: Flow, browser: Browser, scored: Drop
) -> None:
    with PageProxy(flow.stack.results_api()).running() as url:
        reader = Reader(browser, url)
        page = reader.open("#key_prefix=page/")
        page.get_by_role("link", name=scored.source.key).click()

        expect(page.locator(".chart > svg")).to_be_visible()
        expect(page.get_by_text("2,998 rows, all that were scored.")).to_be_visible()
        expect(page.get_by_text("counted over all 2")).to_be_visible()
        expect(page.locator(".steps .state").last).to_have_text("SCORED")
        assert scored.result_uri in page.locator(".lineage").inner_text()
        page.get_by_label("From (as in the file)").fill("1970-01-02T00:00")
        page.get_by_role("button", name="Show these times").click()
        expect(
            page.get_by_text("1,560 rows (rows 1,440 to 2,999) of 2,998 in the times below.")
        ).to_be_visible()
        page.get_by_role("link", name=str(scored.job)).click()
        expect(page.get_by_role("link", name=scored.drop_id)).to_be_visible()
        reader.leave()


def test_a_drop_is_followed_until_it_is_scored(flow: Flow, browser: Browser) -> None:
    with PageProxy(flow.stack.results_api()).running() as url:
        reader = Reader(browser, url)
        drop_id = flow.put("page/followed.parquet", parquet(40))
        flow.wait_until([drop_id], {"PREPARING", "PREPARED", "SCORING", "SCORED"})
        page = reader.open(f"#drop={drop_id}")

        expect(page.locator(".chart > svg")).to_be_visible(timeout=60_000)
        assert "SCORED" in page.title()
        reader.leave()


def test_a_result_is_downloaded_as_it_lies_in_the_bucket(flow: Flow, browser: Browser, scored: Drop) -> None:
    with PageProxy(flow.stack.results_api()).running() as url:
        reader = Reader(browser, url)
        page = reader.open(f"#drop={scored.drop_id}")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download").click()

        assert download.value.suggested_filename == f"{scored.drop_id}.parquet"
        assert download.value.path().read_bytes() == flow.read(str(scored.result_uri))
        reader.leave(flow.stack.endpoint_url)


def test_who_cannot_sign_is_told_how_to(flow: Flow, browser: Browser) -> None:
    reader = Reader(browser, flow.stack.outputs["ResultsApiUrl"])
    page = reader.open()

    expect(page.locator("pre")).to_have_text(f"make page URL={reader.url}")
    reader.leave()
