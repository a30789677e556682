"""Writing results and rejects: each result once, whole, with its lineage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import IO, Self

import pyarrow as pa

from dropscore.aws.clients import AwsError, error_code
from dropscore.aws.objects import Bucket
from dropscore.domain.accuracy import ErrorStatistics
from dropscore.domain.drop import Counts, Drop
from dropscore.domain.errors import ResultConflict
from dropscore.domain.job import Job
from dropscore.domain.keys import rejects_key, result_key
from dropscore.domain.lineage import Lineage
from dropscore.domain.measuring import Accuracy
from dropscore.domain.outcome import FileOutcome
from dropscore.domain.results import result_keys, result_schema, result_table
from dropscore.files.spool import PARQUET, ParquetSpool

_NOT_THERE = frozenset({"403", "404"})
"""HeadObject's answers for a key that is not there: 403 to who may not list the bucket (API reference)."""

_CODE_VERSION = "code-version"
_ERRORS = "errors"
"""Names in an object's user metadata, of which S3 keeps 2 KB ("Working with object metadata", User Guide)."""


class NewResult:
    """The result of one drop in the making; a context manager that frees it."""

    def __init__(self, lineage: Lineage, spec_keys: Sequence[str]) -> None:
        self.lineage = lineage
        self._hive_keys = lineage.drop.source.hive_keys
        self._accuracy = Accuracy()
        schema = result_schema(result_keys(self._hive_keys, spec_keys))
        self._spool = ParquetSpool(schema.with_metadata(lineage.metadata))

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._spool.rows

    @property
    def whose(self) -> dict[str, str]:
        """What tells it from any other result."""
        lineage = self.lineage
        return {"drop": lineage.drop.drop_id, "job": lineage.job, "rows": str(self.rows)}

    @property
    def measured(self) -> dict[str, str]:
        """Its errors against the actuals, if it has any."""
        errors = self._accuracy.statistics
        return {_ERRORS: json.dumps(asdict(errors), separators=(",", ":"))} if errors else {}

    def add(self, scored: pa.Table) -> None:
        """Append scored rows (`domain.results.Joined.scored`)."""
        self._accuracy.add(scored["prediction"], scored["actual"])
        self._spool.write(result_table(self.lineage.drop.drop_id, self._hive_keys, scored))

    def finish(self) -> IO[bytes]:
        """The finished Parquet file."""
        self._spool.metadata = self.measured
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

    def put(self, result: NewResult, counts: Counts, rejects_uri: str | None = None) -> FileOutcome:
        """Write a result unless an earlier try has written it; what the ledger shall know of what is there.

        Raises
        ------
        ResultConflict
            The object that is there is not the result of this job and drop.
        """
        key, drop_id = result.lineage.key, result.lineage.drop.drop_id
        there: Mapping[str, str] = {
            **result.whose,
            **result.measured,
            _CODE_VERSION: result.lineage.code_version,
        }
        if not self.bucket.put_once(key, result.finish(), PARQUET, there):
            there = self.bucket.metadata(key)
            if {name: there.get(name, "") for name in result.whose} != result.whose:
                raise ResultConflict(
                    f"drop {drop_id}: {self.bucket.uri(key)} is another result (found {dict(there)}, "
                    f"expected {result.whose}); move it away; if the drop is FAILED by then, retry it"
                )
        return self._outcome(key, there, counts, rejects_uri)

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
        return self._outcome(key, there, counts, rejects_uri)

    def _outcome(
        self, key: str, there: Mapping[str, str], counts: Counts, rejects_uri: str | None
    ) -> FileOutcome:
        """What came of a result that says `there` of itself."""
        errors = ErrorStatistics(**json.loads(there[_ERRORS])) if _ERRORS in there else None
        return FileOutcome(
            counts,
            result_uri=self.bucket.uri(key),
            rejects_uri=rejects_uri,
            errors=errors,
            code_version=there.get(_CODE_VERSION),
        )

    def put_rejects(self, drop: Drop, rejects: ParquetSpool) -> str | None:
        """Write the rejected rows of a drop (`REJECTS_SCHEMA`); their address, None when there are none."""
        if not rejects.rows:
            return None
        key = rejects_key(drop.drop_id)
        self.bucket.put(key, rejects.finish(), PARQUET)
        return self.bucket.uri(key)
