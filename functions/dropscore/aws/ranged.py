"""An S3 object as a file that is read by ranges, so that only what is needed of it is fetched."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from dropscore.aws.clients import AwsError, error_code, passes_by_itself
from dropscore.domain.errors import ServiceBusy, SourceGone

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TAIL_BYTES = 65_536
"""What is fetched first, from the end: a Parquet footer is there, and often the whole of a small file."""

_NOT_THERE = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404"})
_GONE = _NOT_THERE | {"MethodNotAllowed", "405", "PreconditionFailed", "412"}
"""No such object or version, a delete marker (405), another ETag (412): GetObject, API reference."""


class RangedObject(io.RawIOBase):
    """A read-only, seekable file over one object: one version of it, or what it is while its ETag is `etag`.

    Raises
    ------
    SourceGone
        The object or version does not exist (any more), or is another.
    ServiceBusy
        S3 throttles or does not answer.
    """

    def __init__(
        self, client: S3Client, bucket: str, key: str, *, version: str | None = None, etag: str | None = None
    ) -> None:
        super().__init__()
        self._client = client
        self._where: dict[str, Any] = {
            "Bucket": bucket,
            "Key": key,
            **({"VersionId": version} if version else {}),
            **({"IfMatch": f'"{etag}"'} if etag else {}),
        }
        self._position = 0
        self.bytes_read = 0
        self.size, self._tail = self._open()

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """The position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position; nothing is fetched."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes from the position on (the rest when negative), in one request at most."""
        left = max(0, self.size - self._position)
        size = left if size is None or size < 0 else min(size, left)
        data = self._fetch(self._position, size) if size else b""
        self._position += len(data)
        return data

    def readall(self) -> bytes:
        """All that is left."""
        return self.read()

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` from the position on."""
        view = memoryview(buffer)
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _open(self) -> tuple[int, bytes]:
        try:
            answer, tail = self._get(f"bytes=-{TAIL_BYTES}")
        except AwsError as error:
            if error_code(error) == "InvalidRange":  # an empty object has no last bytes
                return 0, b""
            raise
        part_of = answer.get("ContentRange", "").rpartition("/")[2]  # none: it is the whole (RFC 9110, 14.2)
        return int(part_of or len(tail)), tail

    def _fetch(self, start: int, size: int) -> bytes:
        tail_start = self.size - len(self._tail)
        if start >= tail_start:
            return self._tail[start - tail_start : start - tail_start + size]
        return self._get(f"bytes={start}-{start + size - 1}")[1]

    def _get(self, byte_range: str) -> tuple[Mapping[str, Any], bytes]:
        try:
            answer = self._client.get_object(Range=byte_range, **self._where)
            with closing(answer["Body"]) as body:  # its own `with` gives the raw stream, which checks nothing
                data = body.read()
        except AwsError as error:
            if passes_by_itself(error):
                raise ServiceBusy(f"S3 did not give {self}: {error}") from error
            if error_code(error) in _GONE:
                raise SourceGone(f"source gone: {self} no longer exists") from error
            raise
        self.bytes_read += len(data)
        return answer, data

    def __str__(self) -> str:
        version = self._where.get("VersionId")
        return f"s3://{self._where['Bucket']}/{self._where['Key']}" + (
            f" (version {version})" if version else ""
        )
