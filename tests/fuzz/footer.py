"""A Parquet file taken apart into its data and its footer, and put together again, however wrong.

The numbers of fields are those of parquet.thrift
(https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tests.fuzz.thrift import BINARY, I32, Field, Reader, Sequence, Struct, write

MAGIC = b"PAR1"

SCHEMA, ROWS, ROW_GROUPS, KEY_VALUES = 2, 3, 4, 5
"""Of FileMetaData."""
TYPE, LENGTH, REPETITION, NAME, CHILDREN, CONVERTED, SCALE, PRECISION, LOGICAL = 1, 2, 3, 4, 5, 6, 7, 8, 10
"""Of SchemaElement."""
COLUMNS, TOTAL_BYTES, GROUP_ROWS = 1, 2, 3
"""Of RowGroup."""
FILE_PATH, FILE_OFFSET, CHUNK = 1, 2, 3
"""Of ColumnChunk."""
CHUNK_TYPE, ENCODINGS, PATH, CODEC, VALUES, UNCOMPRESSED, COMPRESSED = 1, 2, 3, 4, 5, 6, 7
DATA_OFFSET, INDEX_OFFSET, DICTIONARY_OFFSET, STATISTICS = 9, 10, 11, 12
"""Of ColumnMetaData."""


@dataclass
class Parts:
    """A file's bytes before its footer, and the footer."""

    data: bytes
    footer: Struct

    @classmethod
    def of(cls, file: bytes) -> Parts:
        size = int.from_bytes(file[-8:-4], "little")
        return cls(file[: -8 - size], Reader(file[-8 - size : -8]).struct())

    def copy(self) -> Parts:
        return Parts(self.data, deepcopy(self.footer))

    def file(self) -> bytes:
        """The file, its footer written anew."""
        return with_footer(self.data, write(self.footer))

    @property
    def schema(self) -> Sequence:
        return self.footer[SCHEMA].value

    @property
    def groups(self) -> Sequence:
        return self.footer[ROW_GROUPS].value

    def columns(self, group: int = 0) -> list[Struct]:
        return self.groups.items[group][COLUMNS].value.items

    def chunk(self, name: str, group: int = 0) -> Struct:
        """The metadata of a top-level column's chunk."""
        chunks = (column[CHUNK].value for column in self.columns(group))
        return next(chunk for chunk in chunks if chunk[PATH].value.items == [name.encode()])

    def element(self, name: str) -> Struct:
        """The schema's element of that name."""
        return next(element for element in self.schema.items if element[NAME].value == name.encode())


def with_footer(data: bytes, footer: bytes) -> bytes:
    """A file of data and the bytes of a footer."""
    return data + footer + len(footer).to_bytes(4, "little") + MAGIC


def change(fields: Struct, number: int, value: Any) -> None:
    """Give a field that is there another value."""
    fields[number].value = value


def element(name: str, **fields: int) -> Struct:
    """A schema element: `type`, `repetition`, `children`, `converted`."""
    numbers = {"type": TYPE, "repetition": REPETITION, "children": CHILDREN, "converted": CONVERTED}
    made = {NAME: Field(BINARY, name.encode())}
    return made | {numbers[which]: Field(I32, value) for which, value in fields.items()}
