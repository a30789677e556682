"""The inbox bucket as S3 lists it: the current version of each file, and the objects that are no drops."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from dropscore.aws.clients import error_code
from dropscore.aws.metrics import SKIPPED
from dropscore.domain.source import NoDrop, Source, why_no_drop
from ops.errors import NotAnAddress
from ops.stack import Stack

HOUR = timedelta(hours=1)
"""CloudWatch keeps sums of an hour for 455 days, finer ones for 63 at most ("Metrics retention")."""

UNVERSIONED = "null"
"""S3's version id of what was put while the bucket kept no versions."""


@dataclass(frozen=True)
class File:
    """The current version of a file in the inbox.

    Attributes
    ----------
    version
        S3's version id; `null` of what was put while the bucket kept no versions.
    size
        Bytes.
    """

    bucket: str
    key: str
    version: str
    etag: str
    size: int
    modified: datetime

    @property
    def source(self) -> Source:
        """What the ledger knows it as."""
        if self.version == UNVERSIONED:
            return Source(self.bucket, self.key, self.etag, versioned=False)
        return Source(self.bucket, self.key, self.version)


@dataclass(frozen=True)
class Page:
    """What a request has listed: files, and the keys of objects that are no drops, folder markers aside."""

    files: list[File] = field(default_factory=list)
    no_drops: dict[NoDrop, list[str]] = field(default_factory=dict)


def prefix_of(stack: Stack, address: str) -> str:
    """The prefix that an address names: `s3://<inbox>/<prefix>`, or the prefix alone.

    Raises
    ------
    NotAnAddress
        It lies in another bucket: prepare refuses files of any but the inbox.
    """
    match = re.fullmatch(r"s3://([^/]+)/?(.*)", address, re.DOTALL)
    if match is None:
        return address
    if match[1] != stack.inbox:
        raise NotAnAddress(
            f"{match[1]} is not the inbox of stack {stack.name}, which is {stack.inbox}: "
            "copy the files there, and they are scored"
        )
    return match[2]


def pages(stack: Stack, prefix: str) -> Iterator[Page]:
    """What is below a prefix, a page of up to 1,000 versions at a time; a page may have no file."""
    found = stack.connection.client("s3").get_paginator("list_object_versions")
    for listed in found.paginate(Bucket=stack.inbox, Prefix=prefix):
        page = Page()
        for entry in listed.get("Versions", []):
            if not entry["IsLatest"]:
                continue
            reason = why_no_drop(entry["Key"], stack.suffixes)
            if reason is None:
                page.files.append(_file(stack.inbox, entry))
            elif reason is not NoDrop.FOLDER:
                page.no_drops.setdefault(reason, []).append(entry["Key"])
        yield page


def skipped_since(stack: Stack, since: datetime, now: datetime) -> dict[NoDrop, int] | None:
    """How many notifications were of objects that are no drops, by reason, as CloudWatch has counted them.

    One request, however many objects the inbox has (GetMetricData, API reference: 100,800 values at most, and
    400 days have 19,200).

    Returns
    -------
    dict or None
        None of the embedded AWS, which makes no metrics of log lines.
    """
    if stack.connection.embedded:
        return None
    dimensions = [{"Name": "service", "Value": "dropscore"}]
    queries = [
        {
            "Id": reason.value,
            "MetricStat": {
                "Metric": {
                    "Namespace": f"Dropscore/{stack.name}",
                    "MetricName": name,
                    "Dimensions": dimensions,
                },
                "Period": int(HOUR.total_seconds()),
                "Stat": "Sum",
            },
        }
        for reason, name in SKIPPED.items()
    ]
    answer = stack.connection.client("cloudwatch").get_metric_data(
        StartTime=since, EndTime=now, MetricDataQueries=queries
    )
    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    return {reason: int(sum(values.get(reason.value, []))) for reason in SKIPPED}


def current(stack: Stack, key: str) -> File | None:
    """The current version of a file, or None where there is no such object."""
    try:
        head = stack.connection.client("s3").head_object(Bucket=stack.inbox, Key=key)
    except ClientError as error:
        if error_code(error) in {"404", "NoSuchKey"}:
            return None
        raise
    version = head.get("VersionId") or UNVERSIONED
    return File(
        stack.inbox, key, version, head["ETag"].strip('"'), head["ContentLength"], head["LastModified"]
    )


def _file(bucket: str, entry: dict[str, Any]) -> File:
    return File(
        bucket,
        entry["Key"],
        entry["VersionId"],
        entry["ETag"].strip('"'),
        entry["Size"],
        entry["LastModified"],
    )
