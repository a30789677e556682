"""Which objects a job transforms, and what their outputs are called."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.sagemaker.instance.errors import ClientFault
from local.sagemaker.instance.location import Location, parse_location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class InputObject:
    """An object to transform; ``relative`` is the part of its key that its output's key keeps."""

    location: Location
    relative: str


def input_objects(s3: S3Client, input_type: str, uri: str) -> Iterator[InputObject]:
    """The objects of an S3DataSource, in the order of their keys (S3Prefix) or of the manifest.

    A prefix is literal: ``p/a`` also stands for ``p/ab``. The documentation contradicts itself on output
    keys; here an output keeps what follows the prefix's last ``/`` (or the manifest's prefix), folders
    included, so that whoever computes keys instead of listing them is found out.
    """
    location = parse_location(uri)
    if input_type == "ManifestFile":
        yield from _in_manifest(s3, location)
        return
    folder = location.key.rpartition("/")[0]
    skipped = len(folder) + 1 if folder else 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=location.bucket, Prefix=location.key):
        for entry in page.get("Contents", []):
            if not entry["Key"].endswith("/"):
                yield InputObject(Location(location.bucket, entry["Key"]), entry["Key"][skipped:])


def _in_manifest(s3: S3Client, location: Location) -> Iterator[InputObject]:
    raw = s3.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()
    try:
        head, *relatives = json.loads(raw)
        prefix = parse_location(head["prefix"])
    except (ValueError, TypeError, KeyError) as problem:
        raise ClientFault(
            f"s3://{location.bucket}/{location.key} is not a manifest of the form "
            '[{"prefix": "s3://…"}, "key", …]'
        ) from problem
    for relative in relatives:
        yield InputObject(Location(prefix.bucket, prefix.key + relative), relative)


def output_location(output_uri: str, source: InputObject) -> Location:
    """Where an object's output goes: under the output path, with ``.out`` appended."""
    target = parse_location(output_uri)
    folder = target.key.rstrip("/")
    return Location(target.bucket, f"{folder}/{source.relative}.out" if folder else f"{source.relative}.out")
