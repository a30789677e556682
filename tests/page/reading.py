"""A reader of the results page: a real, headless Chromium, and what it had to complain about."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
ANSWERED_WITH_AN_ERROR = "Failed to load resource: the server responded with a status of"
LIMIT_MS = 20_000


@contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """The browser, its profile in a folder that pytest tidies up; tests are skipped where there is none."""
    if not CHROMIUM:
        pytest.skip("there is no chromium on this machine: the results page is not tested")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            yield browser
            browser.close()


@dataclass
class Reader:
    """Somebody with a browser; notes what the page asks for and what the browser complains about.

    Attributes
    ----------
    url
        Of the API, whose root is the page.
    """

    browser: Browser
    url: str
    contexts: list[BrowserContext] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, fragment: str = "", **context: Any) -> Page:
        """Open the page at the API's root in a new window."""
        page = self.window(**context)
        page.goto(self.url + fragment)
        return page

    def window(self, **context: Any) -> Page:
        """An empty page in a browser window that remembers nothing."""
        window = self.browser.new_context(**context)
        window.set_default_timeout(LIMIT_MS)
        self.contexts.append(window)
        window.on("request", lambda request: self.requests.append(request.url))
        window.on("weberror", lambda error: self.complaints.append(str(error.error)))
        window.on("console", lambda message: self._heard(message.type, message.text))
        return window.new_page()

    def _heard(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not text.startswith(ANSWERED_WITH_AN_ERROR):
            self.complaints.append(text)

    def leave(self, *by_way_of: str) -> None:
        """Close the windows. No host but these has been asked, and the browser has not complained."""
        for window in self.contexts:
            window.close()
        asked = [url for url in self.requests if not url.startswith(("data:", "blob:"))]
        assert self.complaints == []
        assert {urlsplit(url).netloc for url in asked} <= {
            urlsplit(url).netloc for url in (self.url, *by_way_of)
        }
