"""Converting a drop's file: its shards, and beside them what collect needs, into the work bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

import pyarrow as pa

from dropscore.approved import ApprovedModel
from dropscore.aws.objects import Bucket
from dropscore.aws.ranged import RangedFile
from dropscore.domain.drop import Counts, Drop
from dropscore.domain.errors import ContentError
from dropscore.domain.features import Extraction, context_schema
from dropscore.domain.keys import FEATURES_PREFIX, context_key, manifest_entry, prepare_rejects_key
from dropscore.domain.lineage import Lineage
from dropscore.domain.outcome import FileOutcome
from dropscore.domain.reading import OpenParquet, open_parquet, read_batches
from dropscore.domain.results import rejects_table
from dropscore.domain.shards import ROW_GROUP, Shard, convert
from dropscore.files.context import SHARD_ROWS_METADATA, TS_READ_AS_METADATA, TS_TYPE_METADATA
from dropscore.files.rejects import Rejects
from dropscore.files.results import NewResult, Results
from dropscore.files.spool import PARQUET, ParquetSpool
from dropscore.files.threads import Threads
from dropscore.settings import Limits

FETCHES = 4
"""Parts of a file that are fetched at once: each waits for S3 most of its time."""

_TYPE_SHOWN = 200
"""Characters of the timestamps' type: a zone's name may have any length, and is in every page's footer."""

_TIDIED_AFTER = 16
"""After so many shards the system gets back what memory is free (malloc_trim(3)): what the context's footer
grows by lies in between, and would keep it. More often takes more time than it is worth.
"""


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
        self._timestamp_type = self._timestamps_read_as = ""
        self._shards = 0
        self._shard_rows = ROW_GROUP
        self._feature_bytes = 0
        self._spools = ExitStack()
        self._rejects = self._spools.enter_context(Rejects())
        self._context: ParquetSpool
        self._keys: tuple[str, ...] = ()

    def run(self, file: RangedFile, code_version: str) -> FileOutcome:
        """Convert the file: write its shards and what collect needs beside them.

        Nothing is kept beside the shards of a drop that is refused for its rows; a file without rows gets
        its result, which has none either, and needs no job.

        Raises
        ------
        ContentError
            It is over a limit, not readable, or lacks what the feature spec needs.
        """
        self._drop.source.check_hive_keys(self._model.spec.keys)
        counts = self._read(file)
        if reason := counts.too_many_rejected(self._limits.max_rejected_fraction):
            rejects_uri = self._results.put_rejects(self._drop, self._rejects)
            return FileOutcome(counts, refusal=self._rejects.refusal(reason), rejects_uri=rejects_uri)
        if not counts.rows_in:
            return self._put_empty_result(counts, code_version)
        self._keep_context()
        return FileOutcome(
            counts,
            shards=self._shards,
            feature_bytes=self._feature_bytes,
            timestamps_read_as=self._timestamps_read_as,
        )

    def _read(self, file: RangedFile) -> Counts:
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
        extraction = Extraction.bind(self._model.spec, parquet.schema_arrow, self._drop.source.hive_keys)
        self._keys = extraction.spec.keys
        context = ParquetSpool(context_schema(self._keys), ascending=("row", "ts"))
        self._context = self._spools.enter_context(context)
        with Threads() as threads:
            pieces = pieces_of(file, parquet, extraction, self._limits.shard_bytes, threads)
            for _ in threads.in_order(self._put, self._kept(pieces)):
                pass
        self._timestamp_type = str(extraction.timestamp_type or "")[:_TYPE_SHOWN]
        self._timestamps_read_as = extraction.timestamps_read_as
        return Counts(rows, self._context.rows, self._rejects.rows)

    def _put_empty_result(self, counts: Counts, code_version: str) -> FileOutcome:
        drop = self._drop
        scored_date = drop.arrived_at.date().isoformat()
        lineage = Lineage(
            drop,
            self._model.version,
            "",
            scored_date,
            self._timestamp_type,
            self._timestamps_read_as,
            code_version,
        )
        with NewResult(lineage, self._keys) as result:
            return self._results.put(result, counts)

    def _keep_context(self) -> None:
        """Write what collect needs beside the shards."""
        drop = self._drop
        self._context.metadata = {
            SHARD_ROWS_METADATA: str(self._shard_rows),
            TS_TYPE_METADATA: self._timestamp_type,
            TS_READ_AS_METADATA: self._timestamps_read_as,
        }
        self._work.put(context_key(drop.drop_id, drop.attempt), self._context.finish(), PARQUET)
        if self._rejects.rows:
            self._work.put(prepare_rejects_key(drop.drop_id, drop.attempt), self._rejects.finish(), PARQUET)

    def _kept(self, pieces: Iterable[Shard | pa.Table]) -> Iterator[NewObject]:
        """The shards' objects, once what lies beside each has been gathered."""
        for piece in pieces:
            if isinstance(piece, Shard):
                self._context.write(piece.context)
                self._shard_rows = max(self._shard_rows, piece.whole_rows)
                self._shards += 1
                if self._shards % _TIDIED_AFTER == 0:
                    pa.default_memory_pool().release_unused()
                self._feature_bytes += len(piece.csv)
                entry = manifest_entry(self._drop.drop_id, self._drop.attempt, piece.number)
                yield NewObject(FEATURES_PREFIX + entry, piece.csv)
            else:
                self._rejects.write(rejects_table(self._drop.drop_id, piece))
            del piece  # or it would be held while the next one, as large, is made

    def _put(self, shard: NewObject) -> None:
        self._work.put(shard.key, shard.body, "text/csv")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spools.close()


def batches_of(
    file: RangedFile, parquet: OpenParquet, columns: list[str], threads: Threads
) -> Iterator[pa.RecordBatch]:
    """The columns' rows in order, read ahead by threads of which some fetch and one decodes.

    Raises
    ------
    ContentError
        As `read_batches` does.
    """
    fetched = partial(threads.in_order, threads=FETCHES)
    return threads.ahead(read_batches(parquet, columns, in_order=fetched, again=file.again))


def pieces_of(
    file: RangedFile, parquet: OpenParquet, extraction: Extraction, shard_bytes: int, threads: Threads
) -> Iterator[Shard | pa.Table]:
    """What `domain.shards.convert` makes of a file, on every core, while more of it is read."""
    return convert(
        extraction,
        batches_of(file, parquet, extraction.columns, threads),
        rows=parquet.metadata.num_rows,
        shard_bytes=shard_bytes,
        in_order=threads.in_order,
    )


@dataclass(frozen=True)
class NewObject:
    """What is to be put under a key."""

    key: str
    body: bytes

    @property
    def nbytes(self) -> int:
        """Bytes of the body."""
        return len(self.body)
