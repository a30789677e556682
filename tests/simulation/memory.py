"""In-memory stand-ins for the adapters of DynamoDB and S3; tests/contract holds both to the same promises."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from hashlib import md5
from typing import IO, Any

from botocore.exceptions import ClientError

from dropscore.aws.ledger.expressions import (
    Append,
    Condition,
    Exclude,
    Include,
    Increment,
    Item,
    deserialize,
    serialize,
)
from dropscore.aws.ledger.items import stamp
from dropscore.aws.ledger.places import INDEXES, MAX_RANGE_BYTES, Entry, Stretch
from dropscore.aws.ledger.table import Change, Conflict, Put
from dropscore.aws.ranged import RangedObject, Ranges
from dropscore.domain.errors import SourceGone
from dropscore.domain.source import Source
from tests.simulation.reader import Overdue

_CLAUSE = re.compile(r"(attribute_exists|attribute_not_exists)\(([#\w]+)\)|([#\w]+) (=|<=|>=|<|>) (:\w+)")
_AT_ONCE = 100
"""Keys of a BatchGetItem, writes of a TransactWriteItems (API reference)."""

_INDEXED = {"work", "due"} | {name for index in INDEXES for name in (index.hash, index.range)}
"""The attributes that indexes have for keys."""


class MemoryTable:
    """`dropscore.aws.ledger.Table` over a dict."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}

    def get(self, pk: str) -> Item | None:
        return deepcopy(self.items.get(pk))

    def get_all(self, pks: Sequence[str]) -> list[Item]:
        """The items, in another order than they were asked for: DynamoDB promises none."""
        for batch in itertools.batched(pks, _AT_ONCE):
            _demand(len({*batch}) == len(batch), "BatchGetItem", "keys contain duplicates")
        return [deepcopy(self.items[pk]) for pk in reversed(pks) if pk in self.items]

    def change(self, pk: str, changes: Mapping[str, Any], condition: Condition | None) -> Item:
        old = self.items.get(pk, {})
        new = changed(old, pk, changes)
        if condition and not holds(condition, old):
            raise Conflict(deepcopy(old))
        if pk not in self.items and new == {"pk": pk}:
            return {}  # what only removes makes no item (found on DynamoDB: scylladb/scylladb#5862)
        self.items[pk] = new
        return deepcopy(new)

    def transact(self, writes: Sequence[Put | Change]) -> list[bool]:
        pks = [write.item["pk"] if isinstance(write, Put) else write.pk for write in writes]
        _demand(len({*pks}) == len(pks), "TransactWriteItems", "multiple operations on one item")
        _demand(0 < len(pks) <= _AT_ONCE, "TransactWriteItems", "between 1 and 100 writes")
        written = [self._outcome(write) for write in writes]
        refused = [not self._allowed(write) for write in writes]
        if any(refused):
            return refused
        for pk, item in zip(pks, written, strict=True):
            self.items[pk] = item
        return []

    def query_index(self, key: str, due: datetime | None, limit: int) -> list[Item]:
        _demand(limit > 0, "Query", "limit below 1")
        found = [item for item in self.indexed() if item.get("work") == key and "due" in item]
        found = [item for item in found if due is None or item["due"] <= stamp(due)]
        return deepcopy(sorted(found, key=lambda item: item["due"])[:limit])

    def query_keys(self, stretch: Stretch, limit: int) -> list[Entry]:
        _demand(limit > 0, "Query", "limit below 1")
        _demand("" < stretch.low <= stretch.high, "Query", "BETWEEN in the wrong order")
        _demand(_size(stretch.high) <= MAX_RANGE_BYTES, "Query", "a key that is too long")
        index = stretch.index
        found = [
            Entry(item[index.range], item["pk"])
            for item in self.indexed()
            if item.get(index.hash) in stretch.partitions
            and stretch.low <= item.get(index.range, "") <= stretch.high
        ]
        return sorted(found, reverse=index.newest_first)[:limit]

    def indexed(self) -> Iterable[Item]:
        """The items as the indexes have them."""
        return self.items.values()

    def _outcome(self, write: Put | Change) -> Item:
        if isinstance(write, Put):
            return _stored(write.item)
        return changed(self.items.get(write.pk, {}), write.pk, write.changes)

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
    _demand(changes and "pk" not in changes, "UpdateItem", "no change, or one of the key")
    item = {"pk": pk, **deepcopy(old)}
    for name, change in changes.items():
        match change:
            case None:
                item.pop(name, None)
            case Append(element):
                item[name] = [*item.get(name, []), element]
            case Increment(by):
                item[name] = item.get(name, 0) + by
            case Include(element):
                item[name] = {*item.get(name, ()), element}
            case Exclude(element):
                item[name] = set(item.get(name, ())) - {element}
                if not item[name]:
                    del item[name]
            case _:
                item[name] = change
    return _stored(item)


def _stored(item: Item) -> Item:
    """The item as DynamoDB gives it back: a copy, numbers as Decimal, None left out, no floats taken."""
    stored = deserialize(serialize(item))
    for name, value in stored.items():
        _demand(value != set(), "UpdateItem", f"the set {name} is empty")
    for name in _INDEXED & stored.keys():
        _demand(stored[name] and isinstance(stored[name], str), "UpdateItem", name)
        _demand(_size(stored[name]) <= MAX_RANGE_BYTES, "UpdateItem", f"{name} is too long for a sort key")
    return stored


def _size(text: str) -> int:
    return len(text.encode())


def _demand(taken: object, operation: str, message: str) -> None:
    """AWS refuses the request unless `taken`."""
    if not taken:
        raise _refusal("ValidationException", operation, message)


