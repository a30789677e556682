"""Joining one drop's outputs with its context into its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from dropscore.aws.objects import Bucket
from dropscore.domain.drop import Counts, Drop
from dropscore.domain.errors import OutputsIncomplete
from dropscore.domain.job import Job
from dropscore.domain.keys import OUTPUT_SUFFIX, base_name, context_key, outputs_prefix, prepare_rejects_key
from dropscore.domain.lineage import Lineage
from dropscore.domain.outcome import FileOutcome
from dropscore.domain.results import Joined, check_output_size, join, read_output, rejects_table
from dropscore.domain.shards import ROW_GROUP
from dropscore.files.context import Context, ShardRows
from dropscore.files.rejects import Rejects
from dropscore.files.results import NewResult, Results
from dropscore.files.threads import Threads

_LINE_BYTES = 64
"""More than a line of an output has: a row number of 8 digits and a prediction of 17 have 30 at most."""

_ROW_BYTES = 64
"""Of memory that a row takes while its shard is joined."""


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
        names = _by_shard(drop, outputs)
        with self.work.open(context_key(drop.drop_id, drop.attempt)) as file, Threads() as threads:
            context = Context(file)
            scored = [
                _Shard(outputs_prefix(job.name) + name, rows)
                for name, rows in zip(names, context.shards, strict=True)
            ]
            lineage = Lineage(
                drop,
                job.model,
                job.name,
                job.result_date(drop),
                context.timestamp_type,
                context.timestamps_read_as,
                self.code_version,
            )
            with NewResult(lineage, context.spec_keys) as result, Rejects() as rejects:
                self._add_prepared_rejects(drop, rejects)
                for joined in threads.in_order(partial(self._joined, context), scored):
                    result.add(joined.scored)
                    rejects.write(rejects_table(drop.drop_id, joined.rejects))
                    del joined  # or it would be held while the next one, as large, is waited for
                return self._written(result, rejects)

    def _joined(self, context: Context, shard: _Shard) -> Joined:
        predictions = read_output(self._output(shard.output, shard.rows.rows))
        return join(context.read(shard.rows), predictions)

    def _output(self, key: str, rows: int) -> bytes:
        """The whole output, mostly for one request.

        Raises
        ------
        OutputsIncomplete
            It is too large for its shard.
        """
        end = self.work.ranges(key).tail(_LINE_BYTES * (rows + 1))
        check_output_size(end.size, rows)
        if not end.start:
            return end.data
        return self.work.ranges(key, end.etag).part(0, end.start) + end.data

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


@dataclass(frozen=True)
class _Shard:
    """The key of a shard's output, and where its rows lie in the context."""

    output: str
    rows: ShardRows

    @property
    def nbytes(self) -> int:
        """About what joining it takes: the output, and the columns of its rows."""
        return _ROW_BYTES * self.rows.rows


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
