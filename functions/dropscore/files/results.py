"""Writing results and rejects: each result once, whole, with its lineage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

import pyarrow as pa

from dropscore.aws.clients import AwsError, error_code
from dropscore.aws.objects import Bucket
from dropscore.domain.drop import Counts, Drop
from dropscore.domain.errors import ResultConflict
from dropscore.domain.job import Job
from dropscore.domain.keys import rejects_key, result_key
from dropscore.domain.lineage import Lineage
from dropscore.domain.outcome import FileOutcome
from dropscore.domain.results import result_keys, result_schema, result_table
from dropscore.files.spool import PARQUET, ParquetSpool

_NOT_THERE = frozenset({"403", "404"})
"""HeadObject's answers for a key that is not there: 403 to who may not list the bucket (API reference)."""


class NewResult:
    """The result of one drop in the making; a context manager that frees it."""

    def __init__(self, lineage: Lineage, spec_keys: Sequence[str]) -> None:
        self.lineage = lineage
        self._hive_keys = lineage.drop.source.hive_keys
        schema = result_schema(result_keys(self._hive_keys, spec_keys))
        self._spool = ParquetSpool(schema.with_metadata(lineage.metadata))

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._spool.rows

    def add(self, scored: pa.Table) -> None:
        """Append scored rows (`domain.results.Joined.scored`)."""
        self._spool.write(result_table(self.lineage.drop.drop_id, self._hive_keys, scored))

    def finish(self) -> IO[bytes]:
        """The finished Parquet file."""
        return self._spool.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()


@dataclass(frozen=True)
class Results:
    """The results bucket."""

    bucket: Bucket

    def put(self, result: NewResult) -> str:
        """Write a result unless an earlier try has written it; its address.

        Raises
        ------
        ResultConflict
            The object that is there is not the result of this job and drop.
        """
        lineage = result.lineage
        mark = {"drop": lineage.drop.drop_id, "job": lineage.job, "rows": str(result.rows)}
        if not self.bucket.put_once(lineage.key, result.finish(), PARQUET, mark):
            there = self.bucket.metadata(lineage.key)
            if {name: there.get(name, "") for name in mark} != mark:
                raise ResultConflict(
                    f"drop {lineage.drop.drop_id}: {self.bucket.uri(lineage.key)} is another result (found "
                    f"{dict(there)}, expected {mark}); move it away; if the drop is FAILED by then, retry it"
                )
        return self.bucket.uri(lineage.key)

    def left_behind(self, drop: Drop, job: Job) -> FileOutcome | None:
        """What joining a drop's outputs came to, if a reader has put the result and not said so."""
        key = result_key(job.model, str(job.scored_date), drop.drop_id)
        try:
            there = self.bucket.metadata(key)
        except AwsError as error:
            if error_code(error) in _NOT_THERE:
                return None
            raise
        if (there.get("drop"), there.get("job")) != (drop.drop_id, job.name):
            return None
        rows = int(there["rows"])
        counts = Counts(drop.rows_in, rows, drop.rows_in - rows)
        rejects_uri = self.bucket.uri(rejects_key(drop.drop_id)) if counts.rows_rejected else None
        return FileOutcome(counts, result_uri=self.bucket.uri(key), rejects_uri=rejects_uri)

    def put_rejects(self, drop: Drop, rejects: ParquetSpool) -> str | None:
        """Write the rejected rows of a drop (`REJECTS_SCHEMA`); their address, None when there are none."""
        if not rejects.rows:
            return None
        key = rejects_key(drop.drop_id)
        self.bucket.put(key, rejects.finish(), PARQUET)
        return self.bucket.uri(key)
