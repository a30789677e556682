"""Drops: their identity, the keys in their path, and the states that they go through."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.domain.drop import FINAL_STATES, TRANSITIONS, Counts, DropState
from dropscore.domain.errors import ContentError
from dropscore.domain.keys import (
    context_key,
    manifest_key,
    outputs_prefix,
    prepare_rejects_key,
    rejects_key,
    result_key,
)
from dropscore.domain.source import NoDrop, read_suffixes, why_no_drop
from dropscore.domain.spec import RESERVED_NAMES
from tests.unit.builders import MODEL, source

REAL_KEY = "data/snmpcpu/company_id=1/sensor_id=422/7e94.parquet"


def test_a_drop_id_is_the_hash_of_bucket_key_and_version():
    expected = hashlib.sha256("inbox\nü/a.parquet\nv7".encode()).hexdigest()[:20]
    assert source("ü/a.parquet", "v7").drop_id == expected


def test_a_drop_id_does_not_depend_on_how_the_drop_became_known():
    assert source(sequencer="0055").drop_id == source().drop_id == source(versioned=False).drop_id


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (REAL_KEY, {"company_id": "1", "sensor_id": "422"}),
        ("a.parquet", {}),
        ("x=1.parquet", {}),
        ("site=K%C3%B6ln%20S%2FN%3D1/a.parquet", {"site": "Köln S/N=1"}),
        ("na%20me=1/a.parquet", {"na me": "1"}),
        ("a=b=c/a.parquet", {"a": "b=c"}),
        ("a=/a.parquet", {"a": ""}),
        ("=1/plain/a.parquet", {}),
        ("a=1/b=2/a=3/x.parquet", {"a": "3", "b": "2"}),
        ("a=100%/x.parquet", {"a": "100%"}),
        ("a=1\n2/x.parquet", {"a": "1\n2"}),
        ("a=caf%E9/x.parquet", {"a": "caf%E9"}),
        ("a=__HIVE_DEFAULT_PARTITION__/b=/x.parquet", {"a": None, "b": ""}),
    ],
)
def test_folders_of_the_key_are_keys_of_its_rows(key, expected):
    assert source(key).hive_keys == expected


@pytest.mark.parametrize("name", [*sorted(RESERVED_NAMES), "ROW", "Model_Version"])
def test_a_folder_that_clashes_with_a_result_column_is_refused(name):
    with pytest.raises(
        ContentError, match=f"folder '{name}' clashes with the result column '{name.lower()}'; rename"
    ):
        source(f"x=1/{name}=5/a.parquet").check_hive_keys()


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_a_folder_that_differs_from_a_result_column_only_by_case_is_refused(name):
    with pytest.raises(
        ContentError, match=f"folder '{name.title()}' clashes with the result column '{name}'"
    ):
        source(f"{name.title()}=5/a.parquet").check_hive_keys()


@pytest.mark.parametrize(
    ("key", "spec_keys", "problem"),
    [
        ("K=1/a.parquet", ("k",), "folder 'K' differs only by case from 'k'; rename it"),
        ("Site=1/site=2/a.parquet", (), "folder 'site' differs only by case from 'Site'; rename it"),
        ("Ä=1/ä=2/a.parquet", (), "folder 'ä' differs only by case from 'Ä'"),
    ],
)
def test_names_that_differ_only_by_case_are_refused(key, spec_keys, problem):
    with pytest.raises(ContentError, match=problem):
        source(key).check_hive_keys(spec_keys)


def test_other_folders_are_not_refused():
    source(REAL_KEY).check_hive_keys(("sensor_id", "device_id"))


@pytest.mark.parametrize(
    "key",
    [
        "a.parquet",
        "A.PARQUET",
        "a b/c d.Parquet",
        "日本/ünïcode=ß/é.pArQuEt",
        "_x=1/a.parquet",
        ".x=1/a.parquet",
        "_x=/_y=_z/.w=.v/a.parquet",
        "a_b/c.d/e_f.g.parquet",
        "d/" * 400 + "a.parquet",
        "/a.parquet",
        "a//b.parquet",
    ],
)
def test_a_key_with_the_suffix_in_any_case_is_a_drop(key):
    assert why_no_drop(key) is None


@pytest.mark.parametrize(
    "key",
    [
        "sales/_temporary/0/_temporary/attempt_1/part-0.parquet",
        "sales/_temporary/0/task_1/part-0.parquet",
        ".spark-staging-1b2c/dt=2024-01-01/part-0.parquet",
        "delta/_delta_log/10.checkpoint.parquet",
        "mac/._part-0.parquet",
        "x/._y.parquet",
        "a=b/_x.parquet",
        "_x=1.parquet",
        "_temporary",
        "_SUCCESS",
        ".parquet",
        "d/.Parquet",
        "../a.parquet",
        "d/" * 400 + "_e/a.parquet",
        "a=b/_ünï code/a.parquet",
        "_x=1/.hidden/a.parquet",
        "_=1/_=/_/a.parquet",
    ],
)
def test_what_a_part_of_the_path_marks_as_temporary_or_metadata_is_no_drop_under_any_suffixes(key):
    assert {why_no_drop(key), why_no_drop(key, ["", ".csv"])} == {NoDrop.HIDDEN}


@pytest.mark.parametrize("key", ["a.parquet.tmp", "parquet", "a.parq", "a.parquet ", "a.parquet.gz", "", "/"])
def test_a_key_without_the_suffix_is_no_drop(key):
    assert why_no_drop(key) is (NoDrop.FOLDER if key in {"", "/"} else NoDrop.SUFFIX)


@pytest.mark.parametrize("key", ["a/", "a.parquet/", "_a/", "_x=1/"])
def test_a_folder_marker_is_no_drop_under_any_suffixes(key):
    assert {why_no_drop(key), why_no_drop(key, [""])} == {NoDrop.FOLDER}


def test_the_suffixes_of_a_stack_are_in_any_case_and_the_empty_one_is_every_key_s():
    suffixes = read_suffixes(".parquet,.Parq,.parquet.gz")
    keys = ["a.PARQUET", "a.parq", "a.parquet.GZ", "a.csv", "a"]
    assert [why_no_drop(key, suffixes) for key in keys] == [None] * 3 + [NoDrop.SUFFIX] * 2
    assert {why_no_drop(key, read_suffixes(".parquet,*")) for key in keys} == {None}


@pytest.mark.parametrize("text", ["", "parquet", ".parquet,", ".parquet, .parq", ".", "**", ".a/b", ".a\n"])
def test_what_is_no_list_of_suffixes_is_refused(text):
    with pytest.raises(ValueError, match="is no suffix such as"):
        read_suffixes(text)


def test_each_reason_says_what_was_found():
    assert NoDrop.SUFFIX.describe([".parquet", ".parq"]) == "its key does not end in .parquet or .parq"
    assert all(reason.describe().startswith(("its key", "a part of its key")) for reason in NoDrop)


@given(st.text(), st.lists(st.sampled_from(["", ".parquet", ".csv"])))
def test_of_any_key_there_is_one_answer(key, suffixes):
    assert why_no_drop(key, suffixes) in {None, *NoDrop}
    assert why_no_drop(f"{key}/_x/a.parquet", suffixes) is NoDrop.HIDDEN


def test_final_states_are_left_by_nobody_but_the_operator():
    assert {state for state in DropState if state.final} == FINAL_STATES
    assert {state: TRANSITIONS[state] for state in FINAL_STATES} == {
        DropState.SCORED: frozenset(),
        DropState.REJECTED: frozenset(),
        DropState.FAILED: frozenset({DropState.WAITING}),
    }


def test_every_state_is_reached_and_leads_to_a_final_one():
    assert set(TRANSITIONS) == set(DropState)
    assert set().union(*TRANSITIONS.values()) == set(DropState)
    leads_to_end = set(FINAL_STATES)
    for _ in DropState:
        leads_to_end |= {state for state, nexts in TRANSITIONS.items() if nexts & leads_to_end}
    assert leads_to_end == set(DropState)


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_rows_that_do_not_add_up_are_a_defect(rows_in, scored, rejected):
    if rows_in == scored + rejected:
        assert Counts(rows_in, scored, rejected).rows_in == rows_in
    else:
        with pytest.raises(
            AssertionError, match=f"{rows_in} rows in, but {scored} scored \\+ {rejected} rejected"
        ):
            Counts(rows_in, scored, rejected)


@pytest.mark.parametrize(
    ("counts", "fraction", "reason"),
    [
        (Counts(0, 0, 0), 0.0, None),
        (Counts(10, 10, 0), 0.0, None),
        (Counts(10, 5, 5), 0.5, None),
        (Counts(10, 4, 6), 0.5, "6 of 10 rows rejected, MaxRejectedFraction is 0.5"),
        (Counts(10, 9, 1), 0.0, "1 of 10 rows rejected, MaxRejectedFraction is 0"),
        (Counts(10, 0, 10), 1.0, "none of the 10 rows can be scored"),
        (Counts(10, 1, 9), 1.0, None),
    ],
)
def test_a_drop_is_rejected_as_a_whole_when_too_many_of_its_rows_are(counts, fraction, reason):
    assert counts.too_many_rejected(fraction) == reason


def test_objects_lie_where_the_design_says():
    assert context_key("ab", 2) == "context/ab/2/rows.parquet"
    assert prepare_rejects_key("ab", 2) == "context/ab/2/rejects.parquet"
    assert manifest_key("job-1") == "manifests/job-1.json"
    assert outputs_prefix("job-1") == "transform/job-1/"
    assert rejects_key("ab") == "rejects/ab.parquet"
    assert result_key(MODEL, "2026-03-04", "ab") == (
        "predictions/model_group=dropscore/model_version=7/scored_date=2026-03-04/ab.parquet"
    )
