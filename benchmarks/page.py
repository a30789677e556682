"""A page of predictions costs what it costs, however large the result is that it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.inputs import HUNDRED, ONE, THOUSAND
from benchmarks.large_results import write
from benchmarks.measure import OURS, Contender, Measured, compare
from benchmarks.page_reader import PAGES
from benchmarks.report import Case, Goal, Report
from dropscore.domain.shards import ROW_GROUP

MONTH = 43_200
"""Rows of one sensor's month."""

LIMIT = 1_000
MOST = 10_000
"""Rows of a page: as many as a page has unless one asks otherwise, and as many as one may ask for."""

WIDE = 50_000
"""Rows of a result each of whose rows has 300 letters in a key, another's each."""

MEMORY_MIB = 256
"""What a function of 512 MB may take, and leave as much to everything else."""


S3_SECONDS = 0.1
"""A request: 100 to 200 ms for small objects ("Performance design patterns for Amazon S3", user guide)."""


@dataclass(frozen=True)
class Page:
    """A page that is asked for.

    Attributes
    ----------
    rows
        Of the result that it comes from.
    name
        Which one it is, for people.
    place
        Its first row.
    kept
        Whether the function has the result's footer in memory.
    """

    rows: int
    name: str
    place: int = 0
    limit: int = LIMIT
    kept: bool = True

    def contender(self, folder: Path) -> Contender:
        """The process that asks for it."""
        numbers = (self.rows, self.place, self.limit)
        footer = "kept" if self.kept else "fetched"
        return Contender(OURS, "benchmarks.page_reader", (str(folder), *map(str, numbers), footer))

    @property
    def footer_kept(self) -> str:
        """What tells it from the same page asked of a function that is new."""
        return "footer kept" if self.kept else "footer fetched"

    def __str__(self) -> str:
        return f"{self.name}, {self.footer_kept}"


def run(*, large: bool, repetitions: int = 3) -> Report:
    """Ask for pages of results of 43 thousand and 4.3 million rows, `large` of 43 million, too."""
    months = (ONE, HUNDRED, *([THOUSAND] if large else []))
    small, *larger = (_pages(MONTH * count) for count in months)
    pages = [*small, *(page for several in larger for page in several)]
    with TemporaryDirectory() as folder:
        for rows in (*(MONTH * count for count in months), WIDE):
            write(Path(folder), rows, _unlike if rows == WIDE else _device)
        contenders = {f"{page.rows} {page}": page.contender(Path(folder)) for page in pages}
        told = compare(contenders, repetitions)
        told |= compare({f"{page.rows} {page}": page.contender(Path(folder)) for page in _most()}, 1)
    measured = {page: told[f"{page.rows} {page}"] for page in (*pages, *_most())}
    report = Report("page", _cases(measured))
    report.goals = [
        *(_no_slower(measured, small[-1], several) for several in larger),
        *(_no_slower_at_first(measured, small[0], several[0]) for several in larger),
        _few_requests(measured),
        Goal("the most memory of any, in MiB", max(m.peak_rss_mib for m in measured.values()), MEMORY_MIB),
    ]
    report.notes = [
        f"Seconds are of {PAGES} pages, in JSON and gzip, through the API's own door.",
        "Objects are files: S3's time, 100 to 200 ms a request, comes on top.",
    ]
    return report


def _pages(rows: int) -> list[Page]:
    """Pages from all over a result; a straddling one begins in one row group and ends in the next."""
    first = [Page(rows, "first", kept=kept) for kept in (False, True)]
    if rows <= ROW_GROUP:
        return first
    straddling = rows // ROW_GROUP // 2 * ROW_GROUP - LIMIT // 2
    return [
        *first,
        Page(rows, "middle", rows // 2),
        Page(rows, "across row groups", straddling),
        Page(rows, "last", rows - LIMIT),
    ]


def _most() -> list[Page]:
    """The largest pages, which take the most memory."""
    rows = MONTH * HUNDRED
    return [Page(rows, f"{MOST:,} rows", rows // 2, MOST), Page(WIDE, "wide rows", WIDE - MOST, MOST)]


def _cases(measured: Mapping[Page, Measured]) -> list[Case]:
    cases = []
    for (rows, limit), same in groupby(measured, key=lambda page: (page.rows, page.limit)):
        results = {str(page): measured[page] for page in same}
        cases.append(Case(rows, results, f"in the result, {limit:,} on each page"))
    return cases


def _no_slower(measured: Mapping[Page, Measured], small: Page, several: list[Page]) -> Goal:
    """The slowest of a larger result's pages beside the small one's, all of them with the footer kept."""
    slowest = max(measured[page].cpu_seconds for page in several if page.kept)
    says = f"the slowest page of {several[0].rows:,} rows beside one of {small.rows:,}"
    return Goal(says, slowest / measured[small].cpu_seconds, 2)


def _no_slower_at_first(measured: Mapping[Page, Measured], small: Page, large: Page) -> Goal:
    """The same where a function has not read of the result before, as whoever asks for it waits.

    The footer grows with the result: one of 43 million rows takes some milliseconds to read, once a function.
    """

    def waited(page: Page) -> float:
        told = measured[page]
        return told.cpu_seconds / PAGES + float(told.counted["requests_a_page"]) * S3_SECONDS

    says = f"the first page of {large.rows:,} rows beside one of {small.rows:,}, with the time of S3"
    return Goal(says, waited(large) / waited(small), 2)


def _few_requests(measured: Mapping[Page, Measured]) -> Goal:
    return Goal("the most requests of any", max(m.counted["requests_a_page"] for m in measured.values()), 2)


def _device(rows: NDArray[np.int64]) -> pa.Array:
    return pa.array([f"device {number}" for number in range(97)]).take(pa.array(rows % 97))


def _unlike(rows: NDArray[np.int64]) -> pa.Array:
    random = np.random.default_rng(0)
    return pa.array([random.bytes(150).hex() for _ in rows])
