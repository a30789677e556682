"""The results page in a real browser, served by an API of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.page.api import Api, served
from tests.page.reading import Reader, chromium


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def api() -> Iterator[Api]:
    with served(Api()) as api:
        yield api


@pytest.fixture
def reader(browser: Browser, api: Api) -> Iterator[Reader]:
    reader = Reader(browser, api.url)
    yield reader
    reader.leave()
