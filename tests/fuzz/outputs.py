"""What a job may put out instead of predictions; the shard has the rows 0 to 99."""

from __future__ import annotations

from collections.abc import Callable, Iterator

ROWS = 100
GOOD = b"".join(b"%d,%d.5\n" % (row, row) for row in range(ROWS))

Output = tuple[str, Callable[[], bytes], int | None]
"""A name, the bytes, and how many rows are scored of it: None for a refusal, `EITHER` for that or all."""

EITHER = -1


def outputs() -> Iterator[Output]:
    yield "good", lambda: GOOD, ROWS
    yield "64-mebibytes", lambda: bytes(2**26), None
    yield "zeros", lambda: bytes(20_000), None
    yield "no-newline", lambda: GOOD.replace(b"\n", b" "), None
    yield "one-long-number", lambda: b"1" * 20_000, None
    yield "newlines", lambda: b"\n" * 20_000, None
    yield "commas", lambda: b"," * 20_000, None
    yield "quotes", lambda: b'"' * 20_000, None
    yield "not-utf8", lambda: GOOD.replace(b"7,", b"\xff\xfe,"), None
    yield "utf16", lambda: GOOD.decode().encode("utf-16"), None
    yield "with-a-mark", lambda: b"\xef\xbb\xbf" + GOOD, ROWS
    yield "with-zeros", lambda: GOOD.replace(b"7,", b"7\0,"), None
    yield "gzip", lambda: b"\x1f\x8b\x08" + bytes(range(256)) * 9, None
    yield "parquet", lambda: b"PAR1" + bytes(1000) + b"PAR1", None
    yield "json", lambda: b'{"predictions": [1, 2]}\n' * 20, None
    yield "three-columns", lambda: GOOD.replace(b"\n", b",1\n"), None
    yield "rows-twice", lambda: GOOD + GOOD, None
    yield "one-row-twice", lambda: GOOD + b"5,1.0\n", None
    yield "a-row-too-few", lambda: GOOD[4:], None
    yield "rows-below-0", lambda: b"".join(b"-%d,1\n" % row for row in range(ROWS)), None
    yield "rows-of-20-digits", lambda: GOOD.replace(b"99,", b"99999999999999999999,"), None
    yield "rows-as-floats", lambda: GOOD.replace(b",", b".0,"), None
    yield "a-word", lambda: GOOD.replace(b"42.5", b"forty"), None
    yield "a-list", lambda: GOOD.replace(b"42.5", b"[42.5]"), None
    for number in (b"1e999", b"-1e999", b"nan", b"-nan", b"inf", b"NaN", b"Infinity"):
        yield f"a-row-of-{number.decode()}", lambda n=number: GOOD.replace(b"42,42.5", b"42," + n), ROWS - 1
    for number in (
        b"1e-999",
        b"0x1p3",
        b"1_000",
        b"1,5",
        b"",
        b" 1.5",
        b"1.5 ",
        b"1d3",
        b"true",
        b"9" * 5000,
    ):
        yield f"a-row-of-{number[:9].decode()!r}", lambda n=number: GOOD.replace(b"42,42.5", b"42," + n), -1
