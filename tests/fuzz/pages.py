"""Column chunks made by hand, page by page: the place for bombs."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from tests.fuzz.footer import (
    CHUNK,
    CHUNK_TYPE,
    CODEC,
    COMPRESSED,
    DATA_OFFSET,
    DICTIONARY_OFFSET,
    ENCODINGS,
    PATH,
    UNCOMPRESSED,
    VALUES,
    Parts,
)
from tests.fuzz.thrift import I32, I64, STRUCT, Field, Struct, write

PLAIN, RLE, DELTA_BINARY, DELTA_LENGTH, DELTA_BYTES, RLE_DICTIONARY = 0, 3, 5, 6, 7, 8
CODECS = {"none": 0, "snappy": 1, "gzip": 2, "brotli": 4, "zstd": 6}
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2


@dataclass(frozen=True)
class Page:
    """A page's values; `body` is compressed already, `size` what its header says that it unpacks to."""

    body: bytes
    size: int
    values: int
    encoding: int = PLAIN
    dictionary: bool = False

    def written(self) -> bytes:
        details = {1: Field(I32, self.values), 2: Field(I32, self.encoding)}
        if not self.dictionary:
            details |= {3: Field(I32, RLE), 4: Field(I32, RLE)}
        header: Struct = {
            1: Field(I32, _DICTIONARY_PAGE if self.dictionary else _DATA_PAGE),
            2: Field(I32, self.size),
            3: Field(I32, len(self.body)),
            7 if self.dictionary else 5: Field(STRUCT, details),
        }
        return write(header) + self.body


def with_column(parts: Parts, name: str, pages: list[Page], codec: str, unpacked: int | None = None) -> None:
    """Give a column's only chunk these pages; `unpacked` is what the footer says that they take."""
    start = len(parts.data)
    chunk = parts.chunk(name)
    offsets = {}
    data = b""
    for page in pages:
        offsets.setdefault(DICTIONARY_OFFSET if page.dictionary else DATA_OFFSET, start + len(data))
        data += page.written()
    parts.data += data
    kept = {number: chunk[number] for number in (CHUNK_TYPE, ENCODINGS, PATH)}
    unpacked = sum(page.size for page in pages) if unpacked is None else unpacked
    values = sum(page.values for page in pages if not page.dictionary)
    chunk.clear()
    chunk |= kept | {CODEC: Field(I32, CODECS[codec])}
    numbers = {VALUES: values, UNCOMPRESSED: unpacked, COMPRESSED: len(data), **offsets}
    chunk |= {number: Field(I64, value) for number, value in numbers.items()}
    for column in parts.columns():
        if column[CHUNK].value is chunk:
            for number in (4, 5, 6, 7):  # where its indexes were
                column.pop(number, None)


def run(value: int, length: int, width: int = 1) -> bytes:
    """So many times one value, as a run of the RLE encoding."""
    head, data = length << 1, bytearray()
    while head > 127:
        data.append(head & 127 | 128)
        head >>= 7
    return bytes(data) + bytes([head]) + value.to_bytes((width + 7) // 8, "little")


def levels(length: int, *, there: bool = True) -> bytes:
    """The definition levels of so many values that are there, or null."""
    data = run(int(there), length)
    return len(data).to_bytes(4, "little") + data


def packed(codec: str, head: bytes, zeros: int) -> bytes:
    """`head` and so many zeros, compressed."""
    if codec == "zstd":  # frames may follow each other
        block = 2**24
        pack = pa.Codec("zstd").compress
        whole, rest = divmod(zeros, block)
        return (
            _packed("zstd", head) + pack(bytes(block), asbytes=True) * whole + pack(bytes(rest), asbytes=True)
        )
    return _packed(codec, head + bytes(zeros))


def _packed(codec: str, data: bytes) -> bytes:
    return data if codec == "none" else pa.Codec(codec).compress(data, asbytes=True)
