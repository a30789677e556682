"""Converting a drop's file: its shards, and beside them what collect needs, into the work bucket."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import pyarrow as pa

from dropscore.approved import ApprovedModel
from dropscore.aws.objects import Bucket
from dropscore.aws.ranged import RangedObject
from dropscore.domain.drop import Counts, Drop
from dropscore.domain.errors import ContentError
from dropscore.domain.features import Extraction, context_schema
from dropscore.domain.keys import FEATURES_PREFIX, context_key, manifest_entry, prepare_rejects_key
from dropscore.domain.lineage import Lineage
from dropscore.domain.outcome import FileOutcome
from dropscore.domain.reading import open_parquet, read_batches
from dropscore.domain.results import rejects_table
from dropscore.domain.shards import SHARD_ROWS, Shard, convert
from dropscore.files.rejects import Rejects
from dropscore.files.results import NewResult, Results
from dropscore.files.spool import PARQUET, ParquetSpool
from dropscore.settings import Limits

SHARD_ROWS_METADATA = "shard_rows"
TS_TYPE_METADATA = "ts_source_type"
"""What the context's key-value metadata say: rows per shard, and the type that the timestamps came in."""


class Conversion:
    """One drop's way from its file to shards; a context manager that frees what it gathers on the way."""

    def __init__(
        self, drop: Drop, model: ApprovedModel, work: Bucket, results: Results, limits: Limits
    ) -> None:
        self._drop = drop
        self._model = model
        self._work = work
        self._results = results
        self._limits = limits
        self._timestamp_type = ""
        self._shards = 0
        self._context = ParquetSpool(context_schema(model.spec.keys))
        self._rejects = Rejects()

    def run(self, file: RangedObject, code_version: str) -> FileOutcome:
        """Convert the file: write its shards and what collect needs beside them.

        Nothing is kept beside the shards of a drop that is refused for its rows; a file without rows gets
        its result, which has none either, and needs no job.

        Raises
        ------
        ContentError
            It is over a limit, not readable, or lacks what the feature spec needs.
        """
        self._drop.source.check_hive_keys()
        counts = self._read(file)
        if reason := counts.too_many_rejected(self._limits.max_rejected_fraction):
            rejects_uri = self._results.put_rejects(self._drop, self._rejects)
            return FileOutcome(counts, refusal=self._rejects.refusal(reason), rejects_uri=rejects_uri)
        if not counts.rows_in:
            return self._put_empty_result(counts, code_version)
        self._keep_context()
        return FileOutcome(counts, shards=self._shards)

    def _read(self, file: RangedObject) -> Counts:
        """Write the file's shards, gather context and rejects."""
        if file.size > self._limits.max_bytes:
            limit = self._limits.max_bytes
            raise ContentError(f"{file.size} bytes, more than the {limit} of MaxBytesPerDrop: split the file")
        parquet = open_parquet(file)
        rows = parquet.metadata.num_rows
        if rows > self._limits.max_rows:
            raise ContentError(
                f"{rows} rows, more than the {self._limits.max_rows} of MaxRowsPerDrop: split the file"
            )
        extraction = Extraction.bind(self._model.spec, parquet.schema_arrow)
        for piece in convert(extraction, read_batches(parquet, extraction.columns)):
            self._write(piece)
            del piece  # or it would be held while the next one, as large, is made
        self._timestamp_type = str(extraction.timestamp_type or "")
        return Counts(rows, self._context.rows, self._rejects.rows)

    def _put_empty_result(self, counts: Counts, code_version: str) -> FileOutcome:
        drop = self._drop
        scored_date = drop.arrived_at.date().isoformat()
        lineage = Lineage(drop, self._model.version, "", scored_date, self._timestamp_type, code_version)
        with NewResult(lineage, self._model.spec.keys) as result:
            return self._results.put(result, counts)

    def _keep_context(self) -> None:
        """Write what collect needs beside the shards."""
        drop = self._drop
        self._context.metadata = {
            SHARD_ROWS_METADATA: str(SHARD_ROWS),
            TS_TYPE_METADATA: self._timestamp_type,
        }
        self._work.put(context_key(drop.drop_id, drop.attempt), self._context.finish(), PARQUET)
        if self._rejects.rows:
            self._work.put(prepare_rejects_key(drop.drop_id, drop.attempt), self._rejects.finish(), PARQUET)

    def _write(self, piece: Shard | pa.Table) -> None:
        if isinstance(piece, Shard):
            key = FEATURES_PREFIX + manifest_entry(self._drop.drop_id, self._drop.attempt, piece.number)
            self._work.put(key, piece.csv, "text/csv")
            self._context.write(piece.context)
            self._shards += 1
        else:
            self._rejects.write(rejects_table(self._drop.drop_id, piece))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rejects.close()
        self._context.close()
