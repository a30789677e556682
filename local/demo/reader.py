"""What a reader of results does: list what is scored, and fetch it through the results API."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from local.errors import LocalError
from ops.results_api import ResultsApi

AT_ONCE = 4
DOWNLOAD_SECONDS = 60


class ReadingError(LocalError):
    """The results API, or the bucket that it sends to, did not answer as documented."""


class Reader:
    """Reads results over HTTP; it knows no bucket and no table.

    Parameters
    ----------
    api
        The results API.
    """

    def __init__(self, api: ResultsApi) -> None:
        self._api = api

    def wake(self) -> None:
        """Have the API's function started by the time that there is something to read."""
        self._api.ask("GET", "health")

    def scored(self) -> list[str]:
        """Ids of the drops that are scored, newest first."""
        return [drop["drop_id"] for drop in self._all("drops", "drops", state="SCORED", limit="1000")]

    def rejects(self, drop_id: str) -> Iterator[dict[str, Any]]:
        """A drop's rejected rows: `row`, `column` and `reason`."""
        return self._all(f"drops/{drop_id}/rejects", "rejects", limit="10000")

    def download(self, drop_ids: list[str], folder: Path) -> dict[str, Path]:
        """Fetch whole results, as Parquet files named after their drops.

        Parameters
        ----------
        drop_ids
            Scored drops.
        folder
            Where the files go.

        Returns
        -------
        dict of str to Path
            The files, by drop.

        Raises
        ------
        ReadingError
            One cannot be fetched.
        """
        paths = {drop_id: folder / f"{drop_id}.parquet" for drop_id in drop_ids}
        with ThreadPoolExecutor(AT_ONCE) as beside:
            list(beside.map(self._fetch, paths, paths.values()))
        return paths

    def _fetch(self, drop_id: str, path: Path) -> None:
        """The API answers with an address that is signed already, and good for a short time."""
        target = f"drops/{drop_id}/predictions?download=parquet"
        answer = self._api.ask("GET", target)
        address = answer.header("Location")
        if answer.status != HTTPStatus.SEE_OTHER or address is None:
            raise ReadingError(f"the results API answers {answer.status} to {target}: {answer.body.decode()}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(address, timeout=DOWNLOAD_SECONDS) as body, path.open("wb") as file:
                shutil.copyfileobj(body, file)
        except urllib.error.URLError as error:
            raise ReadingError(f"the result of drop {drop_id} cannot be fetched ({error})") from error

    def _all(self, path: str, name: str, **query: str) -> Iterator[dict[str, Any]]:
        """Everything of a list, page after page."""
        cursor: str | None = ""
        while cursor is not None:
            target = f"{path}?{urlencode({**query, **({'cursor': cursor} if cursor else {})})}"
            answer = self._api.ask("GET", target, {"Accept": "application/json"})
            if answer.status != HTTPStatus.OK:
                raise ReadingError(
                    f"the results API answers {answer.status} to {target}: {answer.body.decode()}"
                )
            page = json.loads(answer.body)
            yield from page[name]
            cursor = page["next_cursor"]
