"""The ledger's DynamoDB table: conditional writes, transactions of them, and reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dropscore.aws.clients import error_code, error_message
from dropscore.aws.ledger.expressions import Condition, Item, deserialize, serialize, update
from dropscore.aws.ledger.items import INDEX, stamp
from dropscore.aws.ledger.places import Entry, Stretch
from dropscore.domain.errors import ServiceBusy

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

READ_ROUNDS = 5
"""How often a batch read asks for what is left unprocessed, each with botocore's own retries."""

_PASSING_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Why a transaction was cancelled that can be repeated as it is (TransactWriteItems, API reference)."""


class Conflict(Exception):
    """A conditional write was refused; `old` is the item as it stands, empty where there is none."""

    def __init__(self, old: Item) -> None:
        super().__init__("the item is not as expected")
        self.old = old


@dataclass(frozen=True)
class Put:
    """A transaction's write of an item that must not be there yet."""

    item: Item


@dataclass(frozen=True)
class Change:
    """A transaction's conditional change of an item."""

    pk: str
    changes: Mapping[str, Any]
    condition: Condition


class Table:
    """The table; changes of state are conditional.

    Parameters
    ----------
    read_rounds
        How often a batch read asks: fewer times for who is waited for.
    """

    def __init__(self, client: DynamoDBClient, name: str, read_rounds: int = READ_ROUNDS) -> None:
        self._client = client
        self._name = name
        self._read_rounds = read_rounds

    def get(self, pk: str) -> Item | None:
        """The item, read consistently."""
        item = self._client.get_item(TableName=self._name, Key={"pk": {"S": pk}}, ConsistentRead=True).get(
            "Item"
        )
        return deserialize(item) if item else None

    def get_all(self, pks: Sequence[str]) -> list[Item]:
        """The items that are there, read consistently, in no order."""
        items: list[Item] = []
        for start in range(0, len(pks), 100):
            wanted: Any = {
                self._name: {
                    "Keys": [{"pk": {"S": pk}} for pk in pks[start : start + 100]],
                    "ConsistentRead": True,
                }
            }
            for _ in range(self._read_rounds):
                answer = self._client.batch_get_item(RequestItems=wanted)
                items += map(deserialize, answer["Responses"].get(self._name, []))
                wanted = answer.get("UnprocessedKeys", {})
                if not wanted:
                    break
            else:
                raise ServiceBusy("DynamoDB leaves reads unprocessed; it is tried again later")
        return items

    def change(self, pk: str, changes: Mapping[str, Any], condition: Condition | None) -> Item:
        """Change the item under `condition`, which is None only for notes that may come in any order.

        The item is made when it is not there and the condition allows it.

        Returns
        -------
        Item
            The item as it is now; empty where there was none and the changes only remove.

        Raises
        ------
        Conflict
            The condition does not hold; nothing was changed.
        ServiceBusy
            A transaction with the item is under way; nothing was changed, and botocore does not repeat it.
        """
        try:
            updated = self._client.update_item(
                TableName=self._name,
                Key={"pk": {"S": pk}},
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **update(changes, condition),
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            answer: Any = error.response
            raise Conflict(deserialize(answer.get("Item", {}))) from error
        except self._client.exceptions.TransactionConflictException as error:
            raise ServiceBusy(f"DynamoDB: {error_message(error)}") from error
        return deserialize(updated.get("Attributes", {}))

    def transact(self, writes: Sequence[Put | Change]) -> list[bool]:
        """Make all the writes or none; which of them were refused, when any was.

        Returns
        -------
        list of bool
            Empty when all were made; else for each write whether its own condition refused it.

        Raises
        ------
        ServiceBusy
            Another write to one of the items is under way, or DynamoDB throttles; nothing was written.
        """
        try:
            self._client.transact_write_items(TransactItems=[self._request(write) for write in writes])
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            reasons = [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])]
            if not set(reasons) <= {"None", "ConditionalCheckFailed", *_PASSING_REASONS}:
                raise
            if not _PASSING_REASONS.isdisjoint(reasons):
                raise ServiceBusy(f"DynamoDB: {error_message(error)}") from error
            return [code == "ConditionalCheckFailed" for code in reasons]
        return []

    def query_index(self, key: str, due: datetime | None, limit: int) -> list[Item]:
        """Up to `limit` items of one index partition in the order they are due, `due` at the latest."""
        expression, values = "#w = :w", {":w": key}
        names = {"#w": "work"}
        if due is not None:
            expression += " AND #due <= :due"
            names["#due"], values[":due"] = "due", stamp(due)
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            IndexName=INDEX,
            KeyConditionExpression=expression,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=serialize(values),
            PaginationConfig={"MaxItems": limit, "PageSize": limit},
        )
        return [deserialize(item) for page in pages for item in page["Items"]]

    def query_keys(self, stretch: Stretch, limit: int) -> list[Entry]:
        """The first `limit` entries of a stretch in its index's order; its partitions are read at once."""
        index = stretch.index
        with ThreadPoolExecutor(len(stretch.partitions)) as pool:
            found = pool.map(lambda place: self._query_partition(stretch, place, limit), stretch.partitions)
            return [*islice(merge(*found, reverse=index.newest_first), limit)]

    def _query_partition(self, stretch: Stretch, place: str, limit: int) -> list[Entry]:
        index = stretch.index
        within = Condition(
            "#hash = :hash AND #range BETWEEN :low AND :high",
            {"#hash": index.hash, "#range": index.range},
            {":hash": place, ":low": stretch.low, ":high": stretch.high},
        )
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            IndexName=index.name,
            KeyConditionExpression=within.expression,
            ExpressionAttributeNames=within.names,
            ExpressionAttributeValues=serialize(within.values),
            ScanIndexForward=not index.newest_first,
            PaginationConfig={"MaxItems": limit, "PageSize": limit},
        )
        items = (deserialize(item) for page in pages for item in page["Items"])
        return [Entry(item[index.range], item["pk"]) for item in items]

    def _request(self, write: Put | Change) -> Any:
        """A write as TransactWriteItems takes it."""
        if isinstance(write, Put):
            item = {"Item": serialize(write.item), "ConditionExpression": "attribute_not_exists(pk)"}
            return {"Put": {"TableName": self._name, **item}}
        change = {"Key": {"pk": {"S": write.pk}}, **update(write.changes, write.condition)}
        return {"Update": {"TableName": self._name, **change}}
