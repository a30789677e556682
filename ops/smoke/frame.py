"""The frame of the smoke test: what an item is, what it saw, and what all items share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from dropscore.aws.clients import error_code, error_message
from dropscore.domain.drop import Drop
from ops.doctor.finding import DENIED
from ops.errors import NothingToSee, NotSignedIn, OpsError
from ops.ledger import Ledger
from ops.results_api import ResultsApi
from ops.stack import Stack
from training.registry.packages import ModelVersion, Registry


class State(StrEnum):
    """How an item ended; a skipped one says why it could not be seen."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Seen:
    """What an item saw.

    Attributes
    ----------
    saw
        One line for a person.
    details
        For `smoke.json`: values of JSON.
    """

    state: State
    saw: str
    details: Mapping[str, Any] = field(default_factory=dict)


def ok(saw: str, **details: Any) -> Seen:
    """It is as Dropscore takes it to be."""
    return Seen(State.OK, saw, details)


def failed(saw: str, **details: Any) -> Seen:
    """It is not."""
    return Seen(State.FAILED, saw, details)


@dataclass(frozen=True)
class Patience:
    """How long an item waits for something, in seconds; then it says so and ends.

    Attributes
    ----------
    score
        For drops, beside the window: a job starts in 3 to 4 minutes, and may start again.
    endpoint
        For the endpoint to come up, or down.
    stop
        For a job to stop, and for the ledger to hear of it.
    log
        For a job's log to appear.
    metrics
        For metrics ("new metrics take up to 15 minutes to appear", ListMetrics, API reference).
    trail
        For CloudTrail ("about 5 minutes, not guaranteed", CloudTrail User Guide).
    query
        For Athena.
    settle
        For the test's own drops, at the end.
    poll
        Between two looks.
    """

    score: float = 2_700
    endpoint: float = 900
    stop: float = 600
    log: float = 300
    metrics: float = 1_200
    trail: float = 1_200
    query: float = 120
    settle: float = 900
    poll: float = 3

    def until[Found](self, look: Callable[[], Found | None], seconds: float) -> Found | None:
        """What a look finds, or None when it has found nothing for so many seconds."""
        end = time.monotonic() + seconds
        while not (found := look()):
            if time.monotonic() >= end:
                return None
            time.sleep(self.poll)
        return found


@dataclass
class Made:
    """What has to be removed again.

    Attributes
    ----------
    prefixes
        Of objects, with their bucket.
    drops
        Ids, by the name of their file.
    version
        The model version that was registered.
    endpoint
        Whether the endpoint was brought up.
    """

    prefixes: list[tuple[str, str]] = field(default_factory=list)
    drops: dict[str, str] = field(default_factory=dict)
    version: ModelVersion | None = None
    endpoint: bool = False


@dataclass
class Smoke:
    """What the items share.

    Attributes
    ----------
    run
        Names what this run makes: `smoke-<8 hex digits>`.
    folder
        For files of this machine; empty at first.
    replaced
        The version that scored before.
    open_before
        Ids of drops that were open when the test's version was approved.
    """

    stack: Stack
    run: str
    folder: Path
    started: datetime
    patience: Patience = field(default_factory=Patience)
    made: Made = field(default_factory=Made)
    replaced: ModelVersion | None = None
    open_before: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.stack.ledger())

    def client(self, service: str) -> Any:
        """The client of a service."""
        return self.stack.connection.client(service)

    @property
    def registry(self) -> Registry:
        """The stack's model registry."""
        return Registry(self.client("sagemaker"), self.client("s3"), self.stack.group)

    @property
    def api(self) -> ResultsApi:
        """The stack's API, for who runs the test."""
        credentials = self.stack.connection.session.get_credentials()
        if credentials is None:
            raise NotSignedIn("no AWS credentials were found: sign in as for the AWS CLI")
        return ResultsApi(self.stack.outputs["ResultsApiUrl"], credentials, self.stack.connection.region)

    @property
    def version(self) -> ModelVersion:
        """The version that was registered.

        Raises
        ------
        NothingToSee
            There is none.
        """
        if self.made.version is None:
            raise NothingToSee("no model version was registered: see the item model")
        return self.made.version

    def drops(self) -> dict[str, Drop]:
        """The drops of the test that the ledger knows, by the name of their file."""
        known = self.ledger.known(list(self.made.drops.values()))
        return {name: known[drop_id] for name, drop_id in self.made.drops.items() if drop_id in known}

    def scored(self) -> dict[str, Drop]:
        """Those that are SCORED.

        Raises
        ------
        NothingToSee
            There is none.
        """
        found = {name: drop for name, drop in self.drops().items() if drop.result_uri}
        if not found:
            raise NothingToSee("no file was scored: see the item scoring")
        return found

    def jobs(self) -> list[str]:
        """The transform jobs that have scored them."""
        return sorted({drop.job for drop in self.scored().values() if drop.job})

    def remove(self, bucket: str, prefix: str) -> int:
        """Delete every version of the objects whose key begins so; how many there were.

        Raises
        ------
        OpsError
            S3 keeps some of them.
        """
        s3 = self.client("s3")
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        removed = 0
        for page in pages:  # of up to 1,000, which is what one request deletes
            found = [
                {"Key": entry["Key"], "VersionId": entry["VersionId"]}
                for entry in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            ]
            if not found:
                continue
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
            if errors := answer.get("Errors"):
                raise OpsError(f"{errors[0]['Code']}: {len(errors)} of {len(found)} versions stay")
            removed += len(found)
        return removed

    def not_embedded(self, reason: str) -> None:
        """Leave the item on the embedded AWS.

        Raises
        ------
        NothingToSee
            This is the embedded AWS, which cannot answer; `reason` says why.
        """
        if self.stack.connection.embedded:
            raise NothingToSee(f"this AWS does not answer: {reason}")


Item = Callable[[Smoke], Seen]


def see(item: Item, smoke: Smoke) -> Seen:
    """What an item saw; whatever goes wrong in it is what it saw, so that the next one runs."""
    try:
        return item(smoke)
    except NothingToSee as reason:
        return Seen(State.SKIPPED, str(reason))
    except ClientError as error:
        what = f"{error.operation_name}: {error_code(error)}: {error_message(error)}"
        if error_code(error) in DENIED:
            return Seen(State.SKIPPED, f"{what}; docs/permissions.md, Who runs the smoke test")
        return failed(what)
    except Exception as error:  # noqa: BLE001 - an item that breaks is a finding
        return failed(f"{type(error).__name__}: {error}")
