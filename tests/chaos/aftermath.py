"""What a storm has left: the ledger, the buckets, the queues and the jobs, as they are once calm is back."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from dropscore.aws.ledger.expressions import deserialize
from dropscore.aws.ledger.items import job_of
from dropscore.domain.drop import Drop
from dropscore.domain.job import Job
from dropscore.domain.keys import manifest_key
from tests.chaos.files import File
from tests.chaos.processes import Family
from tests.flow.flow import Flow

COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass
class Aftermath:
    """Reads what is there.

    Attributes
    ----------
    dropped
        The files by the id of their drop.
    struck
        How often each kind of trouble came about.
    """

    flow: Flow
    family: Family
    dropped: Mapping[str, File]
    struck: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._open = set(self.dropped)

    def at_rest(self) -> bool:
        """Whether every drop is final and announced, every job final, and no message is left.

        It is asked again and again, and a drop that is at rest stays so: no further than
        the first that is not.
        """
        for drop_id in sorted(self._open):
            drop = self.flow.drops.get(drop_id)
            if drop is None or not (drop.state.final and drop.announced):
                return False
            self._open.remove(drop_id)
        if self.messages("InboxQueue") or self.messages("CollectQueue"):
            return False
        return all(job.final for job in self.read_jobs())

    def unrest(self) -> str:
        """What is still going on."""
        drops = self.flow.drops.get_all(sorted(self._open))
        states = Counter(drop.state.value for drop in drops)
        queues = {name: self.messages(name) for name in ("Inbox", "Collect", "Undelivered")}
        jobs = [job for job in self.read_jobs() if not job.final]
        return f"{states} of {len(self._open)} drops, messages {queues}, jobs {jobs}, some drops {drops[:3]}"

    def messages(self, name: str) -> int:
        """How many messages are in the queues called so, visible or not."""
        counted = 0
        for url in self.flow.sqs.list_queues()["QueueUrls"]:
            if name in url:
                attributes = self.flow.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)
                counted += sum(int(attributes["Attributes"][count]) for count in COUNTS)
        return counted

    @cached_property
    def drops(self) -> dict[str, Drop]:
        """Every drop of the ledger."""
        table = self._items()
        ids = [item["drop_id"] for item in table if item["pk"].startswith("drop#")]
        return {drop.drop_id: drop for drop in self.flow.drops.get_all(ids)}

    @cached_property
    def jobs(self) -> dict[str, Job]:
        """Every job of the ledger."""
        return {job.name: job for job in self.read_jobs()}

    def read_jobs(self) -> list[Job]:
        """Every job of the ledger, as it is now."""
        return [job_of(item) for item in self._items() if item["pk"].startswith("job#")]

    @cached_property
    def transforms(self) -> dict[str, dict[str, Any]]:
        """Every transform job of SageMaker."""
        pages = self.flow.sagemaker.get_paginator("list_transform_jobs").paginate()
        summaries = [summary for page in pages for summary in page["TransformJobSummaries"]]
        return {summary["TransformJobName"]: summary for summary in summaries}

    @cached_property
    def transforms_of(self) -> dict[str, list[str]]:
        """By drop id, the transform jobs that were given its shards, oldest first."""
        found = defaultdict(list)
        for name in sorted(self.transforms, key=lambda name: self.transforms[name]["CreationTime"]):
            uri = f"s3://{self.flow.stack.outputs['WorkBucketName']}/{manifest_key(name)}"
            for drop_id in {entry.split("/")[0] for entry in json.loads(self.flow.read(uri))[1:]}:
                found[drop_id].append(name)
        return found

    @cached_property
    def results(self) -> dict[str, list[str]]:
        """By drop id, the addresses of its results."""
        bucket = self.flow.stack.outputs["ResultsBucketName"]
        pages = self.flow.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="predictions/")
        found = defaultdict(list)
        for entry in (entry for page in pages for entry in page.get("Contents", [])):
            drop_id = entry["Key"].rpartition("/")[2].removesuffix(".parquet")
            found[drop_id].append(f"s3://{bucket}/{entry['Key']}")
        return found

    @cached_property
    def model(self) -> Any:
        """The scikit-learn model that scores."""
        return self.flow.load_model()

    def predictions(self, moments: list[datetime]) -> np.ndarray:
        """What the model itself says of rows with these timestamps."""
        ts = pd.DatetimeIndex(moments)
        return self.model.predict(np.column_stack([ts.minute, ts.hour, ts.day_of_week]).astype(float))

    def most_transforms_at_once(self) -> int:
        """How many transform jobs SageMaker had under way at once, at most."""
        starts = [(job["CreationTime"], 1) for job in self.transforms.values()]
        ends = [(job["TransformEndTime"], -1) for job in self.transforms.values()]
        running = np.cumsum([change for _, change in sorted(starts + ends)])
        return int(running.max())

    def _items(self) -> list[dict[str, Any]]:
        pages = self.flow.stack.client("dynamodb").get_paginator("scan")
        name = self.flow.stack.outputs["LedgerTableName"]
        return [deserialize(i) for page in pages.paginate(TableName=name) for i in page["Items"]]


def deaths(server_log: str) -> dict[str, int]:
    """How many invocations with messages died while they ran, and while their function was starting."""
    told = re.findall(r"failed processing SQS batch .* errorMessage=(.*)", server_log)
    return {
        "died at work": sum("Worker process died" in what for what in told),
        "died at the start": sum("exited immediately" in what for what in told),
    }
