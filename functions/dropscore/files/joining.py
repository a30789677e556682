"""Joining one drop's outputs with its context into its result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from dropscore.aws.objects import Bucket
from dropscore.domain.drop import Counts, Drop
from dropscore.domain.errors import OutputsIncomplete
from dropscore.domain.job import Job
from dropscore.domain.keys import OUTPUT_SUFFIX, base_name, context_key, outputs_prefix, prepare_rejects_key
from dropscore.domain.lineage import Lineage
from dropscore.domain.outcome import FileOutcome
from dropscore.domain.results import check_output_size, join, rejects_table
from dropscore.domain.shards import ROW_GROUP
from dropscore.files.conversion import SHARD_ROWS_METADATA, TS_TYPE_METADATA
from dropscore.files.rejects import Rejects
from dropscore.files.results import NewResult, Results


@dataclass(frozen=True)
class Joining:
    """Makes the result of a drop, once every row of every shard has come back exactly once."""

    work: Bucket
    results: Results
    max_rejected_fraction: float
    code_version: str

    def join(self, drop: Drop, job: Job, outputs: Sequence[str]) -> FileOutcome:
        """Join, and write the result and the rejects.

        Parameters
        ----------
        outputs
            Names of the drop's outputs below the job's prefix.

        Raises
        ------
        OutputsIncomplete
            An output or a row is missing or double, or an output is too large: nothing is written.
        SourceGone
            An output or what prepare kept is no longer there.
        """
        by_shard = _by_shard(drop, outputs)
        with self.work.open(context_key(drop.drop_id, drop.attempt)) as file:
            context = pq.ParquetFile(file, pre_buffer=True)
            metadata = {key.decode(): value.decode() for key, value in context.metadata.metadata.items()}
            lineage = Lineage(
                drop, job.model, job.name, str(job.scored_date), metadata[TS_TYPE_METADATA], self.code_version
            )
            spec_keys = context.schema_arrow.names[3:]
            with NewResult(lineage, spec_keys) as result, Rejects() as rejects:
                self._add_prepared_rejects(drop, rejects)
                for name, rows in zip(
                    by_shard, _shards(context, int(metadata[SHARD_ROWS_METADATA])), strict=True
                ):
                    joined = join(rows, self._output(outputs_prefix(job.name) + name, rows.num_rows))
                    result.add(joined.scored)
                    rejects.write(rejects_table(drop.drop_id, joined.rejects))
                return self._written(result, rejects)

    def _output(self, key: str, rows: int) -> bytes:
        with self.work.open(key) as file:
            check_output_size(file.size, rows)
            return file.read()

    def _written(self, result: NewResult, rejects: Rejects) -> FileOutcome:
        drop = result.lineage.drop
        counts = Counts(drop.rows_in, result.rows, rejects.rows)
        rejects_uri = self.results.put_rejects(drop, rejects)
        if reason := counts.too_many_rejected(self.max_rejected_fraction):
            return FileOutcome(counts, refusal=rejects.refusal(reason), rejects_uri=rejects_uri)
        return self.results.put(result, counts, rejects_uri)

    def _add_prepared_rejects(self, drop: Drop, rejects: Rejects) -> None:
        """The rows that prepare rejected come first."""
        if not drop.rows_rejected:
            return
        with self.work.open(prepare_rejects_key(drop.drop_id, drop.attempt)) as file:
            for batch in pq.ParquetFile(file, pre_buffer=True).iter_batches(ROW_GROUP):
                rejects.write(pa.Table.from_batches([batch]))


def _by_shard(drop: Drop, outputs: Sequence[str]) -> list[str]:
    """The output of each of the drop's shards, in order.

    Raises
    ------
    OutputsIncomplete
        A shard has none or more than one.
    """
    expected = [
        base_name(drop.drop_id, drop.attempt, number) + OUTPUT_SUFFIX for number in range(drop.shards)
    ]
    found = {base: [name for name in outputs if name.rsplit("/", 1)[-1] == base] for base in expected}
    for base, names in found.items():
        if len(names) != 1:
            raise OutputsIncomplete(f"{len(names)} outputs called {base}, expected one")
    return [names[0] for names in found.values()]


def _shards(context: pq.ParquetFile, shard_rows: int) -> Iterator[pa.Table]:
    """The context, a shard's rows at a time; row groups never lie across shards."""
    groups = max(1, shard_rows // ROW_GROUP)
    for first in range(0, context.num_row_groups, groups):
        yield context.read_row_groups([*range(first, min(first + groups, context.num_row_groups))])
