"""From outputs and context to a result: shard by shard, whole or not at all."""

from __future__ import annotations

import io
import threading
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dropscore.approved import ApprovedModel
from dropscore.aws.objects import Bucket
from dropscore.domain.drop import Counts
from dropscore.domain.errors import OutputsIncomplete, SourceGone
from dropscore.domain.job import Job, JobState, Member
from dropscore.domain.shards import ROW_GROUP
from dropscore.domain.spec import FeatureSpec
from dropscore.files.conversion import Conversion
from dropscore.files.joining import Joining
from dropscore.files.results import Results
from dropscore.settings import Limits
from tests.unit.builders import MODEL, NOW, parquet, prepared_drop

LIMITS = Limits(max_rows=10**7, max_bytes=2**30, max_rejected_fraction=0.5, shard_bytes=1)
"""Shards of one row group."""

ROWS = 2 * ROW_GROUP + 10
SHARDS = 3
SPEC = FeatureSpec(("x",), target="y", timestamp="t", keys=("device", "word"))
DROP = replace(prepared_drop(7), shards=SHARDS, rows_in=ROWS)
JOB = Job("dropscore-j", JobState.STARTED, MODEL, (Member.of(DROP),), NOW, scored_date="2026-03-04")
NAMES = [f"{DROP.drop_id}/1/{DROP.drop_id}-1-0000{number}.csv.out" for number in range(SHARDS)]


class Counting:
    """A client that counts the objects that are fetched."""

    def __init__(self, client):
        self._client = client
        self.fetched: list[str] = []

    def get_object(self, **asked):
        self.fetched.append(asked["Key"])
        return self._client.get_object(**asked)

    def __getattr__(self, name):
        return getattr(self._client, name)


