"""Writing results and rejects: each result once, whole, with its lineage."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import IO, Self

import pyarrow as pa

from dropscore.aws.objects import Bucket
from dropscore.domain.drop import Counts, Drop
from dropscore.domain.errors import ResultConflict
from dropscore.domain.keys import rejects_key
from dropscore.domain.lineage import Lineage
from dropscore.domain.measuring import Accuracy
from dropscore.domain.outcome import FileOutcome
from dropscore.domain.results import result_keys, result_schema, result_table
from dropscore.domain.shards import ROW_GROUP
from dropscore.files.spool import PARQUET, ParquetSpool
from dropscore.files.written import CODE_VERSION, ERRORS, WrittenResults

_AT_ONCE = 2 * ROW_GROUP
"""Rows that are measured and written at once: what is made of them on the way takes as little memory."""


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
        """What tells it from any other object; every job of the drop's model version has the same result."""
        return {"drop": self.lineage.drop.drop_id, "rows": str(self.rows)}

    @property
    def measured(self) -> dict[str, str]:
        """Its errors against the actuals, if it has any."""
        errors = self._accuracy.statistics
        return {ERRORS: json.dumps(asdict(errors), separators=(",", ":"))} if errors else {}

    def add(self, scored: pa.Table) -> None:
        """Append scored rows (`domain.results.Joined.scored`)."""
        for first in range(0, scored.num_rows, _AT_ONCE):
            rows = scored.slice(first, _AT_ONCE)
            self._accuracy.add(rows["prediction"], rows["actual"])
            self._spool.write(result_table(self.lineage.drop.drop_id, self._hive_keys, rows))

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
            The object that is there is not the drop's result.
        """
        key, drop_id = result.lineage.key, result.lineage.drop.drop_id
        there: Mapping[str, str] = {
            **result.whose,
            **result.measured,
            "job": result.lineage.job,
            CODE_VERSION: result.lineage.code_version,
        }
        if not self.bucket.put_once(key, result.finish(), PARQUET, there):
            there = self.bucket.metadata(key)
            if {name: there.get(name, "") for name in result.whose} != result.whose:
                raise ResultConflict(
                    f"drop {drop_id}: {self.bucket.uri(key)} is another result (found {dict(there)}, "
                    f"expected {result.whose}); move it away; if the drop is FAILED by then, retry it"
                )
        return WrittenResults(self.bucket).outcome(key, there, counts, rejects_uri)

    def put_rejects(self, drop: Drop, rejects: ParquetSpool) -> str | None:
        """Write the rejected rows of a drop (`REJECTS_SCHEMA`); their address, None when there are none."""
        if not rejects.rows:
            return None
        key = rejects_key(drop.drop_id)
        self.bucket.put(key, rejects.finish(), PARQUET)
        return self.bucket.uri(key)
