"""`/drops/{drop_id}/rejects`: the rows that could not be scored."""

from __future__ import annotations

import csv
import io
import json

import pyarrow as pa
import pytest

from dropscore.api import rows
from dropscore.api.drop_answers import RejectPage
from dropscore.domain.drop import Counts, DropState
from dropscore.domain.errors import MAX_MESSAGE
from dropscore.domain.row_faults import REJECT_SCHEMA
from tests.api.stack import scored_rows
from tests.unit.builders import NOW


@pytest.fixture
def drop(stack):
    """A result of three rows with five rejects."""
    columns = [[3, 4, 5, 6, 7], ["value"] * 5, ["is null"] * 4 + ['is "odd"']]
    return stack.score(scored_rows(3), rejects=pa.table(columns, schema=REJECT_SCHEMA))


def test_rejects_say_which_row_which_column_and_why(ask, drop):
    answer = ask(f"/drops/{drop.drop_id}/rejects?limit=1")
    assert answer.status == 200
    assert set(answer.json) == set(RejectPage.model_fields)
    assert (answer.json["state"], answer.json["reason"]) == ("SCORED", None)
    assert answer.json["rejects"] == [{"row": 3, "column": "value", "reason": "is null"}]


def test_rejects_are_walked_in_pages(ask, drop):
    pages = ask.walk(f"/drops/{drop.drop_id}/rejects?limit=2", "rejects")
    assert [[row["row"] for row in page] for page in pages] == [[3, 4], [5, 6], [7]]


def test_rejects_come_as_csv_and_as_lines_of_json(ask, drop):
    lines = ask(f"/drops/{drop.drop_id}/rejects", accept="application/x-ndjson").text.splitlines()
    rows = [*csv.DictReader(io.StringIO(ask(f"/drops/{drop.drop_id}/rejects", accept="text/csv").text))]
    assert [json.loads(line)["row"] for line in lines] == [int(row["row"]) for row in rows]
    assert rows[4] == {"row": "7", "column": "value", "reason": 'is "odd"'}


def test_rejects_for_a_spreadsheet_are_no_formulas(ask, stack):
    rejects = pa.table([[3], ["=1+1"], ["is null"]], schema=REJECT_SCHEMA)
    drop = stack.score(scored_rows(3), rejects=rejects)
    answer = ask(f"/drops/{drop.drop_id}/rejects?spreadsheet=true", accept="text/csv")
    assert {row["column"] for row in csv.DictReader(io.StringIO(answer.text))} == {"'=1+1"}


def test_rejects_are_no_file_to_download(ask, drop):
    assert ask(f"/drops/{drop.drop_id}/rejects", accept="application/vnd.apache.parquet").status == 406
    assert ask(f"/drops/{drop.drop_id}/rejects?download=parquet").status == 400


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/x-ndjson"])
@pytest.mark.parametrize("state", [DropState.SCORED, DropState.REJECTED])
def test_a_drop_without_rejected_rows_has_an_empty_page_and_reads_nothing(ask, stack, reads, state, accept):
    drop = stack.bring_to(state)
    reads.clear()
    answer = ask(f"/drops/{drop.drop_id}/rejects", accept=accept)
    assert answer.status == 200
    if accept == "application/json":
        expected = {"drop_id": drop.drop_id, "state": state, "reason": drop.reason, "rejects": []}
        assert answer.json == {**expected, "next_cursor": None}
    else:
        assert answer.text == ("row,column,reason\r\n" if accept == "text/csv" else "")
    assert reads == []


@pytest.mark.parametrize(
    "state", [DropState.WAITING, DropState.PREPARING, DropState.PREPARED, DropState.SCORING]
)
def test_before_the_end_there_are_none_yet(ask, stack, state):
    drop = stack.bring_to(state)
    answer = ask(f"/drops/{drop.drop_id}/rejects")
    assert (answer.status, answer.json["state"]) == (409, state)
    assert int(answer.headers["retry-after"]) > 0


def test_of_a_failed_drop_there_never_are_any_and_the_answer_says_why(ask, stack):
    """GIVEN rows that prepare rejected: they lie where nobody else reads, and only for some days."""
    drop = stack.drops.fail(stack.claim(stack.prepare(stack.arrive(), 10, 5)), "scoring failed twice", NOW)
    answer = ask(f"/drops/{drop.drop_id}/rejects")
    assert (answer.status, answer.json["type"]) == (409, "urn:dropscore:problem:never-ready")
    assert (answer.json["state"], answer.json["reason"]) == ("FAILED", "scoring failed twice")
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("letter", ["\U0001f600", "\0", '"'])
def test_what_stands_around_the_rows_is_not_more_than_is_left_for_it(ask, stack, letter):
    drop = stack.drops.reject(stack.arrive(), letter * MAX_MESSAGE, Counts(9, 4, 5), None, NOW)
    assert len(ask(f"/drops/{drop.drop_id}/rejects").body) < rows._FRAME_BYTES - 1_000
