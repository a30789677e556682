"""The inbox bucket as S3 lists it: the current version of each file, which is what a drop stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from dropscore.aws.clients import error_code
from dropscore.domain.drop import Source, why_no_drop
from ops.errors import NotAnAddress
from ops.stack import Stack

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


def pages(stack: Stack, prefix: str) -> Iterator[list[File]]:
    """The files below a prefix, a page of up to 1,000 versions at a time; a page may have no file."""
    found = stack.connection.client("s3").get_paginator("list_object_versions")
    for page in found.paginate(Bucket=stack.inbox, Prefix=prefix):
        yield [
            _file(stack.inbox, entry)
            for entry in page.get("Versions", [])
            if entry["IsLatest"] and why_no_drop(entry["Key"]) is None
        ]


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
