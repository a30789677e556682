"""A result of 4.3 million rows is no more work for a page than one of a month, and needs no more memory."""

from __future__ import annotations

import pytest

from benchmarks import page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def goals():
    """What `python -m benchmarks page` came to."""
    return page.run(large=False, repetitions=2).goals


def test_a_page_of_4_3_million_rows_takes_no_longer_than_twice_one_of_a_month(goals):
    assert [goal for goal in goals if "slowest" in goal.says and goal.met], goals


def test_no_page_takes_more_than_two_requests(goals):
    assert [goal for goal in goals if "requests" in goal.says and goal.met], goals


def test_no_page_takes_more_memory_than_256_mib(goals):
    assert [goal for goal in goals if "memory" in goal.says and goal.met], goals
