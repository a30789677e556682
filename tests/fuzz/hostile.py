"""Footers that lie, are absurd, or are made to overwhelm whoever reads them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from functools import cache

import pyarrow as pa

from tests.fuzz.case import EITHER, REFUSED, SCORED, Case, sensor, written
from tests.fuzz.footer import (
    CHILDREN,
    CHUNK,
    CHUNK_TYPE,
    CODEC,
    COLUMNS,
    COMPRESSED,
    DATA_OFFSET,
    ENCODINGS,
    FILE_OFFSET,
    FILE_PATH,
    GROUP_ROWS,
    KEY_VALUES,
    LENGTH,
    LOGICAL,
    NAME,
    PATH,
    REPETITION,
    ROW_GROUPS,
    ROWS,
    STATISTICS,
    TYPE,
    UNCOMPRESSED,
    VALUES,
    Parts,
    element,
    with_footer,
)
from tests.fuzz.thrift import BINARY, I32, LIST, STRUCT, Field, Raw, Sequence, write

_COLUMN_ORDERS = 7
_BIG = (-1, 0, 1, 99, 101, 2**31 - 1, 2**31, 2**40, 2**62, -(2**62))


def hostile() -> Iterator[Case]:
    for make in (_counts, _chunks, _schemas, _sizes, _arrow_schemas):
        for name, lie, *rest in make():
            yield Case(f"hostile-{name}", lambda lie=lie: _with(lie), *(rest or [EITHER]))
    yield Case("hostile-footer-of-70-mebibytes", _large_footer, REFUSED, "its footer has .* bytes, more than")
    yield Case("hostile-footer-of-lists-in-lists", lambda: with_footer(b"PAR1", b"\x19" * 500_000), REFUSED)
    yield Case(
        "hostile-footer-of-structs-in-structs", lambda: with_footer(b"PAR1", b"\x1c" * 500_000), REFUSED
    )


Lie = Callable[[Parts], object]


@cache
def _base() -> Parts:
    return Parts.of(written(sensor(), use_dictionary=False, row_group_size=60))


def _with(lie: Lie) -> bytes:
    parts = _base().copy()
    lie(parts)
    return parts.file()


def _set(fields, number, value) -> None:
    fields[number].value = value


def _counts() -> Iterator[tuple]:
    for value in _BIG:
        yield (
            f"rows-{value}",
            lambda p, v=value: _set(p.footer, ROWS, v),
            REFUSED,
            "footer says|MaxRowsPerDrop",
        )
        yield f"rows-of-a-group-{value}", lambda p, v=value: _set(p.groups.items[0], GROUP_ROWS, v), REFUSED

        def both(p: Parts, value: int = value) -> None:
            p.footer[ROWS].value = value
            p.groups.items[0][GROUP_ROWS].value = value - 40

        yield f"rows-of-both-{value}", both, EITHER if value == 99 else REFUSED
        yield f"values-{value}", lambda p, v=value: _set(p.chunk("x"), VALUES, v)
    yield "no-groups", lambda p: p.groups.items.clear(), REFUSED, "footer says 100 rows, but its 0 row groups"
    yield "a-group-too-many", lambda p: p.groups.items.append(p.groups.items[0]), REFUSED, "footer says"
    yield "a-column-too-few", lambda p: p.columns().pop(), REFUSED
    yield "a-column-too-many", lambda p: p.columns().append(p.columns()[0])
    yield "columns-in-another-order", lambda p: p.columns().reverse()
    yield "100000-groups", lambda p: _groups(p, 100_000), REFUSED, "its 100000 row groups have"
    yield "100000-empty-groups", lambda p: _groups(p, 100_000, rows=0), REFUSED
    yield "100000-groups-of-nothing", _groups_of_nothing
    yield "2000000-groups-of-nothing", lambda p: _groups_of_nothing(p, 2_000_000), REFUSED


def _chunks() -> Iterator[tuple]:
    fields = {"offset": DATA_OFFSET, "compressed": COMPRESSED, "unpacked": UNCOMPRESSED}
    for what, number in fields.items():
        for value in _BIG:
            yield f"{what}-{value}", lambda p, n=number, v=value: _set(p.chunk("x"), n, v)
    for value in (-1, 3, 5, 8, 99, 2**31 - 1):
        yield f"codec-{value}", lambda p, v=value: _set(p.chunk("x"), CODEC, v)
        yield f"type-of-chunk-{value}", lambda p, v=value: _set(p.chunk("x"), CHUNK_TYPE, v)
        yield f"encodings-{value}", lambda p, v=value: _set(p.chunk("x"), ENCODINGS, Sequence(I32, [v] * 3))
    yield "overlapping", lambda p: _set(p.chunk("x"), DATA_OFFSET, p.chunk("n")[DATA_OFFSET].value)
    yield "in-another-file", lambda p: p.columns()[1].update({FILE_PATH: Field(BINARY, b"/etc/passwd")})
    yield "file-offset", lambda p: _set(p.columns()[1], FILE_OFFSET, -(2**62))
    yield "path", lambda p: _set(p.chunk("x"), PATH, Sequence(BINARY, [b"y", b"z"]))
    yield (
        "statistics",
        lambda p: _set(p.chunk("x"), STATISTICS, {1: Field(BINARY, b"\xff"), 5: Field(BINARY, b"")}),
    )
    yield "no-chunk", lambda p: p.columns()[1].pop(CHUNK), REFUSED
    yield "no-columns", lambda p: _set(p.groups.items[0], COLUMNS, Sequence(STRUCT)), REFUSED


def _schemas() -> Iterator[tuple]:
    for value in (-1, 0, 3, 6, 2**31 - 1, -(2**31)):
        yield f"children-{value}", lambda p, v=value: _set(p.schema.items[0], CHILDREN, v), REFUSED
        yield (
            f"children-of-a-leaf-{value}",
            lambda p, v=value: p.element("y").update({CHILDREN: Field(I32, v)}),
        )
    for depth in (90, 10_000, 300_000, 900_000):
        yield f"nested-{depth}", lambda p, d=depth: _nest(p, d), REFUSED
    yield "2000000-elements", lambda p: _nest(p, 2_000_000), REFUSED, "Exceeded size limit"
    for value in (-1, 0, 3, 4, 6, 7, 8, 99):
        yield f"type-{value}", lambda p, v=value: _set(p.element("x"), TYPE, v)
        yield f"repetition-{value}", lambda p, v=value: _set(p.element("x"), REPETITION, v)
    yield "length", lambda p: p.element("x").update({TYPE: Field(I32, 7), LENGTH: Field(I32, 2**31 - 1)})
    yield "length-below-0", lambda p: p.element("x").update({TYPE: Field(I32, 7), LENGTH: Field(I32, -1)})
    for number in (1, 2, 3, 5, 7, 8, 10, 14, 15, 99):
        odd = {number: Field(STRUCT, {1: Field(I32, 2**31 - 1), 2: Field(I32, -1)})}
        yield f"logical-{number}", lambda p, odd=odd: p.element("x").update({LOGICAL: Field(STRUCT, odd)})
    yield "no-names", lambda p: [item.pop(NAME) for item in p.schema.items], REFUSED
    yield "names-not-utf8", lambda p: _set(p.element("k"), NAME, b"\xff\xfe\x00")
    yield "root-not-utf8", lambda p: _set(p.schema.items[0], NAME, b"\xff\xfe\x00")
    yield "the-same-names", lambda p: [_set(item, NAME, b"x") for item in p.schema.items], REFUSED
    yield "100000-columns-more", lambda p: _columns(p, 100_000), SCORED
    yield "schema-of-nothing", lambda p: p.schema.items.clear(), REFUSED


def _sizes() -> Iterator[tuple]:
    for size in (2**31 - 1, 2**28, 10_000_000):
        yield f"schema-said-to-have-{size}", lambda p, s=size: setattr(p.schema, "claimed", s), REFUSED
        yield f"groups-said-to-be-{size}", lambda p, s=size: setattr(p.groups, "claimed", s), REFUSED
        pairs = Sequence(STRUCT, [], size)
        yield (
            f"pairs-said-to-be-{size}",
            lambda p, q=pairs: p.footer.update({KEY_VALUES: Field(LIST, q)}),
            REFUSED,
        )
        name = Raw(b"\xff\xff\xff\xff\x07" + b"x" * 9)
        yield f"name-of-{size}", lambda p, n=name: _set(p.element("x"), NAME, n), REFUSED
    yield "30-mebibytes-of-metadata", lambda p: _pair(p, b"note", b"x" * 30 * 2**20), SCORED
    yield "metadata-not-utf8", lambda p: _pair(p, b"\xff\xfe", b"\xff\xfe\x00"), SCORED
    many = Sequence(STRUCT, [Raw(write({1: Field(BINARY, b"k"), 2: Field(BINARY, b"v")}))] * 500_000)
    yield "500000-pairs", lambda p: p.footer.update({KEY_VALUES: Field(LIST, many)}), SCORED


def _arrow_schemas() -> Iterator[tuple]:
    true = sensor().schema
    told = {
        "empty": b"",
        "garbage": b"not base64!",
        "garbage-in-base64": base64.b64encode(bytes(range(256))),
        "of-no-columns": _told(pa.schema([])),
        "of-other-types": _told(pa.schema([(name, pa.list_(pa.string())) for name in true.names])),
        "of-dictionaries": _told(pa.schema([(n, pa.dictionary(pa.int8(), pa.string())) for n in true.names])),
        "of-other-numbers": _told(pa.schema([(name, pa.float16()) for name in true.names])),
        "of-decimals": _told(pa.schema([(name, pa.decimal256(76, 3)) for name in true.names])),
        "of-views": _told(pa.schema([(name, pa.string_view()) for name in true.names])),
        "of-durations": _told(pa.schema([(name, pa.duration("ns")) for name in true.names])),
        "of-zones": _told(pa.schema([(name, pa.timestamp("ns", "Mars/Olympus")) for name in true.names])),
        "of-runs": _told(pa.schema([(n, pa.run_end_encoded(pa.int32(), pa.float64())) for n in true.names])),
        "of-extensions": _told(pa.schema([(name, pa.json_()) for name in true.names])),
        "nested": _told(_nested(60)),
        "nested-deep": _told(_nested(5_000)),
    }
    for name, value in told.items():
        yield f"arrow-schema-{name}", lambda p, v=value: _pair(p, b"ARROW:schema", v)
    for place in range(0, 400, 37):
        damaged = bytearray(base64.b64decode(_told(true)))
        damaged[place : place + 4] = b"\xff\xff\xff\x7f"
        coded = base64.b64encode(bytes(damaged))
        yield f"arrow-schema-damaged-at-{place}", lambda p, v=coded: _pair(p, b"ARROW:schema", v)


def _told(schema: pa.Schema) -> bytes:
    return base64.b64encode(schema.serialize().to_pybytes())


def _nested(depth: int) -> pa.Schema:
    kind = pa.int64()
    for _ in range(depth):
        kind = pa.list_(kind)
    return pa.schema([("x", kind)])


def _pair(parts: Parts, name: bytes, value: bytes) -> None:
    pair = {1: Field(BINARY, name), 2: Field(BINARY, value)}
    parts.footer[KEY_VALUES] = Field(LIST, Sequence(STRUCT, [pair]))


def _groups(parts: Parts, count: int, rows: int | None = None) -> None:
    """So many times the first row group."""
    group = parts.groups.items[0]
    if rows is not None:
        group[GROUP_ROWS].value = rows
    parts.footer[ROW_GROUPS] = Field(LIST, Sequence(STRUCT, [Raw(write(group))] * count))


def _groups_of_nothing(parts: Parts, count: int = 100_000) -> None:
    nothing = {COLUMNS: Field(LIST, Sequence(STRUCT)), 2: Field(6, 0), GROUP_ROWS: Field(6, 0)}
    parts.groups.items += [Raw(write(nothing))] * count


def _nest(parts: Parts, depth: int) -> None:
    """One more column, so deep."""
    parts.schema.items += [Raw(write(element("d", repetition=1, children=1)))] * depth
    parts.schema.items.append(element("leaf", type=1, repetition=1))
    parts.schema.items[0][CHILDREN].value += 1


def _columns(parts: Parts, count: int) -> None:
    """So many columns more, which are all the first one."""
    names = [f"c{number}" for number in range(count)]
    parts.footer.pop(_COLUMN_ORDERS, None)
    for group in range(len(parts.groups.items)):
        columns = parts.columns(group)
        chunk = columns[1][CHUNK].value
        for name in names:
            path = Field(LIST, Sequence(BINARY, [name.encode()]))
            columns.append({FILE_OFFSET: Field(6, 0), CHUNK: Field(STRUCT, {**chunk, PATH: path})})
    parts.schema.items += [element(name, type=5, repetition=1) for name in names]
    parts.schema.items[0][CHILDREN].value += count


def _large_footer() -> bytes:
    parts = _base().copy()
    _pair(parts, b"note", b"x" * 70 * 2**20)
    return parts.file()