def source(words):
    """A file; `words` says how many letters there are in a key, another's each."""
    random = np.random.default_rng(1)
    return pa.table(
        {
            "x": np.arange(ROWS),
            "y": np.arange(ROWS) / 2,
            "t": pa.array(np.arange(ROWS) * 1_000_000, pa.timestamp("us")),
            "device": pa.array([f"device {row // 50_000}" for row in range(ROWS)]),
            "word": pa.array([random.bytes(words // 2).hex() for _ in range(ROWS)]),
        }
    )


@pytest.fixture
def s3(s3):
    return Counting(s3)


@pytest.fixture
def work(s3):
    return Bucket(s3, "work")


@pytest.fixture
def joining(work):
    return Joining(work, Results(work), 0.5, "abc123")


def prepared(work, table):
    """Convert a file; the lines of each of its shards."""
    work.put("source.parquet", parquet(table), "x")
    with (
        work.open("source.parquet") as file,
        Conversion(DROP, ApprovedModel(MODEL, SPEC), work, Results(work), LIMITS) as conversion,
    ):
        assert conversion.run(file, "abc123").shards == SHARDS
    starts = range(0, ROWS, ROW_GROUP)
    return [[f"{row},{row / 4!r}" for row in range(s, min(s + ROW_GROUP, ROWS))] for s in starts]


def put(work, name, lines):
    work.put(f"transform/{JOB.name}/{name}", "\n".join(lines).encode(), "x")


def result(work, outcome):
    return pq.ParquetFile(io.BytesIO(work.read(outcome.result_uri.removeprefix(work.uri("")))))


@pytest.mark.parametrize("words", [2, 100], ids=["keys that repeat", "keys that are all different"])
def test_every_row_gets_its_prediction_whatever_order_lines_and_outputs_are_in(work, joining, words):
    table = source(words)
    shards = prepared(work, table)
    for name, lines in zip(NAMES, shards, strict=True):
        put(work, name, reversed(lines))

    outcome = joining.join(DROP, JOB, NAMES[::-1])

    assert outcome.counts == Counts(ROWS, ROWS, 0)
    file = result(work, outcome)
    assert [file.metadata.row_group(n).num_rows for n in range(3)] == [ROW_GROUP, ROW_GROUP, 10]
    found = file.read()
    assert found["row"].to_pylist() == [*range(ROWS)]
    assert found["prediction"].to_pylist() == [row / 4 for row in range(ROWS)]
    for name, column in {"ts": "t", "actual": "y", "device": "device", "word": "word"}.items():
        assert found[name].to_pylist() == table[column].to_pylist(), name
    assert {*found["drop_id"].unique().to_pylist()} == {DROP.drop_id}
    assert {*found["company_id"].unique().to_pylist()} == {"1"}
    assert {str(found[name].type) for name in ("drop_id", "company_id", "device", "word")} == {"string"}


@pytest.mark.parametrize("letters", [2, 100], ids=["few words", "another in each row"])
def test_a_key_s_dictionary_has_a_megabyte_at_most(work, joining, letters):
    """Whoever reads a page of the result has to read it whole."""
    for name, lines in zip(NAMES, prepared(work, source(letters)), strict=True):
        put(work, name, lines)

    file = result(work, joining.join(DROP, JOB, NAMES))

    word = file.metadata.row_group(0).column(file.schema.names.index("word"))
    assert 0 < word.data_page_offset - word.dictionary_page_offset < 1.1 * 2**20


def test_rows_whose_prediction_is_not_finite_move_no_other_row_s_keys(work, joining):
    table = source(2)
    shards = prepared(work, table)
    for name, (first, *lines) in zip(NAMES, shards, strict=True):
        put(work, name, [first.split(",")[0] + ",nan", *lines])

    outcome = joining.join(DROP, JOB, NAMES)

    assert outcome.counts == Counts(ROWS, ROWS - SHARDS, SHARDS)
    kept = table.filter(pa.array(row % ROW_GROUP != 0 for row in range(ROWS)))
    found = result(work, outcome).read()
    assert found["device"].to_pylist() == kept["device"].to_pylist()
    assert found["word"].to_pylist() == kept["word"].to_pylist()


def test_an_output_is_one_request_and_so_is_what_belongs_to_it(work, joining, s3):
    for name, lines in zip(NAMES, prepared(work, source(2)), strict=True):
        put(work, name, lines)
    s3.fetched.clear()

    joining.join(DROP, JOB, NAMES)

    assert [name for name in s3.fetched if name.endswith(".out")] == [
        f"transform/{JOB.name}/{n}" for n in NAMES
    ]
    assert len([name for name in s3.fetched if name.endswith("rows.parquet")]) <= 1 + SHARDS


def test_lines_of_many_digits_are_read_whole(work, joining):
    for name, lines in zip(NAMES, prepared(work, source(2)), strict=True):
        put(work, name, [f"{line}{'0' * 60}" if "." in line else line for line in lines])

    assert joining.join(DROP, JOB, NAMES).counts == Counts(ROWS, ROWS, 0)


@pytest.mark.parametrize(("end", "last"), [("\n", ""), ("\r\n", "\r\n")])
def test_quotes_and_line_ends_change_no_byte_of_the_result(work, joining, s3, end, last):
    shards = prepared(work, source(2))
    for name, lines in zip(NAMES, shards, strict=True):
        put(work, name, lines)
    key = joining.join(DROP, JOB, NAMES).result_uri.removeprefix(work.uri(""))
    plain = work.read(key)
    s3.delete_object(Bucket=work.name, Key=key)
    for name, lines in zip(NAMES, shards, strict=True):
        quoted = [f'"{line}"'.replace(",", '","') for line in lines]
        work.put(f"transform/{JOB.name}/{name}", (end.join(quoted) + last).encode(), "x")

    joining.join(DROP, JOB, NAMES)

    assert work.read(key) == plain


@pytest.mark.parametrize("wrong", range(SHARDS))
def test_a_row_missing_in_one_shard_is_told_and_nothing_is_written_and_no_thread_is_left(
    work, joining, wrong
):
    for number, (name, lines) in enumerate(zip(NAMES, prepared(work, source(2)), strict=True)):
        put(work, name, lines[1:] if number == wrong else lines)
    before = threading.active_count()

    with pytest.raises(OutputsIncomplete, match=f"1 rows missing .first: row {wrong * ROW_GROUP}."):
        joining.join(DROP, JOB, NAMES)

    assert threading.active_count() == before
    assert [*work.names("predictions/")] == []


def test_of_several_shards_at_fault_the_first_is_told(work, joining):
    shards = prepared(work, source(2))
    put(work, NAMES[0], shards[0])
    put(work, NAMES[1], shards[1][5:])
    put(work, NAMES[2], ["nonsense"])
    with pytest.raises(OutputsIncomplete, match="5 rows missing"):
        joining.join(DROP, JOB, NAMES)


def test_two_outputs_of_one_shard_are_told_and_neither_is_taken(work, joining):
    for name, lines in zip(NAMES, prepared(work, source(2)), strict=True):
        put(work, name, lines)
    again = "again/" + NAMES[1].rsplit("/", 1)[-1]

    with pytest.raises(OutputsIncomplete, match=r"2 outputs called .*-00001\.csv\.out, expected one"):
        joining.join(DROP, JOB, [*NAMES, again])

    assert [*work.names("predictions/")] == []


def test_an_output_that_is_gone_is_told_as_it_is(work, joining):
    for name, lines in list(zip(NAMES, prepared(work, source(2)), strict=True))[:2]:
        put(work, name, lines)
    with pytest.raises(SourceGone, match=r"00002\.csv\.out no longer exists"):
        joining.join(DROP, JOB, NAMES)


def test_an_output_too_large_for_its_shard_is_refused(work, joining):
    shards = prepared(work, source(2))
    for name, lines in zip(NAMES[:2], shards, strict=False):
        put(work, name, lines)
    work.put(f"transform/{JOB.name}/{NAMES[2]}", b"\n" * 2_000_000, "x")
    with pytest.raises(OutputsIncomplete, match="the output has 2000000 bytes, more than the 2816 that 10"):
        joining.join(DROP, JOB, NAMES)
