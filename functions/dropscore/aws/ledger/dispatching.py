"""What dispatch shares through the ledger: its lease, the day's jobs, what befell model versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dropscore.aws.clients import AwsError
from dropscore.aws.ledger.expressions import Condition, Include, Item
from dropscore.aws.ledger.items import bounded, stamp, version_pk
from dropscore.aws.ledger.table import Change, Conflict, Table
from dropscore.domain.errors import ServiceBusy

_PK = "dispatch"


class DispatchLease:
    """The right to form and start jobs, held by one invocation at a time; counts the day's jobs."""

    def __init__(self, table: Table, owner: str, item: Item) -> None:
        self._table = table
        self._owner = owner
        self._item = item

    @classmethod
    def acquire(cls, table: Table, owner: str, now: datetime, until: datetime) -> DispatchLease | None:
        """The lease until `until`, or None while another holds it."""
        condition = Condition(
            "attribute_not_exists(lease_until) OR lease_until <= :now", values={":now": stamp(now)}
        )
        try:
            item = table.change(_PK, {"owner": owner, "lease_until": stamp(until)}, condition)
        except (Conflict, ServiceBusy):  # busy: the holder is just planning a job
            return None
        return cls(table, owner, item)

    def jobs_today(self, now: datetime) -> int:
        """How many jobs have been planned on the day of `now` (UTC)."""
        return int(self._item["jobs_planned"]) if self._item.get("jobs_day") == now.date().isoformat() else 0

    def count_job(self, now: datetime, until: datetime) -> Change:
        """The transaction's write that counts one more job and renews the lease, while it is ours."""
        counted = {"jobs_day": now.date().isoformat(), "jobs_planned": self.jobs_today(now) + 1}
        self._item = {**self._item, **counted}
        return Change(_PK, {**counted, "lease_until": stamp(until)}, self._ours())

    def renew(self, until: datetime) -> bool:
        """Keep the lease until then; False when another has it by now."""
        try:
            self._table.change(_PK, {"lease_until": stamp(until)}, self._ours())
        except Conflict:
            return False
        return True

    def release(self, *, held_back: bool) -> None:
        """Let others dispatch; a lease that was lost meanwhile stays with whom it went to.

        Where the ledger does not answer, the lease ends by itself: what was dispatched is none the less.

        `held_back` says that a job that ends makes room for another.
        """
        changes = {"owner": None, "lease_until": None, "held_back": held_back or None}
        try:
            self._table.change(_PK, changes, self._ours())
        except (Conflict, ServiceBusy, *AwsError):
            return

    @staticmethod
    def held_back(table: Table, now: datetime) -> bool:
        """Whether the last dispatch has left something behind for lack of room, or one is under way."""
        item = table.get(_PK) or {}
        return bool(item.get("held_back")) or item.get("lease_until", "") > stamp(now)

    def _ours(self) -> Condition:
        return Condition("#owner = :owner", {"#owner": "owner"}, {":owner": self._owner})


@dataclass(frozen=True)
class VersionRecord:
    """What befell a model version's jobs.

    Attributes
    ----------
    model_name
        SageMaker's model of the version, once it has been made.
    barren
        The jobs, or drops alone in one, that in a row have ended without any output.
    proven
        Whether a job of it has ever put out something.
    held
        Why its drops are not scored, until the operator releases them.
    """

    model_name: str | None = None
    barren: frozenset[str] = frozenset()
    proven: bool = False
    held: str | None = None


class Versions:
    """Reads and writes what befell model versions."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, package_arn: str) -> VersionRecord:
        """The version's record; an empty one for a version that nothing has befallen yet."""
        item = self._table.get(version_pk(package_arn)) or {}
        return VersionRecord(
            item.get("model_name"),
            frozenset(item.get("barren", ())),
            bool(item.get("proven")),
            item.get("held"),
        )

    def model_made(self, package_arn: str, model_name: str) -> None:
        """SageMaker has a model of the version."""
        self._change(package_arn, {"model_name": model_name})

    def model_lost(self, package_arn: str) -> None:
        """SageMaker no longer has the model: it is made again."""
        self._change(package_arn, {"model_name": None})

    def note_barren(self, package_arn: str, what: str) -> frozenset[str]:
        """A job of the version, or a drop alone in one, has ended without any output; all such in a row."""
        return frozenset(self._change(package_arn, {"barren": Include(what)})["barren"])

    def job_fruitful(self, package_arn: str) -> None:
        """A job of the version put out something: whatever failed before in a row is over."""
        self._change(package_arn, {"barren": None, "proven": True})

    def hold(self, package_arn: str, reason: str) -> None:
        """Score no more drops by the version until `release`."""
        self._change(package_arn, {"held": reason})

    def release(self, package_arn: str) -> None:
        """The operator says that the version's drops shall be tried again."""
        self._change(package_arn, {"held": None, "barren": None})

    def _change(self, package_arn: str, changes: Item) -> Item:
        return self._table.change(version_pk(package_arn), bounded(changes), condition=None)
