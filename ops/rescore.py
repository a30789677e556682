"""Files are copied onto themselves: each copy is a new version, and so a new drop, for today's model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from dropscore.aws.clients import error_code, error_message
from ops.connection import THREADS
from ops.inbox import UNVERSIONED, File
from ops.stack import Stack

KEPT = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "StorageClass",
)
"""What REPLACE would lose, and HeadObject tells. Tags are copied all the same; encryption is the bucket's."""

SHOWN = 20


@dataclass
class Copied:
    """What has come of it so far; `failures` are the first few."""

    copied: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)


def rescore(stack: Stack, files: Sequence[File]) -> Iterator[Copied]:
    """Copy files onto themselves, some at a time.

    Interrupted, the copies that are under way are finished, and no other is begun.

    Yields
    ------
    Copied
        What has come of it, after each of them.
    """
    s3, done, left = stack.connection.client("s3"), Copied(), iter(files)
    with ThreadPoolExecutor(THREADS) as pool:
        running: dict[Future[str | None], File] = {}
        try:
            while True:
                for file in left:
                    running[pool.submit(copy, s3, file)] = file
                    if len(running) == THREADS:
                        break
                if not running:
                    break
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    _note(done, running.pop(future), future.result())
                    yield done
        finally:
            pool.shutdown(cancel_futures=True)
    yield done


def _note(done: Copied, file: File, refusal: str | None) -> None:
    if refusal is None:
        done.copied += 1
        return
    done.failed += 1
    if len(done.failures) < SHOWN:
        done.failures.append(f"{file.key}: {refusal}")


def copy(s3: Any, file: File) -> str | None:
    """Copy the version of a file that was looked at onto its key; why not, or None.

    S3 refuses a copy onto itself that changes nothing; replacing its metadata, with the same, counts as a
    change (CopyObject, API reference).
    """
    which: dict[str, str] = {"Bucket": file.bucket, "Key": file.key}
    try:
        head = s3.head_object(**which)
        if (head.get("VersionId") or UNVERSIONED) != file.version:
            return "has a newer version by now, which is scored"
        kept = {name: head[name] for name in KEPT if head.get(name)}
        s3.copy_object(
            **which,
            CopySource=which,
            CopySourceIfMatch=head["ETag"],
            MetadataDirective="REPLACE",
            **kept,
        )
    except ClientError as error:
        return f"{error_code(error)}: {error_message(error)}"
    except BotoCoreError as error:
        return str(error)
    return None
