"""A result of 4.3 million rows is no more work for a page than one of a month, and needs no more memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dropscore.domain.results import result_schema
from dropscore.domain.shards import ROW_GROUP

REPOSITORY = Path(__file__).parents[2]
SMALL, LARGE, WIDE = 43_198, 4_319_800, 50_000
LIMIT = 1_000
PAGES = {
    "small": (SMALL, 0, LIMIT),
    "first": (LARGE, 0, LIMIT),
    "millionth": (LARGE, 4 * 999_999, LIMIT),
    "row one million": (LARGE, 1_000_000, LIMIT),
    "last": (LARGE, LARGE - LIMIT, LIMIT),
    "ten thousand": (LARGE, 1_000_000, 10_000),
    "wide": (WIDE, WIDE - 10_000, 10_000),
}


def write(path, rows, word):
    """A result with random numbers, which do not pack well, and a key."""
    schema = result_schema(["key"])
    random = np.random.default_rng(rows)
    with pq.ParquetWriter(path, schema, compression="snappy") as writer:
        for first in range(0, rows, ROW_GROUP):
            numbers = np.arange(first, min(first + ROW_GROUP, rows))
            columns = [
                pa.repeat("d", len(numbers)),
                numbers,
                pa.array(numbers * 60_000_000, pa.timestamp("us")),
                random.random(len(numbers)),
                random.random(len(numbers)),
                pa.array([word(number) for number in numbers]),
            ]
            writer.write_table(pa.table(columns, schema=schema), row_group_size=ROW_GROUP)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """What each of the pages takes, and the peak of memory."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "predictions").mkdir()
    noise = np.random.default_rng(0)
    for rows, word in (
        (SMALL, lambda number: f"device {number % 97}"),
        (LARGE, lambda number: f"device {number % 97}"),
        (WIDE, lambda _: noise.bytes(150).hex()),
    ):
        write(folder / "predictions" / f"{rows:020d}.parquet", rows, word)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.api.large", str(folder)],
        env={
            "PAGES": json.dumps([*PAGES.values()]),
            "PYTHONPATH": f"{REPOSITORY / 'functions'}:{REPOSITORY}",
            "POWERTOOLS_LOG_LEVEL": "ERROR",
        },
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["first", "millionth", "row one million", "last"])
def test_a_page_of_4_3_million_rows_takes_no_longer_than_twice_one_of_a_month(measured, page):
    took = {name: measured["seconds"][" ".join(map(str, asked))] for name, asked in PAGES.items()}
    assert took[page] <= 2 * took["small"], took


@pytest.mark.slow
def test_no_page_takes_more_memory_than_256_mib(measured):
    assert measured["peak"] < 256, measured
