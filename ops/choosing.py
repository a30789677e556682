"""Which files are to be scored again: those of a key, a prefix, a day or a model version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial

from dropscore.domain.catalogue import Arrived, ByVersion, Everything
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.source import why_no_drop
from ops.connection import THREADS
from ops.errors import NotADrop
from ops.inbox import File, current, pages
from ops.ledger import Ledger
from ops.stack import Stack

LARGEST_COPY = 5 * 1024**3
"""Bytes that CopyObject copies at most (CopyObject, API reference)."""


@dataclass(frozen=True)
class Wish:
    """What to score again; of the first four exactly one is set, but a day and a version go together.

    Attributes
    ----------
    day, version
        Drops that arrived then, and that this model version has scored.
    states
        In which states a drop has to be.
    before
        Files put since then are left alone: those are scored anyway, and copies of an earlier run are among
        them. That makes it safe to repeat.
    """

    key: str | None
    prefix: str | None
    day: Arrived | None
    version: int | None
    states: frozenset[DropState]
    before: datetime


@dataclass
class Chosen:
    """What was found.

    Attributes
    ----------
    files
        To be copied, each once.
    rows
        Of their drops, where they have been counted.
    left_alone
        How many others there were, by why they are not copied.
    """

    files: list[File] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    left_alone: Counter[str] = field(default_factory=Counter)

    def take(self, file: File, drop: Drop | None, wish: Wish, suffixes: Sequence[str]) -> None:
        """Judge a file by its key, which has to end in one of `suffixes`, and by its drop."""
        no_drop = why_no_drop(file.key, suffixes)
        reason = (
            f"copies would be no drops: {no_drop.describe(suffixes)}"
            if no_drop
            else _why_not(file, drop, wish)
        )
        if reason or drop is None:
            self.left_alone[reason or ""] += 1
            return
        self.files.append(file)
        self.size += file.size
        self.rows += drop.rows_in


def clock_of(stack: Stack) -> datetime:
    """What time it is for S3, to the second, which is how it dates objects."""
    answer = stack.connection.client("s3").head_bucket(Bucket=stack.inbox)
    said = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return (parsedate_to_datetime(said) if said else datetime.now(UTC)).replace(microsecond=0)


def choose(stack: Stack, wish: Wish) -> Iterator[Chosen]:
    """Find the files.

    Yields
    ------
    Chosen
        What was found so far, after each page: a day of thousands takes a while.
    """
    ledger, chosen = Ledger(stack.ledger()), Chosen()
    seen: set[str] = set()
    for found in _pages(stack, ledger, wish):
        for file, drop in found:
            if file.key not in seen:
                seen.add(file.key)
                chosen.take(file, drop, wish, stack.suffixes)
        yield chosen
    yield chosen


def _pages(stack: Stack, ledger: Ledger, wish: Wish) -> Iterator[list[tuple[File, Drop | None]]]:
    if wish.key is not None:
        yield _with_drops(ledger, [_file(stack, wish.key)])
    elif wish.prefix is not None:
        for page in pages(stack, wish.prefix):
            yield _with_drops(ledger, page.files)
    else:
        selection = Everything() if wish.version is None else ByVersion(wish.version)
        for drops in ledger.select(selection, wish.day or Arrived()):
            yield _current_files(stack, drops)


def _file(stack: Stack, key: str) -> File:
    file = current(stack, key)
    if file is None:
        raise NotADrop(f"the inbox {stack.inbox} has no file {key}")
    return file


def _with_drops(ledger: Ledger, files: list[File]) -> list[tuple[File, Drop | None]]:
    known = ledger.known([file.source.drop_id for file in files])
    return [(file, known.get(file.source.drop_id)) for file in files]


def _current_files(stack: Stack, drops: Iterable[Drop]) -> list[tuple[File, Drop | None]]:
    """The drops whose file has no newer version, with that file."""
    drops = list(drops)
    with ThreadPoolExecutor(THREADS) as pool:
        files = list(pool.map(partial(current, stack), [drop.source.key for drop in drops]))
    pairs = zip(files, drops, strict=True)
    return [(file, drop) for file, drop in pairs if file and file.source.drop_id == drop.drop_id]


def _why_not(file: File, drop: Drop | None, wish: Wish) -> str | None:
    if file.modified >= wish.before:
        return "put since this began, or copied by an earlier run: scored anyway"
    if drop is None:
        return "the ledger lacks them: python -m ops enqueue sends them"
    if not drop.state.final:
        return "not final yet: they are scored anyway"
    if drop.state not in wish.states:
        return "in other states than asked for"
    if file.size > LARGEST_COPY:
        return "over 5 GiB: `aws s3 cp` onto itself, with --metadata-directive REPLACE, copies those"
    return None
