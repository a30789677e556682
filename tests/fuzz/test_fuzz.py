"""Hostile files before the real reader, under its real limits: refused with a reason, or scored as they are.

`make fuzz CASES=… SEED=…` goes on from here.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from dropscore.domain.errors import MAX_MESSAGE, OutputsIncomplete
from dropscore.domain.job import Job, JobState, Member
from dropscore.domain.outcome import FileOutcome
from tests.fuzz.__main__ import crafted
from tests.fuzz.arena import LIMIT, MEMORY_BYTES, Arena
from tests.fuzz.case import sensor, written
from tests.fuzz.mutations import mutation
from tests.fuzz.oracle import Oracle, Tally
from tests.fuzz.outputs import EITHER, outputs
from tests.unit.builders import MODEL, NOW

MUTATIONS = 150


@pytest.fixture(scope="module")
def arena():
    with Arena() as made:
        yield made


def told(tally):
    return "\n".join(f"{finding.case.name}: {finding.fault}" for finding in tally.failures)


@pytest.mark.slow
def test_every_crafted_file_is_refused_with_a_reason_or_scored_as_it_is(arena):
    with Oracle(arena) as oracle:
        tally = Tally(list(oracle.judge(crafted())))
    assert not tally.failures, told(tally)
    assert 0 < tally.peak_bytes < MEMORY_BYTES
    assert not tally.deaths


@pytest.mark.slow
def test_files_damaged_by_chance_are_refused_with_a_reason_or_scored_as_they_are(arena):
    with Oracle(arena) as oracle:
        tally = Tally(list(oracle.judge(map(mutation, range(MUTATIONS)))))
    assert not tally.failures, told(tally)
    assert {finding.scored for finding in tally.findings} == {True, False}


@pytest.mark.parametrize(("name", "make", "scored"), list(outputs()), ids=[name for name, *_ in outputs()])
def test_an_output_is_joined_or_refused_whatever_it_is(arena, name, make, scored):
    drop, reading = arena.convert(written(sensor()))
    job = Job("dropscore-j", JobState.STARTED, MODEL, (Member.of(drop),), NOW, scored_date="2026-03-04")
    key = f"{drop.drop_id}/1/{drop.drop_id}-1-00000.csv.out"
    arena.s3.put_object(Bucket="work-bucket", Key=f"transform/{job.name}/{key}", Body=make())
    prepared = replace(drop, shards=reading.outcome.shards, rows_in=reading.outcome.counts.rows_in)
    joining = arena.watch(lambda: arena.reader.join(prepared, job, [key], LIMIT))
    arena.empty("work-bucket", "results-bucket")
    match joining.outcome:
        case FileOutcome(counts):
            assert counts.rows_scored in ({99, 100} if scored == EITHER else {scored})
        case OutputsIncomplete() as refusal:
            assert scored in {None, EITHER}
            assert len(str(refusal).encode()) <= MAX_MESSAGE
            assert name != "64-mebibytes" or "67108864 bytes, more than the 25856 that 100" in str(refusal)
        case other:
            pytest.fail(f"{name}: {other!r}")
    assert joining.deaths == []