def _refusal(code: str, operation: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class MemoryObjects:
    """What `RangedObject` asks of S3's client: ranges of what `find` finds at that moment."""

    def __init__(self, find: Callable[[str, str | None], bytes]) -> None:
        self._find = find

    def get_object(
        self,
        *,
        Bucket: str,  # noqa: ARG002, N803 - boto3's names
        Key: str,  # noqa: N803
        Range: str,  # noqa: N803
        VersionId: str | None = None,  # noqa: N803
        IfMatch: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        data = self._find(Key, VersionId)
        if IfMatch not in (None, f'"{etag(data)}"'):
            raise _refusal("PreconditionFailed", "GetObject", Key)
        first, last = Range.removeprefix("bytes=").split("-")
        start, end = (int(first), int(last) + 1) if first else (max(0, len(data) - int(last)), len(data))
        if start >= len(data):
            raise _refusal("InvalidRange", "GetObject", Key)
        part = data[start:end]
        ends = f"{start}-{start + len(part) - 1}"
        return {"ContentRange": f"bytes {ends}/{len(data)}", "Body": io.BytesIO(part)}


def etag(data: bytes) -> str:
    """S3's ETag of an object that was put in one piece."""
    return md5(data, usedforsecurity=False).hexdigest()


class MemoryBucket:
    """`dropscore.aws.objects.Bucket` over a dict.

    The readers of the next `late` results are killed while they put them: what is `on_the_way` then lands
    later, unless another result has the key by that time. `landed` are the keys of those that have.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.objects: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.late = 0
        self.on_the_way: list[tuple[str, bytes, dict[str, str]]] = []
        self.landed: set[str] = set()

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def open(self, key: str) -> RangedObject:
        return RangedObject(MemoryObjects(lambda key, _: self.read(key)), self.name, key)

    def ranges(self, key: str) -> Ranges:
        return Ranges(MemoryObjects(lambda key, _: self.read(key)), self.name, key)

    def read(self, key: str) -> bytes:
        if key not in self.objects:
            raise _refusal("NoSuchKey", "GetObject", key)
        return self.objects[key][0]

    def put(self, key: str, body: bytes | IO[bytes], content_type: str) -> None:
        assert content_type
        self.objects[key] = (body if isinstance(body, bytes) else _whole(body), {})

    def put_once(self, key: str, body: IO[bytes], content_type: str, metadata: Mapping[str, str]) -> bool:
        assert content_type
        said = {name.lower(): value for name, value in metadata.items()}
        assert all(value.isascii() for value in said.values()), "metadata travels as HTTP headers"
        if self.late > 0:
            self.late -= 1
            self.on_the_way.append((key, _whole(body), said))
            raise Overdue
        if key in self.objects:
            return False
        self.objects[key] = (_whole(body), said)
        return True

    def land(self) -> None:
        """Let what is on the way arrive."""
        for key, body, said in self.on_the_way:
            if key not in self.objects:
                self.objects[key] = (body, said)
                self.landed.add(key)
        self.on_the_way.clear()

    def metadata(self, key: str) -> Mapping[str, str]:
        if key not in self.objects:
            raise _refusal("404", "HeadObject", key)
        return self.objects[key][1]

    def names(self, prefix: str) -> Iterator[str]:
        return (key.removeprefix(prefix) for key in sorted(self.objects) if key.startswith(prefix))


def _whole(body: IO[bytes]) -> bytes:
    assert body.tell() == 0, "botocore does not agree with itself on what such a body is"
    return body.read()


class MemoryInbox:
    """`dropscore.aws.objects.Inbox` over a bucket's versions; None is a delete marker.

    In a bucket without versions, a key has one at most, and its ETag for a name. `refuses` are the keys that
    S3 does not give, each with the code of its answer.
    """

    def __init__(self, bucket: str, *, versioned: bool = True) -> None:
        self.bucket = bucket
        self.versions: dict[str, dict[str, bytes | None]] = {}
        self.refuses: dict[str, str] = {}
        self._versioned = versioned
        self._numbers = itertools.count(1)

    def put(self, key: str, body: bytes) -> str:
        version = f"v{next(self._numbers)}" if self._versioned else etag(body)
        self._add(key, version, body)
        return version

    def delete(self, key: str, version: str) -> None:
        """Delete a version for good."""
        del self.versions[key][version]

    def hide(self, key: str) -> str:
        """Delete the key: where there are versions, its newest is a delete marker then."""
        marker = f"v{next(self._numbers)}"
        self._add(key, marker, None)
        return marker

    def current(self, bucket: str, key: str, sequencer: str | None) -> Source:
        versions = self.versions.get(key) if bucket == self.bucket else None
        if not versions or [*versions.values()][-1] is None:
            raise SourceGone(f"source gone: s3://{bucket}/{key} no longer exists")
        return Source(bucket, key, [*versions][-1], sequencer, versioned=self._versioned)

    def open(self, source: Source) -> RangedObject:
        which = "version" if source.versioned else "etag"
        objects = MemoryObjects(self._find)
        return RangedObject(objects, source.bucket, source.key, **{which: source.version})

    def _add(self, key: str, version: str, body: bytes | None) -> None:
        there = self.versions.get(key, {}) if self._versioned else {}
        self.versions[key] = {**there, version: body}

    def _find(self, key: str, version: str | None) -> bytes:
        if key in self.refuses:
            raise _refusal(self.refuses[key], "GetObject", key)
        versions = self.versions.get(key, {})
        if version is not None and version not in versions:
            raise _refusal("NoSuchVersion", "GetObject", key)
        body = versions[version] if version else next(reversed(versions.values()), None)
        if body is None:
            raise _refusal("MethodNotAllowed" if version else "NoSuchKey", "GetObject", key)
        return body
