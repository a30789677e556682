"""Addresses in S3."""

from __future__ import annotations

from typing import NamedTuple


class Location(NamedTuple):
    """A bucket and a key, or the beginning of keys."""

    bucket: str
    key: str


def parse_location(uri: str) -> Location:
    """Split an ``s3://bucket/key`` address; a key may hold any character, ``?`` and ``#`` included."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return Location(bucket, key)
