"""The ledger's DynamoDB table: conditional writes, transactions of them, the index of open work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dropscore.aws.clients import error_code
from dropscore.aws.ledger.expressions import Condition, Increment, Item, deserialize, serialize, update
from dropscore.aws.ledger.items import INDEX, SPREAD, partition, stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FIRST_LOOK_BACK = timedelta(days=30)
"""How far back the index is walked before it is known since when nothing is open."""

SETTLED_AFTER = timedelta(days=2)
"""A day this long past gets no new items by itself, and the index has caught up with it."""


class Conflict(Exception):
    """A conditional write was refused; `old` is the item as it stands, empty where there is none."""

    def __init__(self, old: Item) -> None:
        super().__init__("the item is not as expected")
        self.old = old


class Table:
    """The table and its index; changes of state are conditional."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

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
            while wanted:
                answer = self._client.batch_get_item(RequestItems=wanted)
                items += map(deserialize, answer["Responses"].get(self._name, []))
                wanted = answer.get("UnprocessedKeys", {})
        return items

    def change(self, pk: str, changes: Mapping[str, Any], condition: Condition | None) -> Item:
        """Change the item under `condition`, which is None only for notes that may come in any order.

        The item is made when it is not there and the condition allows it.

        Returns
        -------
        Item
            The item as it is now.

        Raises
        ------
        Conflict
            The condition does not hold; nothing was changed.
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
        return deserialize(updated["Attributes"])

    def transact(self, writes: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Make all the writes (`put`, `changed`) or none; which of them were refused, when any was.

        Returns
        -------
        list of bool
            Empty when all were made; else for each write whether its own condition refused it.
        """
        named = [
            {kind: {"TableName": self._name, **arguments} for kind, arguments in w.items()} for w in writes
        ]
        try:
            self._client.transact_write_items(TransactItems=named)  # type: ignore[arg-type]  # built in two steps
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            reasons = [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])]
            if not set(reasons) <= {"None", "ConditionalCheckFailed"}:
                raise
            return [code == "ConditionalCheckFailed" for code in reasons]
        return []

    def open_items(self, what: str, now: datetime, *, due: datetime | None = None, limit: int) -> list[Item]:
        """The open items of one kind, oldest days first; `due` leaves out those that are due later than that.

        Eventually consistent: a hint where to look, not the truth.
        """
        found: list[Item] = []
        for day in _days(self.horizon(now)[0], now.date()):
            for spread in range(SPREAD):
                found += self._query(partition(what, day, spread), due, limit - len(found))
                if len(found) >= limit:
                    return found
        return found

    def horizon(self, now: datetime) -> tuple[date, int]:
        """The first day that may have open items, and a number that changes whenever the day does."""
        item = self.get("horizon") or {}
        day = item.get("day") or (now - FIRST_LOOK_BACK).date().isoformat()
        return date.fromisoformat(day), int(item.get("revision", 0))

    def advance_horizon(self, kinds: Iterable[str], now: datetime) -> None:
        """Move the horizon past its day if that is long over and nothing of any kind is open on it."""
        day, revision = self.horizon(now)
        if day >= (now - SETTLED_AFTER).date():
            return
        for what in kinds:
            if any(self._query(partition(what, day, spread), None, 1) for spread in range(SPREAD)):
                return
        changes = {"day": (day + timedelta(days=1)).isoformat(), "revision": Increment()}
        condition = Condition(
            "attribute_not_exists(pk) OR #rev = :rev", {"#rev": "revision"}, {":rev": revision}
        )
        try:
            self.change("horizon", changes, condition)
        except Conflict:
            return  # somebody moved it: the next sweep looks again

    def lower_horizon(self, day: date, now: datetime) -> None:
        """Make sure that `day` is walked; to be called before something of that day is opened again."""
        if day >= (now - SETTLED_AFTER).date():
            return
        horizon, _ = self.horizon(now)
        changes = {"day": min(day, horizon).isoformat(), "revision": Increment()}
        condition = Condition(
            "attribute_not_exists(pk) OR #d >= :d", {"#d": "day"}, {":d": min(day, horizon).isoformat()}
        )
        try:
            self.change("horizon", changes, condition)
        except Conflict:
            return  # somebody lowered it further

    def _query(self, key: str, due: datetime | None, limit: int) -> list[Item]:
        expression, values = "#w = :w", {":w": key}
        names = {"#w": "work"}
        if due is not None:
            expression += " AND #due <= :due"
            names["#due"], values[":due"] = "due", stamp(due)
        answer = self._client.query(
            TableName=self._name,
            IndexName=INDEX,
            KeyConditionExpression=expression,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=serialize(values),
            Limit=limit,
        )
        return [deserialize(item) for item in answer["Items"]]


def put(item: Mapping[str, Any]) -> dict[str, Any]:
    """A transaction's write of an item that must not be there yet."""
    return {"Put": {"Item": serialize(item), "ConditionExpression": "attribute_not_exists(pk)"}}


def changed(pk: str, changes: Mapping[str, Any], condition: Condition) -> dict[str, Any]:
    """A transaction's conditional change of an item."""
    return {"Update": {"Key": {"pk": {"S": pk}}, **update(changes, condition)}}


def _days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)
