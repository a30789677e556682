"""Real requests: what generation alone would never hit upon: ids, cursors and columns that there are."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

Query = Mapping[str, Any]

ROWS = ("application/json", "text/csv", "application/x-ndjson", "text/*, application/json;q=0.5")
"""What readers of rows say they accept; of a result, also Parquet."""

PARQUET = "application/vnd.apache.parquet"

FILTERS = ("state", "key_prefix", "source_key", "model_version")
"""At most one of them: OpenAPI has no way to say so."""


@dataclass(frozen=True)
class Known:
    """A request that is known to be answered: the values of its path, and its query."""

    path: Mapping[str, str]
    query: Query


class Reality:
    """The API as it is: what is in it, and requests with cursors that it has given.

    Parameters
    ----------
    url
        The API's, with a slash at the end.
    session
        Signs what it sends.
    ids, jobs
        Of drops and transform jobs that there are.
    """

    def __init__(self, url: str, session: requests.Session, ids: list[str], jobs: list[str]) -> None:
        self.url, self.session = url, session
        self.names = {"drop_id": ids, "job": jobs}
        self.keys = [self._get("drops/" + drop_id)["source_key"] for drop_id in ids]
        self.columns = {drop_id: self._columns(drop_id) for drop_id in ids}
        self.paged = self._paged()

    def _get(self, path: str, **query: Any) -> Any:
        answer = self.session.get(self.url + path, params=query, timeout=30, allow_redirects=False)
        return answer.json()

    def _columns(self, drop_id: str) -> list[str]:
        page = self._get(f"drops/{drop_id}/predictions", limit=1)
        return list(page["predictions"][0]) if page.get("predictions") else []

    def _paged(self) -> dict[str, list[Known]]:
        """By path, requests for a second page."""
        lists = [
            *(("/drops", {}, filters) for filters in self._filters()),
            *(
                ("/drops/{drop_id}/predictions", {"drop_id": drop_id}, {})
                for drop_id in self.names["drop_id"]
            ),
            *(("/drops/{drop_id}/rejects", {"drop_id": drop_id}, {}) for drop_id in self.names["drop_id"]),
            ("/models", {}, {}),
        ]
        found: dict[str, list[Known]] = {}
        for template, path, filters in lists:
            query = {**filters, "limit": 1}
            cursor = self._get(template.lstrip("/").format(**path), **query).get("next_cursor")
            if cursor:
                found.setdefault(template, []).append(Known(path, {**query, "cursor": cursor}))
        return found

    def _filters(self) -> list[dict[str, Any]]:
        return [
            {},
            {"state": "SCORED"},
            {"state": "REJECTED"},
            {"key_prefix": "data/"},
            {"key_prefix": "plain"},
            {"source_key": "plain/again.parquet"},
            {"model_version": 1},
            {"from": "2020-01-01T00:00:00Z"},
        ]

    def path(self, parameters: dict[str, Any], dice: random.Random) -> dict[str, Any]:
        """The values of a path: mostly of things that there are."""
        there = {name: dice.choice(self.names[name]) for name in parameters if dice.random() < 0.9}
        return {**parameters, **{name: value for name, value in there.items() if value}}

    def query(self, path: Mapping[str, Any], query: Query, dice: random.Random) -> Query:
        """A valid query: of its filters one, and of columns and keys mostly those that there are."""
        query = {name: value for name, value in query.items() if name != "cursor"}
        said = [name for name in FILTERS if name in query]
        for name in said[1:]:
            del query[name]
        if "source_key" in query and dice.random() < 0.7:
            query["source_key"] = dice.choice(self.keys)
        if "key_prefix" in query and dice.random() < 0.7:
            key = dice.choice(self.keys)
            query["key_prefix"] = key[: dice.randint(1, len(key))]
        if "model_version" in query and dice.random() < 0.7:
            query["model_version"] = dice.choice((1, 2, 3))
        if "download" in query:
            return {"download": query["download"]}  # it goes with no other: OpenAPI has no way to say so
        if "columns" in query:
            there = self.columns.get(path.get("drop_id", "")) or ["row"]
            query["columns"] = ",".join(dice.sample(there, dice.randint(1, len(there))))
        return query

    def accept(self, template: str, query: Query, dice: random.Random) -> str:
        """What the reader says it accepts: something that is on offer."""
        if template.endswith("/predictions") and not query and dice.random() < 0.3:
            return PARQUET
        if template.endswith(("/predictions", "/rejects")):
            return dice.choice(ROWS)
        return dice.choice(("*/*", "text/html, application/json;q=0.5"))
