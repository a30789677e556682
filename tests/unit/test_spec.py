"""The feature spec: read strictly, written canonically."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.domain.errors import SpecError
from dropscore.domain.spec import DERIVED_FEATURES, FeatureSpec, key_clash, sha256_hex

NAMES = st.text(min_size=1, max_size=8)
COLUMNS = st.lists(NAMES, unique=True, max_size=4).map(tuple)


def spec_bytes(**fields):
    return json.dumps({"features": ["x"], **fields}).encode()


@given(
    st.builds(
        FeatureSpec,
        features=st.lists(st.sampled_from(DERIVED_FEATURES) | NAMES, unique=True, min_size=1).map(tuple),
        target=st.none() | NAMES,
        timestamp=NAMES,
        keys=COLUMNS.filter(lambda keys: key_clash(keys) is None),
        timezone=st.sampled_from([None, "UTC", "Europe/Berlin", "+05:30"]),
        baseline=st.dictionaries(NAMES, st.floats(allow_nan=False), max_size=3),
    )
)
def test_a_spec_that_is_written_and_read_is_the_same_with_the_same_hash(spec):
    again = FeatureSpec.parse(spec.to_bytes())
    assert again == spec
    assert sha256_hex(again.to_bytes()) == sha256_hex(spec.to_bytes())


def test_features_keep_their_order_and_are_told_apart_from_columns():
    spec = FeatureSpec(("load", "hour", "temp", "minutes"), timestamp="ts")
    assert spec.derived == ("hour", "minutes")
    assert spec.column_features == ("load", "temp")


def test_what_may_be_left_out_may_be_null_as_well():
    left_out = FeatureSpec.parse(spec_bytes())
    assert FeatureSpec.parse(spec_bytes(target=None, timestamp=None, keys=None, baseline=None)) == left_out


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xff\xfe", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "JSON list, expected an object"),
        (b"{}", "`features` is empty"),
        (spec_bytes(features=[]), "`features` is empty"),
        (spec_bytes(features="x"), "`features` is not a list of names"),
        (spec_bytes(features=["x", 1]), "`features` is not a list of names"),
        (spec_bytes(features=[""]), "`features` is not a list of names"),
        (spec_bytes(features=["x", "x"]), "`features` names a column twice"),
        (spec_bytes(features=["hour"]), "'hour' comes from the timestamp, but `timestamp` is not set"),
        (spec_bytes(keys=""), "`keys` is not a list of names"),
        (spec_bytes(keys=False), "`keys` is not a list of names"),
        (spec_bytes(keys=["\ud800"]), "`keys` is not a list of names"),
        (spec_bytes(target="\udfff"), "`target` is not a name"),
        (spec_bytes(keys=["k", "k"]), "`keys` names a column twice"),
        (spec_bytes(keys=["row"]), "key 'row' clashes with the result column 'row'; choose another"),
        (spec_bytes(keys=["k", "ROW"]), "key 'ROW' clashes with the result column 'row'; choose another"),
        (spec_bytes(keys=["k", "a", "K"]), "key 'K' differs only by case from 'k'; choose another"),
        (spec_bytes(keys=["model_version"]), "'model_version' clashes with the result column"),
        (spec_bytes(target=""), "`target` is not a name"),
        (spec_bytes(timestamp=3), "`timestamp` is not a name"),
        (spec_bytes(timezone="Mars/Olympus"), "`timezone`: 'Mars/Olympus' is not in the time zone database"),
        (spec_bytes(timezone="+99:00"), "`timezone`: '\\+99:00' is not the offset"),
        (spec_bytes(baseline=[]), "`baseline` is not an object"),
        (spec_bytes(feature=["x"]), "unknown field 'feature'; known are baseline, features"),
    ],
)
def test_a_malformed_spec_is_refused_with_the_field_at_fault(data, problem):
    with pytest.raises(SpecError, match=problem):
        FeatureSpec.parse(data)
