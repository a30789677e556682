"""Writing results and rejects: each result once, whole, with its lineage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

import pyarrow as pa

from dropscore.aws.objects import Bucket
from dropscore.domain.drop import Drop, ModelVersion
from dropscore.domain.errors import ResultConflict
from dropscore.domain.keys import rejects_key, result_key
from dropscore.domain.results import result_keys, result_schema, result_table
from dropscore.spool import PARQUET, ParquetSpool


class NewResult:
    """The result of one drop in the making; a context manager that frees it."""

    def __init__(self, drop: Drop, spec_keys: Sequence[str]) -> None:
        self._drop_id = drop.drop_id
        self._hive_keys = drop.source.hive_keys
        self._spool = ParquetSpool(result_schema(result_keys(self._hive_keys, spec_keys)))

    @property
    def rows(self) -> int:
        """Rows so far."""
        return self._spool.rows

    def add(self, scored: pa.Table) -> None:
        """Append scored rows (`domain.results.Joined.scored`)."""
        self._spool.write(result_table(self._drop_id, self._hive_keys, scored))

    def finish(self, metadata: Mapping[str, str]) -> IO[bytes]:
        """The finished Parquet file, with its lineage in the key-value metadata."""
        self._spool.metadata = dict(metadata)
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
    code_version: str

    def put(
        self,
        drop: Drop,
        model: ModelVersion,
        job: str | None,
        scored_date: str,
        result: NewResult,
        source_type: str,
    ) -> str:
        """Write a result unless an earlier try has written it; its address.

        Raises
        ------
        ResultConflict
            The object that is there is not the result of this job and drop.
        """
        key = result_key(model, scored_date, drop.drop_id)
        lineage = {
            "drop_id": drop.drop_id,
            "source_bucket": drop.source.bucket,
            "source_key": drop.source.key,
            "source_version": drop.source.version,
            "model_package_arn": model.package_arn,
            "model_version": str(model.version),
            "feature_spec_sha256": model.spec_sha256,
            "transform_job": job or "",
            "ts_source_type": source_type,
            "code_version": self.code_version,
        }
        mark = {"drop": drop.drop_id, "job": job or "", "rows": str(result.rows)}
        if not self.bucket.put_once(key, result.finish(lineage), PARQUET, mark):
            there = self.bucket.metadata(key)
            if {name: there.get(name, "") for name in mark} != mark:
                raise ResultConflict(
                    f"drop {drop.drop_id}: {self.bucket.uri(key)} is another result (found {dict(there)}, "
                    f"expected {mark}); move it away, the sweep then goes on"
                )
        return self.bucket.uri(key)

    def put_rejects(self, drop: Drop, rejects: ParquetSpool) -> str | None:
        """Write the rejected rows of a drop (`REJECTS_SCHEMA`); their address, None when there are none."""
        if not rejects.rows:
            return None
        key = rejects_key(drop.drop_id)
        self.bucket.put(key, rejects.finish(), PARQUET)
        return self.bucket.uri(key)
