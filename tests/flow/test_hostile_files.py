"""The nastiest files among good ones, through the real template: the good are scored, and none circles."""

from __future__ import annotations

from collections.abc import Callable

from tests.flow.flow import Flow, parquet
from tests.fuzz.footer import CHILDREN, REPETITION, TOTAL_BYTES, Parts, element
from tests.fuzz.pages import Page, levels, packed, with_column
from tests.fuzz.thrift import Raw, write

ROWS = 100


def killer() -> bytes:
    """A column's footer entry contradicts the schema: pyarrow ends the process that looks at its size."""
    parts = Parts.of(parquet(ROWS))
    parts.element("ts")[REPETITION].value = 99
    parts.groups.items[0][TOTAL_BYTES].value = 2**40
    return parts.file()


def bomb(size: int, unpacked: int) -> bytes:
    """Timestamps that unpack to `size` bytes, of which the footer says that they are `unpacked`."""
    parts = Parts.of(parquet(ROWS))
    head = levels(ROWS)
    body = packed("zstd", head, size - len(head))
    with_column(parts, "ts", [Page(body, size, ROWS)], "zstd", unpacked)
    parts.groups.items[0][TOTAL_BYTES].value = unpacked
    return parts.file()


def nested() -> bytes:
    """A column in 50,000 others."""
    parts = Parts.of(parquet(ROWS))
    parts.schema.items += [Raw(write(element("d", repetition=1, children=1)))] * 50_000
    parts.schema.items.append(element("leaf", type=1, repetition=1))
    parts.schema.items[0][CHILDREN].value += 1
    return parts.file()


NASTY: dict[str, tuple[Callable[[], bytes], str]] = {
    "killer": (killer, "the reader died 3 times over it (SIGABRT)"),
    "bomb-told": (lambda: bomb(2**30, 2**30), "unpack to 1073"),
    "bomb-denied": (lambda: bomb(2**31 - 1, 900), "needs more than the 1513 MiB of memory that there are"),
    "nested": (nested, "too deeply nested"),
    "truncated": (lambda: parquet(5000)[:-100], "not a readable Parquet file"),
}


def test_files_made_to_do_harm_are_rejected_and_the_good_ones_of_their_batch_are_scored(flow: Flow) -> None:
    files = {name: make() for name, (make, _) in NASTY.items()}
    assert all(len(file) < 2**20 for file in files.values())

    bad, good = [], []
    for name, file in files.items():
        bad.append(flow.put(f"hostile/{name}.parquet", file))
        good.append(flow.put(f"hostile/after-{name}.parquet", parquet(ROWS)))
    drops = flow.wait(*bad, *good)

    rejected, scored = drops[: len(bad)], drops[len(bad) :]
    for drop, (_, reason) in zip(rejected, NASTY.values(), strict=True):
        assert (drop.state, reason in str(drop.reason)) == ("REJECTED", True), drop
        assert (drop.attempt, drop.crashes) == (1, 0)
    assert [(drop.state, drop.rows_scored, drop.attempt) for drop in scored] == [("SCORED", ROWS, 1)] * len(
        good
    )
