"""The buckets: reading, writing and listing objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any

from dropscore.aws.clients import AwsError, error_code
from dropscore.aws.ranged import RangedObject, Ranges
from dropscore.domain.errors import SourceGone
from dropscore.domain.source import Source

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_NOT_THERE = frozenset({"404", "NoSuchKey", "NoSuchBucket"})


class Inbox:
    """The bucket that drops arrive in; read-only."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def current(self, bucket: str, key: str, sequencer: str | None) -> Source:
        """The current version of an object whose event did not say which one it was about.

        Raises
        ------
        SourceGone
            There is no such object.
        """
        try:
            head = self._client.head_object(Bucket=bucket, Key=key)
        except AwsError as error:
            if error_code(error) in _NOT_THERE:
                raise SourceGone(f"source gone: s3://{bucket}/{key} no longer exists") from error
            raise
        version = head.get("VersionId")
        if version and version != "null":
            return Source(bucket, key, version, sequencer)
        return Source(bucket, key, head["ETag"].strip('"'), sequencer, versioned=False)

    def open(self, source: Source) -> RangedObject:
        """The source's object as a file (`RangedObject`)."""
        which = "version" if source.versioned else "etag"
        return RangedObject(self._client, source.bucket, source.key, **{which: source.version})


class Bucket:
    """One of the stack's own buckets."""

    def __init__(self, client: S3Client, name: str) -> None:
        self._client = client
        self.name = name

    def uri(self, key: str) -> str:
        """The object's `s3://` address."""
        return f"s3://{self.name}/{key}"

    def open(self, key: str) -> RangedObject:
        """The object as a file that is read by ranges."""
        return RangedObject(self._client, self.name, key)

    def ranges(self, key: str, etag: str | None = None) -> Ranges:
        """Ranges of the object, while its ETag is `etag` where one is given."""
        return Ranges(self._client, self.name, key, etag=etag)

    def presigned(self, key: str, file_name: str, content_type: str, seconds: int) -> str:
        """A URL that anybody can fetch the object from for a while, under a file name of its own.

        It ends with the credentials that sign it, too, should they be gone sooner.
        """
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.name,
                "Key": key,
                "ResponseContentDisposition": f'attachment; filename="{file_name}"',
                "ResponseContentType": content_type,
            },
            ExpiresIn=seconds,
        )

    def read(self, key: str) -> bytes:
        """The whole object."""
        with closing(self._client.get_object(Bucket=self.name, Key=key)["Body"]) as body:
            return body.read()

    def put(self, key: str, body: bytes | IO[bytes], content_type: str) -> None:
        """Write the object, over what is there."""
        self._client.put_object(Bucket=self.name, Key=key, Body=body, ContentType=content_type)

    def put_once(self, key: str, body: IO[bytes], content_type: str, metadata: Mapping[str, str]) -> bool:
        """Write the object unless there is one (`If-None-Match: *`); whether it was written."""
        try:
            self._client.put_object(
                Bucket=self.name,
                Key=key,
                Body=body,
                ContentType=content_type,
                Metadata=dict(metadata),
                IfNoneMatch="*",
            )
        except AwsError as error:
            if error_code(error) in ("PreconditionFailed", "412"):
                return False
            raise
        return True

    def metadata(self, key: str) -> Mapping[str, str]:
        """What `put_once` recorded beside the object."""
        return self._client.head_object(Bucket=self.name, Key=key)["Metadata"]

    def names(self, prefix: str) -> Iterator[str]:
        """The names of all objects below `prefix`, without it."""
        pages: Any = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        for page in pages:
            for entry in page.get("Contents", []):
                yield entry["Key"].removeprefix(prefix)
