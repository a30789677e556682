"""How the versions of objects are named."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from ministack.services import s3

ID_LENGTH = 32


def version_id(bucket: str, key: str, number: int) -> str:
    """What the embedded S3 calls the n-th version of a key, counted from 1.

    To others a version id says as little as a real one: opaque, unique under its key.
    """
    return hashlib.sha256(f"{bucket}\n{key}\n{number}".encode()).hexdigest()[:ID_LENGTH]


def count_versions() -> None:
    """Name an object's version after how many its key has had, where MiniStack draws a random name.

    The id of a drop comes from the version's, and the name of a job from those of its drops. So the sample
    events in ``events/`` can name what is there in every stack that ``make local`` brings up. A number is not
    given again when a version is deleted.
    """
    record = s3._record_object_version
    written: Counter[tuple[str, str]] = Counter()

    def counted(bucket: str, key: str, prior: Any, new: dict[str, Any], data: Any) -> str | None:
        if record(bucket, key, prior, new, data) is None:
            return None
        written[bucket, key] += 1
        named = version_id(bucket, key, written[bucket, key])
        new["version_id"] = s3._object_versions[bucket, key][-1]["version_id"] = named
        return named

    s3._record_object_version = counted
