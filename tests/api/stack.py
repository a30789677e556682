"""What the other functions would have written: drops on their way, results and rejects."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa

from dropscore.domain.accuracy import ErrorStatistics
from dropscore.domain.drop import Counts, DropState
from dropscore.domain.keys import rejects_key
from dropscore.domain.lineage import Lineage
from dropscore.domain.outcome import FileOutcome
from dropscore.domain.results import rejects_table
from dropscore.domain.source import Source
from dropscore.files.rejects import Rejects
from dropscore.files.results import NewResult
from dropscore.files.spool import PARQUET
from tests.service.builders import claimed
from tests.unit.builders import MODEL, NOW

BUCKET = "dropscore-results"
MINUTE = 60_000_000
START = 1_772_323_200_000_000
"""2026-03-01T00:00:00 in microseconds since 1970."""

ERRORS = ErrorStatistics(3, 1.5, 1.25, 2.5, 1.75)


def scored_rows(rows, **columns):
    """The rows that a result is made of: a minute apart, a prediction that is the row's number and a half."""
    numbers = np.arange(rows)
    made = {
        "row": pa.array(numbers, pa.int64()),
        "ts": pa.array(START + numbers * MINUTE, pa.timestamp("us")),
        "prediction": pa.array(numbers + 0.5, pa.float64()),
        "actual": pa.array(numbers * 1.0, pa.float64()),
    }
    return pa.table({**made, **columns})


class Stack:
    """Writes what the API reads."""

    def __init__(self, reading):
        self.reading = reading
        self.drops, self.jobs = reading.drops, reading.jobs

    def arrive(self, key="data/company_id=1/a.parquet", version="v1", at=NOW):
        """A drop that is PREPARING."""
        return self.drops.open(Source("inbox", key, version), at, at + timedelta(minutes=5))

    def prepare(self, drop, rows=10, rejected=0, at=NOW):
        """→ PREPARED."""
        done = FileOutcome(Counts(rows, rows - rejected, rejected), shards=1)
        return self.drops.finish_preparing(drop, MODEL, done, at)

    def claim(self, drop, at=NOW):
        """→ SCORING, alone in a job."""
        return claimed(self.jobs, [drop], at)[0]

    def score(self, table, *, key="data/company_id=1/a.parquet", version="v1", zone="UTC", rejects=None):
        """A SCORED drop with a result of these rows, and with these rejects (`REJECT_SCHEMA`)."""
        rejected = rejects.num_rows if rejects is not None else 0
        drop = self.prepare(self.arrive(key, version), table.num_rows + rejected, rejected)
        drop = self.claim(drop)
        kind = f"timestamp[us, tz={zone}]" if zone else "timestamp[us]"
        lineage = Lineage(
            drop, MODEL, drop.job, "2026-03-04", kind, "instants" if zone else "wall clock", "abc123"
        )
        with NewResult(lineage, table.column_names[4:]) as result:
            result.add(table)
            self.reading.results.put(lineage.key, result.finish(), PARQUET)
            uri = self.reading.results.uri(lineage.key)
        done = FileOutcome(
            Counts(drop.rows_in, table.num_rows, rejected),
            result_uri=uri,
            rejects_uri=self.put_rejects(drop, rejects),
            errors=ERRORS,
            code_version="abc123",
        )
        return self.drops.score(drop, MODEL, done, NOW + timedelta(minutes=10))

    def put_rejects(self, drop, rejects):
        """Write rejected rows; their address."""
        if rejects is None:
            return None
        with Rejects() as spool:
            spool.write(rejects_table(drop.drop_id, rejects))
            self.reading.results.put(rejects_key(drop.drop_id), spool.finish(), PARQUET)
            return self.reading.results.uri(rejects_key(drop.drop_id))

    def bring_to(self, state, *, key="data/company_id=1/a.parquet", version="v1"):
        """A drop that has gone the way to `state`."""
        match state:
            case DropState.SCORED:
                return self.score(scored_rows(3), key=key, version=version)
            case DropState.WAITING:
                return self.drops.wait(self.arrive(key, version), "no model", NOW)
            case DropState.REJECTED:
                return self.drops.reject(self.arrive(key, version), "it is no Parquet", None, None, NOW)
        drop = self.arrive(key, version)
        if state is not DropState.PREPARING:
            drop = self.prepare(drop)
        if state in (DropState.SCORING, DropState.FAILED):
            drop = self.claim(drop)
        return self.drops.fail(drop, "scoring failed twice", NOW) if state is DropState.FAILED else drop
