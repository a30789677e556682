"""What a user and an operator do with the deployed stack: drop files, wait, look, ask functions to run."""

from __future__ import annotations

import io
import json
import tarfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import joblib
import pyarrow as pa
import pyarrow.parquet as pq

from dropscore.aws.ledger import Drops, OpenWork, Table
from dropscore.domain.drop import Drop
from dropscore.domain.source import Source
from local.demo.model import InstalledModel
from local.stack import LocalStack

LIMIT_SECONDS = 240
"""Far more than anything takes on a busy machine: a wait that comes to its end is a defect."""


def parquet(rows: int = 3, **columns: Any) -> bytes:
    """A file of one reading a minute with what the sample model's features need, and more."""
    start = datetime(2021, 6, 1, 12, 30)  # noqa: DTZ001 - the sensors' timestamps have no zone
    table = {
        "ts": pa.array([start + timedelta(minutes=row) for row in range(rows)], pa.timestamp("ms")),
        "snmpcpu_processor_1": pa.array([float(row % 7) for row in range(rows)]),
        "device_id": pa.array([1] * rows, pa.int64()),
        **columns,
    }
    table = {name: column for name, column in table.items() if column is not None}
    sink = io.BytesIO()
    pq.write_table(pa.table(table), sink)
    return sink.getvalue()


@dataclass
class Flow:
    """A running stack with a sample model in it."""

    stack: LocalStack
    model: InstalledModel

    def __post_init__(self) -> None:
        self.s3 = self.stack.client("s3")
        self.sqs = self.stack.client("sqs")
        self.sagemaker = self.stack.client("sagemaker")
        table = Table(self.stack.client("dynamodb"), self.stack.outputs["LedgerTableName"])
        self.table = table
        self.drops = Drops(table, OpenWork(table))

    @property
    def inbox(self) -> str:
        return self.stack.outputs["InboxBucketName"]

    def put(self, key: str, body: bytes) -> str:
        """Drop a file; the drop's id."""
        version = self.s3.put_object(Bucket=self.inbox, Key=key, Body=body)["VersionId"]
        return Source(self.inbox, key, version).drop_id

    def found(self, drop_ids: Iterable[str]) -> list[Drop | None]:
        drops = {drop.drop_id: drop for drop in self.drops.get_all(list(drop_ids))}
        return [drops.get(drop_id) for drop_id in drop_ids]

    def wait_until(self, drop_ids: list[str], states: set[str], limit: float = LIMIT_SECONDS) -> list[Drop]:
        """The drops once each is in one of the states."""

        def there() -> bool:
            return all(drop is not None and drop.state in states for drop in self.found(drop_ids))

        def now() -> str:
            return str(
                [
                    (drop.source.key, drop.state, drop.reason) if drop else None
                    for drop in self.found(drop_ids)
                ]
            )

        wait_for(there, now, limit)
        return [drop for drop in self.found(drop_ids) if drop is not None]

    def wait(self, *drop_ids: str, limit: float = LIMIT_SECONDS) -> list[Drop]:
        """The drops once each is in a final state."""
        return self.wait_until(list(drop_ids), {"SCORED", "REJECTED", "FAILED"}, limit)

    def result(self, drop: Drop) -> pa.Table:
        return pq.read_table(io.BytesIO(self.read(str(drop.result_uri))))

    def rejects(self, drop: Drop) -> list[dict[str, Any]]:
        return pq.read_table(io.BytesIO(self.read(str(drop.rejects_uri)))).to_pylist()

    def read(self, uri: str) -> bytes:
        bucket, key = uri.removeprefix("s3://").split("/", 1)
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def results_of(self, drop: Drop) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.stack.outputs["ResultsBucketName"], Prefix="predictions/"
        )
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return [key for key in keys if drop.drop_id in key]

    def outputs(self, drop: Drop) -> list[str]:
        """The outputs of a drop's job, whole."""
        work, prefix = self.stack.outputs["WorkBucketName"], f"transform/{drop.job}/"
        listed = self.s3.list_objects_v2(Bucket=work, Prefix=prefix)["Contents"]
        return [self.read(f"s3://{work}/{entry['Key']}").decode() for entry in listed]

    def load_model(self) -> Any:
        """The scikit-learn model that scores, out of its archive."""
        package = self.sagemaker.describe_model_package(ModelPackageName=self.model.version.arn)
        archive = self.read(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            return joblib.load(io.BytesIO(files.extractfile("model.joblib").read()))

    def invoke(self, function: str, event: Any) -> Any:
        """Invoke a function of the stack; its answer."""
        client = self.stack.client("lambda")
        names = [entry["FunctionName"] for entry in client.list_functions()["Functions"]]
        (name,) = [name for name in names if function in name]
        answer = client.invoke(FunctionName=name, Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload

    def sweep(self, event: Any = None) -> Any:
        return self.invoke("SweepFunction", event or {})

    def jobs(self, drops: Iterable[Drop]) -> set[str]:
        return {str(drop.job) for drop in drops if drop.job}

    def dead_letters(self) -> dict[str, int]:
        counted = {}
        for name in ("InboxDlqUrl", "CollectDlqUrl"):
            attributes = self.sqs.get_queue_attributes(
                QueueUrl=self.stack.outputs[name], AttributeNames=["ApproximateNumberOfMessages"]
            )
            counted[name] = int(attributes["Attributes"]["ApproximateNumberOfMessages"])
        return counted


def wait_for(condition: Callable[[], bool], state: Callable[[], str], limit: float = LIMIT_SECONDS) -> None:
    """Wait until `condition` holds; fail with `state` after `limit` seconds."""
    until = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < until, f"not within {limit} s: {state()}"
        time.sleep(0.2)
