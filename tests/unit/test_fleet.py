"""How many instances a job is worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.domain.fleet import WORTH_AN_INSTANCE, Fleet

SHARDS = 1_000


@pytest.mark.parametrize(
    ("feature_bytes", "instances"),
    [
        (0, 1),  # of a drop that an earlier release has prepared, and did not measure
        (WORTH_AN_INSTANCE, 1),
        (WORTH_AN_INSTANCE + 1, 2),
        (3 * WORTH_AN_INSTANCE, 3),
        (100 * WORTH_AN_INSTANCE, 5),
    ],
)
def test_instances_follow_the_volume_up_to_the_most(feature_bytes, instances):
    assert Fleet(1, 5).instances(feature_bytes, SHARDS) == instances


def test_there_are_so_many_at_least():
    assert Fleet(3, 5).instances(1, SHARDS) == 3


@given(st.integers(0, 2**40), st.integers(0, 40), st.integers(1, 100), st.integers(1, 100))
def test_no_instance_is_without_a_shard_and_a_job_has_one_instance_at_least(size, shards, one, other):
    least, most = sorted((one, other))
    instances = Fleet(least, most).instances(size, shards)
    assert 1 <= instances <= max(1, min(most, shards))


def test_a_job_may_have_more_bytes_with_more_instances():
    assert Fleet(1, 4).most_bytes == 4 * Fleet(1, 1).most_bytes
