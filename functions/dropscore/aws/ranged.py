"""An S3 object read by ranges, and as a file, so that only what is needed of it is fetched."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from dropscore.aws.clients import AwsError, error_code, passes_by_itself
from dropscore.domain.errors import ServiceBusy, SourceGone

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TAIL_BYTES = 65_536
"""What is fetched first, from the end: a Parquet footer is there, and often the whole of a small file."""

CLOSE_BYTES = 128 * 1024
"""A read is close to the one before it when neither it nor what lies between has more bytes."""

BLOCK_BYTES = 1024 * 1024
_CLOSE_READS = 3
"""What is fetched at once after so many close reads in a row."""

_NOT_THERE = frozenset({"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404"})
_GONE = _NOT_THERE | {"MethodNotAllowed", "405", "PreconditionFailed", "412"}
"""No such object or version, a delete marker (405), another ETag (412): GetObject, API reference."""


@dataclass(frozen=True)
class Tail:
    """The last bytes of an object, how many bytes it has in all, and its ETag."""

    data: bytes
    size: int
    etag: str

    @property
    def start(self) -> int:
        """Where in the object the bytes begin."""
        return self.size - len(self.data)


class Ranges:
    """Ranges of one object, one request each: of one version of it, or while its ETag is `etag`.

    Several threads may ask for some at once, as they may of a client (Boto3 documentation, "Clients").

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
        self._client = client
        self._where: dict[str, Any] = {
            "Bucket": bucket,
            "Key": key,
            **({"VersionId": version} if version else {}),
            **({"IfMatch": f'"{etag}"'} if etag else {}),
        }
        self._counting = Lock()
        self.bytes_read = 0

    def tail(self, size: int) -> Tail:
        """The last `size` bytes, or all where there are fewer."""
        try:
            answer, data = self._get(f"bytes=-{size}")
        except AwsError as error:
            if error_code(error) == "InvalidRange":  # an empty object has no last bytes
                return Tail(b"", 0, "")
            raise
        part_of = answer.get("ContentRange", "").rpartition("/")[2]  # none: it is the whole (RFC 9110, 14.2)
        return Tail(data, int(part_of or len(data)), answer.get("ETag", "").strip('"'))

    def part(self, start: int, size: int) -> bytes:
        """The `size` bytes from `start` on."""
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
        with self._counting:
            self.bytes_read += len(data)
        return answer, data

    def __str__(self) -> str:
        version = self._where.get("VersionId")
        return f"s3://{self._where['Bucket']}/{self._where['Key']}" + (
            f" (version {version})" if version else ""
        )


class _Seekable(io.RawIOBase):
    """A read-only file of known size whose bytes `_fetch` gives."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self._position = 0

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

    def _fetch(self, start: int, size: int) -> bytes:
        raise NotImplementedError


class RangedFile(_Seekable):
    """A file over an object whose tail has been fetched; of the rest only what is read is fetched.

    Only where small reads follow each other closely, as in a file of many small row groups, whole blocks are
    fetched: a request takes as long as some megabytes.

    Raises
    ------
    SourceGone, ServiceBusy
        As `Ranges` does.
    """

    def __init__(self, ranges: Ranges, tail: Tail) -> None:
        super().__init__(tail.size)
        self._ranges = ranges
        self._tail = tail
        self._block = 0, b""
        self._read_until = self._close_reads = 0

    def again(self) -> RangedFile:
        """The same file at its start, to be read beside this one, by another thread; nothing is fetched."""
        return RangedFile(self._ranges, self._tail)

    @property
    def bytes_read(self) -> int:
        """How many bytes have been fetched."""
        return self._ranges.bytes_read

    def _fetch(self, start: int, size: int) -> bytes:
        end = start + size
        before_tail = min(end, self._tail.start) - start
        if before_tail <= 0:
            return self._tail.data[start - self._tail.start : end - self._tail.start]
        data = self._fetch_before_tail(start, before_tail)
        return data if before_tail == size else data + self._tail.data[: end - self._tail.start]

    def _fetch_before_tail(self, start: int, size: int) -> bytes:
        close = 0 <= start - self._read_until <= CLOSE_BYTES and size <= CLOSE_BYTES
        self._close_reads = self._close_reads + 1 if close else 0
        self._read_until = start + size
        first, block = self._block
        if first <= start and start + size <= first + len(block):
            return block[start - first : start - first + size]
        if self._close_reads < _CLOSE_READS:
            return self._ranges.part(start, size)
        block = self._ranges.part(start, min(BLOCK_BYTES, self._tail.start - start))
        self._block = start, block
        return block[:size]

    def __str__(self) -> str:
        return str(self._ranges)


class RangedObject(RangedFile):
    """One object as such a file; opening it fetches its tail."""

    def __init__(
        self, client: S3Client, bucket: str, key: str, *, version: str | None = None, etag: str | None = None
    ) -> None:
        ranges = Ranges(client, bucket, key, version=version, etag=etag)
        super().__init__(ranges, ranges.tail(TAIL_BYTES))


class Excerpt(_Seekable):
    """A file of which some pieces are at hand; to read from anywhere else is a defect.

    Parameters
    ----------
    size
        Bytes of the whole.
    pieces
        Where each begins, and its bytes.
    """

    def __init__(self, size: int, pieces: Sequence[tuple[int, bytes]]) -> None:
        super().__init__(size)
        self._pieces = pieces

    def _fetch(self, start: int, size: int) -> bytes:
        for first, data in self._pieces:
            if first <= start and start + size <= first + len(data):
                return data[start - first : start - first + size]
        raise AssertionError(f"bytes {start} to {start + size} of {self.size} were not fetched")
