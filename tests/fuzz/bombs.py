"""Small files that unpack to far more than a function has."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz.case import EITHER, REFUSED, SCORED, Case, sensor, written
from tests.fuzz.footer import GROUP_ROWS, ROWS, TOTAL_BYTES, Parts
from tests.fuzz.pages import (
    DELTA_BINARY,
    DELTA_BYTES,
    DELTA_LENGTH,
    RLE_DICTIONARY,
    Page,
    levels,
    packed,
    run,
    with_column,
)

GIB = 2**30
_LEVELS = levels(100)


def bombs() -> Iterator[Case]:
    for codec in ("zstd", "gzip", "brotli", "snappy"):
        size = GIB if codec == "zstd" else GIB // 4  # the others take long to make
        yield _case(
            f"{codec}-told",
            _page("x", codec, size),
            REFUSED,
            "unpack to .* bytes, more than the 67108864 that",
        )
        yield _case(f"{codec}-denied", _page("x", codec, size, unpacked=900))
    yield _case(
        "largest-page", _page("x", "zstd", 2**31 - 1, unpacked=900), REFUSED, "more than the .* MiB of memory"
    )
    yield _case("not-needed", _page("unused", "zstd", 2**31 - 1), SCORED)
    yield _case(
        "said-by-the-page-only", lambda: _x(Page(b"\x28\xb5\x2f\xfd", 2**31 - 1, 100), "zstd", 900), REFUSED
    )
    for mebibytes in (1, 60):
        yield _case(f"dictionary-of-one-long-key-{mebibytes}", lambda m=mebibytes: _long_key(m * 2**20))
    yield _case("dictionary-of-many", lambda: _x(Page(bytes(64), 64, 2**31 - 1, dictionary=True), "none"))
    yield _case("run-of-nulls", lambda: _x(Page(levels(2**31 - 1, there=False), 10, 2**31 - 1), "none"))
    yield _case("levels-of-more", lambda: _x(Page(levels(2**31 - 1) + bytes(800), 810, 100), "none"))
    for encoding in (DELTA_BINARY, DELTA_LENGTH, DELTA_BYTES):
        body = _LEVELS + b"\xff\xff\xff\xff\x0f\x01\xff\xff\xff\xff\x0f\x00" + bytes(64)
        yield _case(
            f"delta-{encoding}-of-billions", lambda e=encoding, b=body: _x(Page(b, len(b), 100, e), "none")
        )
    yield _case("runs-of-a-million-rows", lambda: runs(1_000_000), SCORED)
    yield _case(
        "runs-over-the-limit", lambda: runs(20_000_001), REFUSED, "20000001 rows, more than the 20000000"
    )
    yield _case("runs-of-billions", lambda: runs(2**31 - 1, 10_000_000_000), REFUSED, "rows")
    yield _case("runs-of-billions-told-as-100", lambda: runs(2**31 - 1, 100))
    yield _case("runs-of-100-told-as-millions", lambda: runs(100, 19_000_000), REFUSED, "rows")


def _case(name, make, expected=EITHER, reason="") -> Case:
    return Case(f"bomb-{name}", make, expected, reason, plain=False)


def _file() -> Parts:
    return Parts.of(written(sensor(unused=range(100)), use_dictionary=False))


def _page(name: str, codec: str, size: int, unpacked: int | None = None):
    """One page of zeros in the column."""

    def make() -> bytes:
        parts = _file()
        body = packed(codec, _LEVELS, size - len(_LEVELS))
        with_column(parts, name, [Page(body, size, 100)], codec, unpacked)
        parts.groups.items[0][TOTAL_BYTES].value = size if unpacked is None else unpacked
        return parts.file()

    return make


def _x(page: Page, codec: str, unpacked: int | None = None) -> bytes:
    parts = _file()
    pages = [page]
    if page.dictionary:
        pages.append(Page(_LEVELS + b"\x08" + run(255, 100, 8), len(_LEVELS) + 4, 100, RLE_DICTIONARY))
    with_column(parts, "x", pages, codec, unpacked)
    return parts.file()


def _long_key(size: int) -> bytes:
    """A hundred rows with one and the same key of so many bytes."""
    parts = _file()
    dictionary = packed("zstd", size.to_bytes(4, "little"), size)
    index = _LEVELS + b"\x01" + run(0, 100)
    pages = [
        Page(dictionary, size + 4, 1, dictionary=True),
        Page(packed("zstd", index, 0), len(index), 100, RLE_DICTIONARY),
    ]
    with_column(parts, "k", pages, "zstd")
    return parts.file()


def runs(rows: int, told: int | None = None) -> bytes:
    """Rows that are all the same: a few bytes a column, however many; `told` is what the footer says."""
    parts = Parts.of(written(sensor(1), use_dictionary=False))
    values = {"t": bytes(8), "x": bytes(8), "n": bytes(8), "y": bytes(8), "k": b"\x01\0\0\0d"}
    index = levels(rows) + b"\x01" + run(0, rows)
    for name, value in values.items():
        dictionary = Page(value, len(value), 1, dictionary=True)
        with_column(parts, name, [dictionary, Page(index, len(index), rows, RLE_DICTIONARY)], "none")
    told = rows if told is None else told
    parts.footer[ROWS].value = parts.groups.items[0][GROUP_ROWS].value = told
    return parts.file()
