"""Thrift's compact protocol, read into plain values and written back, so that any of them can be made a lie.

A struct is a dict of field number to `Field`; a list is a `Sequence`; the numbers of types are the protocol's
(https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, _, STRUCT = range(1, 13)
_LONG = 15


@dataclass
class Field:
    """A field of a struct: its type and value."""

    kind: int
    value: Any


@dataclass
class Sequence:
    """A list; `claimed` is the length that is written, whatever the true one."""

    kind: int
    items: list[Any] = field(default_factory=list)
    claimed: int | None = None


Struct = dict[int, Field]


@dataclass
class Raw:
    """Bytes that are written as they are, in place of a value."""

    data: bytes


class Reader:
    """Reads values from `data`."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    def struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while head := self._byte():
            kind, step = head & 15, head >> 4
            number = number + step if step else self._signed()
            fields[number] = Field(kind, kind == TRUE if kind in (TRUE, FALSE) else self._value(kind))
        return fields

    def _value(self, kind: int) -> Any:
        match kind:
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._signed()
            case 7:
                return struct.unpack("<d", self._take(8))[0]
            case 8:
                return self._take(self._varint())
            case 9 | 10:
                return self._sequence()
            case 12:
                return self.struct()
        raise ValueError(f"type {kind} at {self.position}")

    def _sequence(self) -> Sequence:
        head = self._byte()
        kind, size = head & 15, head >> 4
        size = self._varint() if size == _LONG else size
        if kind in (TRUE, FALSE):
            return Sequence(kind, [self._byte() == TRUE for _ in range(size)])
        return Sequence(kind, [self._value(kind) for _ in range(size)])

    def _signed(self) -> int:
        number = self._varint()
        return number >> 1 ^ -(number & 1)

    def _varint(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    def _byte(self) -> int:
        self.position += 1
        return self.data[self.position - 1]

    def _take(self, size: int) -> bytes:
        self.position += size
        return self.data[self.position - size : self.position]


def write(fields: Struct) -> bytes:
    """A struct's bytes."""
    data = bytearray()
    last = 0
    for number, entry in sorted(fields.items()):
        kind = (TRUE if entry.value else FALSE) if entry.kind in (TRUE, FALSE) else entry.kind
        step = number - last
        data += bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + _signed(number)
        if kind not in (TRUE, FALSE):
            data += _written(kind, entry.value)
        last = number
    return bytes(data) + b"\0"


def _written(kind: int, value: Any) -> bytes:
    if isinstance(value, Raw):
        return value.data
    if kind in (LIST, SET):
        size = len(value.items) if value.claimed is None else value.claimed
        short = 0 <= size < _LONG
        head = bytes([size << 4 | value.kind]) if short else bytes([_LONG << 4 | value.kind]) + _varint(size)
        return head + b"".join(_written(value.kind, item) for item in value.items)
    return write(value) if kind == STRUCT else _written_plain(kind, value)


def _written_plain(kind: int, value: Any) -> bytes:
    match kind:
        case 1 | 2:  # only in lists
            return bytes([TRUE if value else FALSE])
        case 3:
            return bytes([value])
        case 7:
            return struct.pack("<d", value)
        case 8:
            return _varint(len(value)) + value
    return _signed(value)


def _signed(number: int) -> bytes:
    return _varint((number << 1 ^ number >> 63) & 0xFFFFFFFFFFFFFFFF)


def _varint(number: int) -> bytes:
    number &= 0xFFFFFFFFFFFFFFFF
    data = bytearray()
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    return bytes(data) + bytes([number])
