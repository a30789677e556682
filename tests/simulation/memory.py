"""In-memory stand-ins for the adapters of DynamoDB and S3."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import IO, Any

from botocore.exceptions import ClientError

from dropscore.aws.ledger.expressions import Append, Condition, Exclude, Include, Increment, Item
from dropscore.aws.ledger.items import stamp
from dropscore.aws.ledger.table import Change, Conflict, Put
from dropscore.domain.drop import Source
from dropscore.domain.errors import SourceGone

_CLAUSE = re.compile(r"(attribute_exists|attribute_not_exists)\(([#\w]+)\)|([#\w]+) (=|<=|>=|<|>) (:\w+)")


class MemoryTable:
    """`dropscore.aws.ledger.Table` over a dict."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}

    def get(self, pk: str) -> Item | None:
        return deepcopy(self.items.get(pk))

    def get_all(self, pks: Sequence[str]) -> list[Item]:
        return [deepcopy(self.items[pk]) for pk in pks if pk in self.items]

    def change(self, pk: str, changes: Mapping[str, Any], condition: Condition | None) -> Item:
        old = self.items.get(pk, {})
        if condition and not holds(condition, old):
            raise Conflict(deepcopy(old))
        self.items[pk] = changed(old, pk, changes)
        return deepcopy(self.items[pk])

    def transact(self, writes: Sequence[Put | Change]) -> list[bool]:
        refused = [not self._allowed(write) for write in writes]
        if any(refused):
            return refused
        for write in writes:
            if isinstance(write, Put):
                self.items[write.item["pk"]] = {
                    k: deepcopy(v) for k, v in write.item.items() if v is not None
                }
            else:
                self.items[write.pk] = changed(self.items.get(write.pk, {}), write.pk, write.changes)
        return []

    def query_index(self, key: str, due: datetime | None, limit: int) -> list[Item]:
        found = [item for item in self.indexed() if item.get("work") == key and "due" in item]
        found = [item for item in found if due is None or item["due"] <= stamp(due)]
        return deepcopy(sorted(found, key=lambda item: item["due"])[:limit])

    def indexed(self) -> Iterable[Item]:
        """The items as the index has them."""
        return self.items.values()

    def _allowed(self, write: Put | Change) -> bool:
        if isinstance(write, Put):
            return write.item["pk"] not in self.items
        return holds(write.condition, self.items.get(write.pk, {}))


def holds(condition: Condition, item: Item) -> bool:
    """Whether an item meets a condition of the forms that the ledger uses."""
    results = [_clause(text, condition, item) for text in re.split(r" (?:AND|OR) ", condition.expression)]
    operators = set(re.findall(r" (AND|OR) ", condition.expression))
    assert len(operators) <= 1, "mixed operators need a parser"
    return any(results) if operators == {"OR"} else all(results)


def _clause(text: str, condition: Condition, item: Item) -> bool:
    match = _CLAUSE.fullmatch(text)
    assert match, f"no clause that this stand-in knows: {text}"
    function, named, left, operator, value = match.groups()
    name = condition.names.get(named or left, named or left)
    if function:
        return (name in item) == (function == "attribute_exists")
    if name not in item:
        return False
    found, wanted = item[name], condition.values[value]
    return {
        "=": found == wanted,
        "<=": found <= wanted,
        ">=": found >= wanted,
        "<": found < wanted,
        ">": found > wanted,
    }[operator]


def changed(old: Item, pk: str, changes: Mapping[str, Any]) -> Item:
    """An item after `changes`, which all see it as it was."""
    item = {"pk": pk, **deepcopy(old)}
    for name, change in changes.items():
        match change:
            case None:
                item.pop(name, None)
            case Append(element):
                item[name] = [*item.get(name, []), deepcopy(element)]
            case Increment(by):
                item[name] = item.get(name, 0) + by
            case Include(element):
                item[name] = {*item.get(name, ()), element}
            case Exclude(element):
                item[name] = set(item.get(name, ())) - {element}
                if not item[name]:
                    del item[name]
            case _:
                item[name] = deepcopy(change)
    return item


class MemoryFile(io.BytesIO):
    """An object's bytes as a file that knows its size."""

    @property
    def size(self) -> int:
        return len(self.getvalue())


class MemoryBucket:
    """`dropscore.aws.objects.Bucket` over a dict."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def open(self, key: str) -> MemoryFile:
        if key not in self.objects:
            raise SourceGone(f"source gone: {self.uri(key)} no longer exists")
        return MemoryFile(self.objects[key][0])

    def read(self, key: str) -> bytes:
        if key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": key}}, "GetObject")
        return self.objects[key][0]

    def put(self, key: str, body: bytes | IO[bytes], content_type: str) -> None:
        assert content_type
        self.objects[key] = (body if isinstance(body, bytes) else body.read(), {})

    def put_once(self, key: str, body: IO[bytes], content_type: str, metadata: Mapping[str, str]) -> bool:
        assert content_type
        if key in self.objects:
            return False
        self.objects[key] = (body.read(), dict(metadata))
        return True

    def metadata(self, key: str) -> Mapping[str, str]:
        return self.objects[key][1]

    def names(self, prefix: str) -> Iterator[str]:
        return (key.removeprefix(prefix) for key in sorted(self.objects) if key.startswith(prefix))


class MemoryInbox:
    """A versioned bucket with the read side of `dropscore.aws.objects.Inbox`."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        self.versions: dict[str, dict[str, bytes]] = {}
        self._numbers = itertools.count(1)

    def put(self, key: str, body: bytes) -> str:
        version = f"v{next(self._numbers)}"
        self.versions.setdefault(key, {})[version] = body
        return version

    def delete(self, key: str, version: str) -> None:
        del self.versions[key][version]

    def current(self, bucket: str, key: str, sequencer: str | None) -> Source:
        versions = self.versions.get(key)
        if not versions:
            raise SourceGone(f"source gone: s3://{bucket}/{key} no longer exists")
        return Source(bucket, key, list(versions)[-1], sequencer)

    def open(self, source: Source) -> MemoryFile:
        try:
            return MemoryFile(self.versions[source.key][source.version])
        except KeyError as error:
            raise SourceGone(f"source gone: s3://{source.bucket}/{source.key} no longer exists") from error
