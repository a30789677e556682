"""From a file to shards and context in the work bucket; and the result, which is written once."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dropscore.approved import ApprovedModel
from dropscore.aws.objects import Bucket
from dropscore.domain.accuracy import ErrorStatistics
from dropscore.domain.drop import Counts
from dropscore.domain.errors import MAX_MESSAGE, ContentError, ResultConflict, ServiceBusy
from dropscore.domain.job import Job, JobState, Member
from dropscore.domain.keys import result_key
from dropscore.domain.lineage import Lineage
from dropscore.domain.outcome import FileOutcome
from dropscore.domain.results import rejects_table
from dropscore.domain.row_faults import reject_rows
from dropscore.domain.shards import ROW_GROUP
from dropscore.domain.spec import FeatureSpec
from dropscore.files.conversion import Conversion
from dropscore.files.rejects import Rejects
from dropscore.files.results import NewResult, Results
from dropscore.files.spool import ParquetSpool
from dropscore.files.written import WrittenResults
from dropscore.settings import Limits
from tests.unit.builders import MODEL, NOW, parquet, prepared_drop

LIMITS = Limits(max_rows=10**6, max_bytes=2**30, max_rejected_fraction=0.5, shard_bytes=2 * 2**20)
SHARD_ROWS = 2 * ROW_GROUP
"""What fits into that with a feature that is as long as the row number: 14 bytes a line."""
DROP = prepared_drop(7)


@pytest.fixture
def work(s3):
    return Bucket(s3, "work")


def converted(work, table, limits=LIMITS, spec=None, **options):
    """What converting a file with the table came to."""
    work.put("source.parquet", parquet(table, **options), "x")
    spec = spec or FeatureSpec(("x",))
    with (
        work.open("source.parquet") as file,
        Conversion(DROP, ApprovedModel(MODEL, spec), work, Results(work), limits) as made,
    ):
        return made.run(file, "abc123")


def test_a_file_of_several_shards_is_written_shard_by_shard_with_its_context_in_whole_row_groups(work):
    rows = SHARD_ROWS + 10
    done = converted(work, {"x": np.arange(rows)})
    names = [*work.names(f"features/{DROP.drop_id}/1/")]
    assert names == [f"{DROP.drop_id}-1-0000{number}.csv" for number in (0, 1)]
    shards = [work.read(f"features/{DROP.drop_id}/1/{name}") for name in names]
    size = sum(map(len, shards))
    assert done == FileOutcome(Counts(rows, rows, 0), shards=2, feature_bytes=size)
    assert shards[1].decode() == "".join(f"{row},{row}\n" for row in range(SHARD_ROWS, rows))
    context = pq.ParquetFile(io.BytesIO(work.read(f"context/{DROP.drop_id}/1/rows.parquet")))
    groups = [context.metadata.row_group(n).num_rows for n in range(context.num_row_groups)]
    assert groups == [ROW_GROUP] * (SHARD_ROWS // ROW_GROUP) + [10]
    assert context.metadata.metadata[b"shard_rows"] == str(SHARD_ROWS).encode()


def test_rejected_rows_are_counted_by_reason_and_kept_beside_the_context(work):
    few = replace(LIMITS, max_rejected_fraction=0.8)
    done = converted(work, {"x": pa.array([None, 1.0, float("inf"), None])}, few, row_group_size=2)
    assert done == FileOutcome(Counts(4, 1, 3), shards=1, feature_bytes=len("1,1\n"))
    rejects = pq.read_table(io.BytesIO(work.read(f"context/{DROP.drop_id}/1/rejects.parquet")))
    assert rejects["row"].to_pylist() == [0, 2, 3]


def scattered(rows):
    """Numbers of which every 1,000th is none, over many batches."""
    return {"x": pa.array([None if row % 1_000 == 7 else float(row) / 3 for row in range(rows)])}


def written(work):
    prefix = f"features/{DROP.drop_id}/1/"
    return {name: work.read(prefix + name) for name in work.names(prefix)}


def test_rows_lie_in_the_same_order_in_shards_context_and_rejects_whichever_thread_was_first(work):
    rows = 5 * ROW_GROUP
    few = replace(LIMITS, shard_bytes=2**20)
    done = converted(work, scattered(rows), few, row_group_size=20_000)
    bad = [row for row in range(rows) if row % 1_000 == 7]
    fine = [row for row in range(rows) if row % 1_000 != 7]
    assert (done.counts, done.shards) == (Counts(rows, len(fine), len(bad)), 5)
    lines = b"".join(data for _, data in sorted(written(work).items())).splitlines()
    assert [int(line.partition(b",")[0]) for line in lines] == fine
    context = pq.ParquetFile(io.BytesIO(work.read(f"context/{DROP.drop_id}/1/rows.parquet")))
    assert context.read()["row"].to_pylist() == fine
    assert {context.metadata.row_group(n).num_rows for n in range(4)} == {ROW_GROUP}
    rejects = pq.read_table(io.BytesIO(work.read(f"context/{DROP.drop_id}/1/rejects.parquet")))
    assert rejects["row"].to_pylist() == bad


def test_converting_the_same_attempt_again_gives_the_same_shards(work):
    table = scattered(3 * ROW_GROUP)
    first = converted(work, table, row_group_size=20_000), written(work)
    assert (converted(work, table, row_group_size=20_000), written(work)) == first


class Refusing:
    """A bucket that does not take the shard whose number it is."""

    def __init__(self, work, number):
        self._work = work
        self._end = f"{number:05}.csv"
        self.put_keys = []

    def put(self, key, body, content_type):
        if key.endswith(self._end):
            raise ServiceBusy("slow down")
        self.put_keys.append(key)
        self._work.put(key, body, content_type)


@pytest.mark.parametrize("number", [0, 2])
def test_a_shard_that_cannot_be_put_ends_the_conversion_with_that_error_and_no_thread_goes_on(work, number):
    before = set(threading.enumerate())
    rows = 12 * ROW_GROUP
    work.put("source.parquet", parquet({"x": np.arange(rows) / 3}, row_group_size=ROW_GROUP), "x")
    refusing = Refusing(work, number)
    limits = replace(LIMITS, shard_bytes=2**20)
    model = ApprovedModel(MODEL, FeatureSpec(("x",)))
    with (
        work.open("source.parquet") as file,
        Conversion(DROP, model, refusing, Results(work), limits) as made,
        pytest.raises(ServiceBusy, match="slow down"),
    ):
        made.run(file, "abc123")
    assert set(threading.enumerate()) <= before
    assert len(refusing.put_keys) < 8
    assert [*work.names("context/")] == []


def test_the_reason_for_refusing_a_drop_is_bounded_however_long_its_columns_names_are():
    faults = [reject_rows(pa.array([row]), "x" * 500, f"is {row}") for row in range(9)]
    with Rejects() as rejects:
        rejects.write(rejects_table(DROP.drop_id, pa.Table.from_batches(faults)))
        said = rejects.refusal("none of the 9 rows can be scored")
    assert len(said.encode()) == MAX_MESSAGE
    assert said.startswith("none of the 9 rows can be scored: xxx")


def test_too_many_rejected_rows_refuse_the_drop_with_counts_by_reason_and_keep_nothing_but_the_rejects(work):
    done = converted(work, {"x": pa.array([None, 1.0, float("inf"), None])}, row_group_size=2)
    assert done.counts == Counts(4, 1, 3)
    reasons = "x is null: 2 rows (first: row 0); x is not finite: 1 rows (first: row 2)"
    assert done.refusal == f"3 of 4 rows rejected, MaxRejectedFraction is 0.5: {reasons}"
    assert done.rejects_uri == work.uri(f"rejects/{DROP.drop_id}.parquet")
    assert [*work.names("context/")] == []


def test_a_file_without_rows_gets_its_result_at_once(work):
    done = converted(work, {"x": pa.array([], pa.float64())})
    assert (done.counts, done.shards) == (Counts(0, 0, 0), 0)
    assert pq.read_table(io.BytesIO(work.read(done.result_uri.removeprefix(work.uri(""))))).num_rows == 0


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (replace(LIMITS, max_bytes=100), "more than the 100 of MaxBytesPerDrop: split the file"),
        (replace(LIMITS, max_rows=3), "4 rows, more than the 3 of MaxRowsPerDrop: split the file"),
    ],
)
def test_a_file_over_a_limit_is_refused_up_front_with_the_number(work, limits, problem):
    with pytest.raises(ContentError, match=problem):
        converted(work, {"x": [1, 2, 3, 4]}, limits)
    assert [*work.names("features/")] == []


def test_a_file_of_just_as_much_as_is_allowed_is_converted(work):
    size = len(parquet({"x": [1, 2, 3, 4]}))
    limits = replace(LIMITS, max_rows=4, max_bytes=size)
    assert converted(work, {"x": [1, 2, 3, 4]}, limits).counts == Counts(4, 4, 0)


def put(work, job="dropscore-j", rows=2, actual=None, code_version="abc123"):
    """Put a result of two shards, each of so many rows: what the ledger shall know of it."""
    lineage = Lineage(DROP, MODEL, job, "2026-03-04", "timestamp[ms]", "wall clock", code_version)
    columns = {
        "row": pa.array(range(rows), pa.int64()),
        "ts": pa.nulls(rows, pa.timestamp("us")),
        "prediction": pa.array([0.5] * rows),
        "actual": pa.array([actual] * rows, pa.float64()),
        "device_id": ["d"] * rows,
    }
    with NewResult(lineage, ["device_id"]) as result:
        result.add(pa.table(columns))
        result.add(pa.table(columns))
        return Results(work).put(result, Counts(2 * rows, 2 * rows, 0))


def test_a_result_is_put_where_the_design_says_with_its_lineage(work):
    uri = put(work).result_uri
    key = f"predictions/model_group=dropscore/model_version=7/scored_date=2026-03-04/{DROP.drop_id}.parquet"
    assert uri == work.uri(key)
    file = pq.ParquetFile(io.BytesIO(work.read(key)))
    lineage = {name.decode(): value.decode() for name, value in file.metadata.metadata.items()}
    assert lineage["source_version"] == DROP.source.version
    assert lineage["model_package_arn"] == MODEL.package_arn
    assert lineage["transform_job"] == "dropscore-j"
    assert lineage["code_version"] == "abc123"
    assert file.read()["company_id"].to_pylist() == ["1"] * 4


def test_a_result_says_how_far_it_is_from_the_actuals(work):
    done = put(work, actual=2.5)
    assert done.errors == ErrorStatistics(
        4, 2.0, pytest.approx(2.0, rel=0.002), done.errors.median_absolute, 2.0
    )
    metadata = pq.ParquetFile(io.BytesIO(work.read(done.result_uri.removeprefix(work.uri(""))))).metadata
    assert ErrorStatistics(**json.loads(metadata.metadata[b"errors"])) == done.errors


def test_a_result_without_actuals_says_nothing_of_errors(work):
    done = put(work)
    assert done.errors is None
    metadata = pq.ParquetFile(io.BytesIO(work.read(done.result_uri.removeprefix(work.uri(""))))).metadata
    assert b"errors" not in metadata.metadata


def test_a_result_that_an_earlier_try_has_written_is_as_good(work):
    assert put(work, actual=2.5) == put(work, actual=2.5)


def test_a_result_of_an_earlier_release_s_try_is_that_release_s(work):
    first = put(work, actual=0.1)
    assert first.code_version == "abc123"
    assert put(work, actual=0.1, code_version="def456") == first


@pytest.mark.parametrize("name", ["dropscore-j", "dropscore-another"])
def test_a_result_that_was_left_behind_is_adopted_whichever_of_its_drop_s_jobs_has_put_it(work, name):
    put(work, job="dropscore-j")
    job = Job(name, JobState.STARTED, MODEL, (Member.of(DROP),), NOW, scored_date="2026-03-04")

    outcome = WrittenResults(work).left_behind(replace(DROP, rows_in=4), job)

    assert outcome is not None
    assert (outcome.counts, outcome.job) == (Counts(4, 4, 0), "dropscore-j")


def test_an_object_of_another_drop_in_its_place_is_not_adopted(work):
    key = result_key(MODEL, "2026-03-04", DROP.drop_id)
    work.put_once(key, io.BytesIO(b"another's"), "application/octet-stream", {"drop": "0" * 20, "rows": "4"})
    job = Job("dropscore-j", JobState.STARTED, MODEL, (Member.of(DROP),), NOW, scored_date="2026-03-04")
    assert WrittenResults(work).left_behind(replace(DROP, rows_in=4), job) is None


def test_what_is_said_beside_a_result_fits_into_s3_s_metadata(work):
    """2 KB, names and values ("Working with object metadata", S3 User Guide)."""
    done = put(work, actual=-1.2345678901234567e-300, code_version="x" * 64)
    said = work.metadata(done.result_uri.removeprefix(work.uri("")))
    assert sum(len(name) + len(value) for name, value in said.items()) < 1_024


def test_a_result_of_an_earlier_job_whose_put_has_landed_late_is_as_good(work):
    first = put(work, job="dropscore-first")
    assert first.job == "dropscore-first"
    assert put(work, job="dropscore-second") == first


def test_another_result_in_its_place_is_for_the_operator(work):
    put(work)
    with pytest.raises(ResultConflict, match=r"is another result .*; move it away"):
        put(work, rows=3)


def test_an_object_that_is_no_result_of_ours_in_its_place_is_for_the_operator(work):
    key = put(work).result_uri.removeprefix(work.uri(""))
    work.put(key, json.dumps({}).encode(), "application/json")
    with pytest.raises(ResultConflict):
        put(work)


def test_a_spool_holds_tables_in_row_groups_and_its_metadata_however_large():
    schema = pa.schema([("x", pa.float64())])
    noise = np.random.default_rng(3).random(ROW_GROUP * 20)  # over what is kept in memory
    with ParquetSpool(schema) as spool:
        for start in (0, ROW_GROUP * 20):
            spool.write(pa.table({"x": noise[start : start + ROW_GROUP * 20]}, schema))
        spool.metadata = {"a": "ü"}
        file = pq.ParquetFile(spool.finish())
        assert spool.rows == ROW_GROUP * 20
        assert file.read()["x"].to_numpy().tolist() == noise.tolist()
        assert {file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)} == {ROW_GROUP}
        assert file.metadata.metadata[b"a"] == "ü".encode()


def spooled(table, schema, **options):
    """A table by way of a spool."""
    with ParquetSpool(schema, **options) as spool:
        spool.write(table)
        return io.BytesIO(spool.finish().read())


def test_texts_that_come_dictionary_encoded_are_texts_to_every_reader():
    schema = pa.schema([("text", pa.string()), ("number", pa.int64())])
    pieces = [pa.array(words).dictionary_encode() for words in (["b", "a"], ["c", "b"], ["a", None])]
    table = pa.table({"text": pa.chunked_array(pieces), "number": range(6)})
    file = spooled(table, schema)
    assert pq.read_table(file) == pa.table({"text": [*"bacba", None], "number": range(6)}, schema)
    assert str(pd.read_parquet(file)["text"].dtype) == "str"


def test_texts_have_a_dictionary_and_numbers_that_fill_a_row_group_have_none():
    schema = pa.schema([("text", pa.string()), ("number", pa.float64()), ("row", pa.int64())])
    table = pa.table({"text": ["a", "b"], "number": [1.0, 2.0], "row": [1, 2]}, schema)
    group = pq.ParquetFile(spooled(table, schema)).metadata.row_group(0)
    assert [group.column(place).has_dictionary_page for place in range(3)] == [True, False, False]
    assert [group.column(place).statistics.max for place in range(3)] == ["b", 2.0, 2]


def test_a_result_has_the_encodings_that_every_reader_knows(work):
    """Those that Parquet has had from the start (`ParquetSpool` says who does not know which)."""
    file = pq.ParquetFile(io.BytesIO(work.read(put(work).result_uri.removeprefix(work.uri("")))))
    group = file.metadata.row_group(0)
    used = {name for place in range(group.num_columns) for name in group.column(place).encodings}
    assert used <= {"PLAIN", "RLE", "RLE_DICTIONARY"}


def test_columns_that_ascend_take_a_fraction_of_the_bytes():
    rows = pa.table({"row": pa.array(range(ROW_GROUP), pa.int64())})
    usual, small = (spooled(rows, rows.schema, ascending=names) for names in ((), ("row",)))
    assert pq.read_table(small) == rows
    assert small.getbuffer().nbytes < usual.getbuffer().nbytes / 20
