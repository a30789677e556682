"""Filters of columns, and the join of records with predictions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.sagemaker.faults import CsvStyle
from local.sagemaker.instance.assembly import Assembly, in_style
from local.sagemaker.instance.column_path import ColumnPath, ColumnPathError
from local.sagemaker.instance.errors import ClientFault

CELLS = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("$", CELLS),
        ("$[0]", ["a"]),
        ("$[-1]", ["d"]),
        ("$[0,-1]", ["a", "d"]),
        ("$[2, 0]", ["c", "a"]),
        ("$[1:]", ["b", "c", "d"]),
        ("$[:2]", ["a", "b"]),
        ("$[1:3]", ["b", "c"]),
        ("$[:-1]", ["a", "b", "c"]),
        ("$[:]", CELLS),
    ],
)
def test_a_path_keeps_the_documented_columns(path: str, kept: list[str]) -> None:
    assert list(ColumnPath.parse(path).select(CELLS)) == kept


@pytest.mark.parametrize(
    "path", ["$.features", "$['a']", "$[*]", "[0]", "$[0:1:2]", "$[]", "", "$[" + "1," * 40 + "1]"]
)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(ColumnPathError):
        ColumnPath.parse(path)


def test_a_column_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ColumnPathError, match="4 columns"):
        ColumnPath.parse("$[7]").select(CELLS)


def assembly(*, input_filter: str = "$[1:]", output_filter: str = "$[0,-1]", joined: bool = True) -> Assembly:
    return Assembly(ColumnPath.parse(input_filter), ColumnPath.parse(output_filter), joined, by_line=True)


def test_dropscores_own_settings_name_each_prediction_s_row() -> None:
    batch = b"0,1.5,2\n1,2.5,3\n"

    assert assembly().request(batch) == b"1.5,2\n2.5,3\n"
    assert assembly().output(batch, b"10.0\n11.0") == b"0,10.0\n1,11.0\n"


def test_an_answer_that_ends_in_a_line_end_has_no_further_record() -> None:
    assert assembly().output(b"0,1\n", b"10.0\n") == b"0,10.0\n"


@pytest.mark.parametrize("answer", [b"10.0", b"10.0\n11.0\n12.0", b"[10.0, 11.0]"])
def test_an_answer_of_another_number_of_records_cannot_be_joined(answer: bytes) -> None:
    with pytest.raises(ClientFault, match="join"):
        assembly().output(b"0,1\n1,2\n", answer)


def test_without_a_join_the_answer_is_kept_as_it_is_with_a_line_end() -> None:
    assert assembly(output_filter="$", joined=False).output(b"0,1\n", b"10.0\n11.0") == b"10.0\n11.0\n"


def test_assembling_with_none_adds_nothing() -> None:
    plain = Assembly(ColumnPath(), ColumnPath(), is_joined=False, by_line=False)

    assert plain.output(b"0,1\n", b"10.0") == b"10.0"


def test_a_quoted_cell_may_hold_a_comma() -> None:
    batch = b'"a,b",1.5,2\n'

    assert assembly().request(batch) == b"1.5,2\n"
    assert assembly().output(batch, b"10.0") == b'"a,b",10.0\n'


def test_a_record_without_the_column_is_the_inputs_fault() -> None:
    with pytest.raises(ClientFault, match="filter"):
        assembly(input_filter="$[3]").request(b"0,1\n")


@given(st.lists(st.lists(st.text("0123456789.-", max_size=3), min_size=2, max_size=4), min_size=1))
def test_the_short_way_for_all_but_the_first_column_is_the_long_way(rows: list[list[str]]) -> None:
    batch = "".join(",".join(row) + "\n" for row in rows).encode()

    assert assembly().request(batch) == "".join(",".join(row[1:]) + "\n" for row in rows).encode()


@pytest.mark.parametrize(
    ("style", "written"),
    [
        (CsvStyle.PLAIN, b"0,1.5\n1,2.5\n"),
        (CsvStyle.QUOTED, b'"0","1.5"\n"1","2.5"\n'),
        (CsvStyle.CRLF, b"0,1.5\r\n1,2.5\r\n"),
        (CsvStyle.NO_FINAL_NEWLINE, b"0,1.5\n1,2.5"),
    ],
)
def test_a_style_changes_quotes_and_line_ends_alone(style: CsvStyle, written: bytes) -> None:
    assert in_style(b"0,1.5\n1,2.5\n", style) == written


def test_a_cell_that_was_quoted_is_quoted_once() -> None:
    assert in_style(b'"a,b","say ""x"""\n1,2', CsvStyle.QUOTED) == b'"a,b","say ""x"""\n"1","2"'


def test_nothing_is_nothing_in_every_style() -> None:
    assert [in_style(b"", style) for style in CsvStyle] == [b""] * len(CsvStyle)
