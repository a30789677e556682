"""S3 for the benchmarks: a client whose objects are files, and which counts what is asked of it."""

from __future__ import annotations

import io
import shutil
from collections import Counter
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import ClientError


class DiskS3:
    """The calls of boto3's S3 client that files are read and written with, over a folder a bucket.

    What stands above it, ranges and buckets, is the real thing; what is missing is the network.

    Attributes
    ----------
    requests
        How many of each operation.
    bytes_read, bytes_written
        Of objects.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._metadata: dict[tuple[str, str], dict[str, str]] = {}
        self.requests: Counter[str] = Counter()
        self.bytes_read = 0
        self.bytes_written = 0

    def get_object(self, *, Bucket: str, Key: str, Range: str = "", **_: str) -> dict[str, Any]:  # noqa: N803
        """GetObject: the whole, or the bytes of a range (`bytes=5-9`, `bytes=-5`)."""
        self.requests["GET"] += 1
        path = self._folder / Bucket / Key
        if not path.exists():
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        size = path.stat().st_size
        start, end = _bounds(Range, size)
        with path.open("rb") as file:
            file.seek(start)
            data = file.read(end - start)
        self.bytes_read += len(data)
        return {
            "Body": io.BytesIO(data),
            "ContentRange": f"bytes {start}-{end - 1}/{size}",
            "ETag": f'"{path.stat().st_mtime_ns:x}"',
        }

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        Body: bytes | IO[bytes],  # noqa: N803
        ContentType: str,  # noqa: ARG002, N803
        Metadata: dict[str, str] | None = None,  # noqa: N803
        IfNoneMatch: str | None = None,  # noqa: N803
    ) -> None:
        """PutObject, conditional where asked to be."""
        self.requests["PUT"] += 1
        path = self._folder / Bucket / Key
        if IfNoneMatch and path.exists():
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            if isinstance(Body, bytes):
                file.write(Body)
            else:
                shutil.copyfileobj(Body, file)
            self.bytes_written += file.tell()
        self._metadata[Bucket, Key] = Metadata or {}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        """HeadObject: what was recorded beside an object of this client's own."""
        self.requests["HEAD"] += 1
        return {"Metadata": self._metadata[Bucket, Key]}


def _bounds(byte_range: str, size: int) -> tuple[int, int]:
    """Where a range (RFC 9110, 14.1.2) begins and ends within so many bytes."""
    first, _, last = byte_range.removeprefix("bytes=").partition("-")
    if not byte_range:
        return 0, size
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1)
