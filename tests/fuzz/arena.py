"""Where a case meets the reader: an S3 of its own, and before it the real child with the real limits."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from dropscore.approved import ApprovedModel
from dropscore.domain.drop import Drop
from dropscore.domain.outcome import FileOutcome
from dropscore.domain.source import Source
from dropscore.domain.spec import FeatureSpec
from dropscore.files import isolation
from dropscore.files.isolation import IsolatedFileWork, Reader
from dropscore.settings import FUNCTION_OWN_BYTES
from local.server_process import ServerProcess
from tests.simulation.world import ENVIRONMENT
from tests.unit.builders import MODEL, prepared_drop

SPEC = FeatureSpec(("x", "n", "minutes", "hour"), target="y", timestamp="t", keys=("k",))
MEMORY_BYTES = 1769 * 2**20 - FUNCTION_OWN_BYTES
"""What the reader has in a function of the template's MemorySize."""

MAX_ROWS, MAX_BYTES = 20_000_000, 2 * 2**30
"""The template's defaults."""

LIMIT = timedelta(seconds=60)
"""What a case may take; a function has 300 s."""


@dataclass(frozen=True)
class Reading:
    """What came of reading a case.

    Attributes
    ----------
    outcome
        What the reader made of it, or the error that it raised.
    deaths
        What the processes died of that died over it.
    peak_bytes
        The most memory that the process had in use; 0 where none is left to be asked.
    """

    outcome: FileOutcome | Exception
    deaths: list[str]
    seconds: float
    peak_bytes: int


@dataclass
class Arena:
    """An S3 and a reader; a context manager that ends both."""

    memory_bytes: int = MEMORY_BYTES
    limit: timedelta = LIMIT
    deaths: list[str] = field(default_factory=list)

    def convert(self, data: bytes, spec: FeatureSpec = SPEC) -> tuple[Drop, Reading]:
        """Have a file read as prepare has it read."""
        version = self.s3.put_object(Bucket="inbox-bucket", Key="a.parquet", Body=data)["VersionId"]
        drop = prepared_drop(source=Source("inbox-bucket", "a.parquet", version))
        reading = self.watch(lambda: self.reader.convert(drop, ApprovedModel(MODEL, spec), self.limit))
        self.s3.delete_object(Bucket="inbox-bucket", Key="a.parquet", VersionId=version)
        return drop, reading

    def watch(self, read: Any) -> Reading:
        """Do something with the reader."""
        self.deaths.clear()
        self._forget_peak()
        began = time.monotonic()
        try:
            outcome = read()
        except Exception as error:  # noqa: BLE001 - whatever it is, the oracle judges it
            outcome = error
        return Reading(outcome, [*self.deaths], time.monotonic() - began, self._peak())

    def objects(self, bucket: str) -> dict[str, bytes]:
        """A bucket's objects, which are taken out of it."""
        found = {}
        for entry in self.s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            found[entry["Key"]] = self.s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            self.s3.delete_object(Bucket=bucket, Key=entry["Key"])
        return found

    def empty(self, *buckets: str) -> None:
        """Take every object out of the buckets."""
        for bucket in buckets:
            for entry in self.s3.list_objects_v2(Bucket=bucket).get("Contents", []):
                self.s3.delete_object(Bucket=bucket, Key=entry["Key"])

    def _pid(self) -> int | None:
        return self.reader._reader._process.pid if self.reader._reader else None

    def _forget_peak(self) -> None:
        """Have the kernel begin anew with VmHWM (proc(5), clear_refs)."""
        with suppress(OSError):
            if pid := self._pid():
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def _peak(self) -> int:
        pid = self._pid()
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return 0
        return next(
            (int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0
        )

    def __enter__(self) -> Self:
        self._server = ServerProcess().start()
        self._environment = _changed(
            {
                **ENVIRONMENT,
                "AWS_ACCESS_KEY_ID": self._server.credentials.access_key_id,
                "AWS_SECRET_ACCESS_KEY": self._server.credentials.secret_access_key,
                "AWS_DEFAULT_REGION": self._server.region,
                "NO_PROXY": "127.0.0.1",
                "MAX_ROWS_PER_DROP": str(MAX_ROWS),
                "MAX_BYTES_PER_DROP": str(MAX_BYTES),
                "AWS_ENDPOINT_URL": self._server.endpoint_url,
            }
        )
        self._environment.__enter__()
        self.s3 = self._server.client("s3")
        for bucket in ("inbox-bucket", "work-bucket", "results-bucket"):
            self.s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
            )
        self.s3.put_bucket_versioning(Bucket="inbox-bucket", VersioningConfiguration={"Status": "Enabled"})
        arena = self

        class Counted(Reader):
            def _cause(self) -> str:
                cause = super()._cause()
                arena.deaths.append(cause)
                return cause

        self._original, isolation.Reader = isolation.Reader, Counted
        self.reader = IsolatedFileWork(self.memory_bytes)
        return self

    def __exit__(self, *_: object) -> None:
        self.reader.close()
        isolation.Reader = self._original
        self._environment.__exit__(None, None, None)
        self._server.stop()


@contextmanager
def _changed(environment: dict[str, str]) -> Iterator[None]:
    """The process's environment with these variables, while it lasts."""
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
