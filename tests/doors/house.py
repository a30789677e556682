"""The deployed stack whose doors are tried: nothing happens in it by itself, and rights can be taken away."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa

from dropscore.aws.ledger import Versions
from dropscore.aws.ledger.items import stamp
from dropscore.domain.source import Source
from local.stack import STACK_NAME
from tests.doors.grants import Grant, grants
from tests.doors.rights import Rights
from tests.flow.flow import Flow, parquet, wait_for

NO_ROWS = parquet(0)
MOSTLY_BAD = parquet(4, ts=pa.array([0, None, None, None], pa.timestamp("ms")))
PARTLY_BAD = parquet(4, ts=pa.array([0, None, 60_000, 120_000], pa.timestamp("ms")))
NOTHING_LOGGED = "the function's log has nothing"


@dataclass(frozen=True)
class Dropped:
    """A file in the inbox, and the notification of it."""

    drop_id: str
    key: str
    event: dict[str, Any]


@dataclass
class House(Flow):
    """A stack whose queues are not polled and whose schedule is slow: the tests invoke its functions."""

    numbers: Iterator[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.functions = self.stack.client("lambda")
        self.logs = self.stack.client("logs")
        self.versions = Versions(self.table)
        resources = self.stack.client("cloudformation").describe_stack_resources(StackName=STACK_NAME)
        self.ids = {
            entry["LogicalResourceId"]: entry["PhysicalResourceId"] for entry in resources["StackResources"]
        }
        self.rights = Rights(self.stack, self.ids)
        self.undo = contextlib.ExitStack()
        for mapping in self.functions.list_event_source_mappings()["EventSourceMappings"]:
            self.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        self.fail_jobs_at_once()

    def without(self, grant: Grant) -> contextlib.AbstractContextManager[None]:
        """The stack while a role lacks one thing that it is granted."""
        return self.rights.without(grant)

    def without_events(self) -> contextlib.AbstractContextManager[None]:
        """While no function may announce anything."""
        return self.without(next(grant for grant in grants().values() if grant.sid == "Announce"))

    # ---- What is asked of the functions; the answer is all that they say ----
    def call(self, function: str, event: Any) -> str:
        """Invoke a function: its answer and its log, as text."""
        answer = self.functions.invoke(FunctionName=self.ids[function], Payload=json.dumps(event).encode())
        lines = self.take_log(self.ids[function.replace("Function", "Logs")])
        return "\n".join([answer["Payload"].read().decode(), *(lines or [NOTHING_LOGGED])])

    def take_log(self, group: str) -> list[str]:
        """What a log group holds, and that it holds nothing any more."""
        lines = []
        for stream in self.logs.describe_log_streams(logGroupName=group)["logStreams"]:
            place = {"logGroupName": group, "logStreamName": stream["logStreamName"]}
            events = self.logs.get_log_events(**place, startFromHead=True)["events"]
            lines += [event["message"] for event in events]
            self.logs.delete_log_stream(**place)
        return lines

    def has_log_group(self, group: str) -> bool:
        return bool(self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"])

    def prepare(self, event: Any) -> str:
        return self.call("PrepareFunction", event)

    def collect(self, event: Any) -> str:
        return self.call("CollectFunction", event)

    def sweep(self, event: Any = None) -> str:
        return self.call("SweepFunction", event or {})

    def read(self, target: str) -> str:
        """Read from the results API: its answer and the function's log, as text."""
        answer = self.stack.results_api().ask("GET", target)
        lines = self.take_log(self.ids["ResultsApiLogs"])
        return "\n".join([f"{answer.status} {answer.body.decode()}", *(lines or [NOTHING_LOGGED])])

    # ---- What there is ----
    def drop(self, body: bytes | None = None, *, versioned: bool = True) -> Dropped:
        """A new file; with `versioned` its notification names its version."""
        key = f"doors/{next(self.numbers)}.parquet"
        body = parquet(2) if body is None else body
        version = self.s3.put_object(Bucket=self.inbox, Key=key, Body=body)["VersionId"]
        event = self.notification(key, version if versioned else None)
        return Dropped(Source(self.inbox, key, version).drop_id, key, event)

    def notification(self, key: str, version: str | None) -> dict[str, Any]:
        item = {"key": quote_plus(key, safe="/"), "eTag": "e", "sequencer": "0A"}
        described = {**item, **({"versionId": version} if version else {})}
        s3 = {"bucket": {"name": self.inbox}, "object": described}
        return {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}]}

    def prepared(self) -> Dropped:
        """A drop that is PREPARED and in no job."""
        dropped = self.drop()
        with self.dispatch_under_way():
            self.prepare(dropped.event)
        assert self.state(dropped) == "PREPARED"
        return dropped

    def waiting(self) -> Dropped:
        """A drop that waits for a model, which there is by now."""
        dropped = self.drop()
        with self.rejected():
            self.prepare(dropped.event)
        assert self.state(dropped) == "WAITING"
        return dropped

    def state(self, dropped: Dropped) -> str | None:
        (drop,) = self.found([dropped.drop_id])
        return drop.state.value if drop else None

    def ended_job(self, body: bytes | None = None, *, rows: int = 2) -> tuple[str, Dropped]:
        """A job of one drop that has ended, with so many rows in its output; 0: without any."""
        dropped = self.drop(body)
        self.prepare(dropped.event)
        (drop,) = self.found([dropped.drop_id])
        assert drop.job is not None, drop
        self.await_job(drop.job)
        if rows:
            name = self._shard_of(dropped)
            shard = self.s3.get_object(Bucket=self.ids["WorkBucket"], Key=f"features/{name}")["Body"].read()
            out = b"".join(line.split(b",")[0] + b",0.5\n" for line in shard.splitlines())
            self.s3.put_object(
                Bucket=self.ids["WorkBucket"], Key=f"transform/{drop.job}/{name}.out", Body=out
            )
        return drop.job, dropped

    def output_of(self, dropped: Dropped) -> str:
        """Name of a drop's only output below its job's prefix."""
        return f"{self._shard_of(dropped)}.out"

    def _shard_of(self, dropped: Dropped) -> str:
        (drop,) = self.found([dropped.drop_id])
        return f"{drop.drop_id}/{drop.attempt}/{drop.drop_id}-{drop.attempt}-00000.csv"

    def start_job(self, artefact: str) -> str:
        """A job with a model of an artefact, started by nobody's function."""
        name, number = f"dropscore-door-{next(self.numbers)}", self.model.version.arn
        package = self.sagemaker.describe_model_package(ModelPackageName=number)
        container = {**package["InferenceSpecification"]["Containers"][0], "ModelDataUrl": artefact}
        container = {key: container[key] for key in ("Image", "ModelDataUrl", "Environment")}
        self.sagemaker.create_model(
            ModelName=name,
            PrimaryContainer=container,
            ExecutionRoleArn=self.stack.outputs["TransformRoleArn"],
        )
        source = {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.ids['WorkBucket']}/features/"}
        }
        self.sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=name,
            TransformInput={"DataSource": source, "ContentType": "text/csv"},
            TransformOutput={"S3OutputPath": f"s3://{self.ids['WorkBucket']}/transform/{name}/"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
        return name

    def await_job(self, job: str) -> str:
        """Why a job failed, once it has ended."""
        described: dict[str, Any] = {}

        def ended() -> bool:
            described.update(self.sagemaker.describe_transform_job(TransformJobName=job))
            return described["TransformJobStatus"] not in {"InProgress", "Stopping"}

        wait_for(ended, lambda: str(described))
        return str(described.get("FailureReason"))

    # ---- Circumstances ----
    def fail_jobs_at_once(self) -> None:
        """Jobs end at once and without a container, until other faults are set."""
        self.stack.reset_faults()
        self.stack.change_faults(fail_jobs=100_000)

    @contextlib.contextmanager
    def dispatch_under_way(self) -> Iterator[None]:
        """While another invocation seems to dispatch."""
        later = stamp(datetime.now(UTC) + timedelta(hours=1))
        self.table.change("dispatch", {"owner": "door", "lease_until": later}, None)
        try:
            yield
        finally:
            self.table.change("dispatch", {"owner": None, "lease_until": None}, None)

    @contextlib.contextmanager
    def rejected(self) -> Iterator[None]:
        """While no version is approved."""
        arn = self.model.version.arn
        self.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
        try:
            yield
        finally:
            self.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")

    @contextlib.contextmanager
    def spec_missing(self) -> Iterator[None]:
        """While the newest approved version names a feature spec that is not there."""
        arn = self.new_version("Approved", feature_spec_uri=f"s3://{self.ids['ModelsBucket']}/none")
        try:
            yield
        finally:
            self.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")

    def new_version(self, status: str = "PendingManualApproval", **recorded: str) -> str:
        """Another version of the model: its ARN."""
        package = self.sagemaker.describe_model_package(ModelPackageName=self.model.version.arn)
        return self.sagemaker.create_model_package(
            ModelPackageGroupName=package["ModelPackageGroupName"],
            InferenceSpecification=package["InferenceSpecification"],
            CustomerMetadataProperties={**package["CustomerMetadataProperties"], **recorded},
            ModelApprovalStatus=status,
        )["ModelPackageArn"]

    def forget_model(self) -> None:
        """SageMaker has no model of the version, and the ledger knows it."""
        name = self.versions.get(self.model.version.arn).model_name
        if name:
            self.versions.model_lost(self.model.version.arn)
            self.sagemaker.delete_model(ModelName=name)

    def forget_drop(self, dropped: Dropped) -> None:
        """The ledger has never heard of the drop."""
        self.stack.client("dynamodb").delete_item(
            TableName=self.ids["LedgerTable"], Key={"pk": {"S": f"drop#{dropped.drop_id}"}}
        )

    def make_due(self, dropped: Dropped) -> None:
        """Something is to be done about the drop now, not in a while."""
        self.table.change(f"drop#{dropped.drop_id}", {"due": stamp(datetime(2026, 1, 1, tzinfo=UTC))}, None)

    def mapping_of(self, function: str) -> str:
        """Id of the mapping that polls a function's queue."""
        found = self.functions.list_event_source_mappings(FunctionName=self.ids[function])
        return found["EventSourceMappings"][0]["UUID"]
