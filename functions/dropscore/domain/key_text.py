"""Key columns as text: one text per value whatever its type, and valid UTF-8 always."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

NOT_UTF8 = "is not UTF-8 text"
"""What is wrong with a row whose key is bytes that are no text."""

KEY_TYPES = "text, a number, boolean, date, timestamp or UUID"
"""The types that a key column may have, for a message; `is_key` tells."""

_INT64_END = 2.0**63
_UUID_PARTS = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
"""Where the hex digits of a UUID are parted by hyphens (RFC 9562, section 4)."""


def is_key(kind: pa.DataType) -> bool:
    """Whether a column of this type (without its dictionary) can be a key.

    Text is STRING, ENUM, JSON and binary without an annotation (Parquet's LogicalTypes.md): many writers
    leave the annotation out.
    """
    is_number = pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind) or pt.is_boolean(kind)
    return bool(is_number or pt.is_date(kind) or pt.is_timestamp(kind) or _is_uuid(kind) or _is_text(kind))


@dataclass(frozen=True)
class KeyTexts:
    """A key column as text.

    Attributes
    ----------
    texts
        string, shape (n,), valid UTF-8; null where the value is, and where it is unfit.
    unfit
        boolean, shape (n,): the values that have no text; None when there is none, as nearly always.
    reason
        What is wrong with those.
    """

    texts: pa.Array
    unfit: pa.Array | None = None
    reason: str = ""


def key_text(column: pa.Array) -> KeyTexts:
    """The text of every value.

    Numbers are plain decimals, without an exponent, zeros at the end of a fraction or the sign of a zero: 1
    is `1` as an integer, a decimal and a float. Whole floats have all their digits, others the fewest that
    say which float it is. Timestamps are ISO 8601, without zeros at the end of a fraction; zoned ones are in
    UTC and end in Z. UUIDs have hyphens and lower-case digits. Unfit are bytes that are not UTF-8, and dates
    beyond Arrow's calendar.

    Parameters
    ----------
    column
        Shape (n,), of a type that `is_key` takes or of nulls only, without a dictionary.
    """
    kind = column.type
    if _is_text(kind):
        return _checked(column)
    if pt.is_timestamp(kind) or pt.is_date(kind):
        return _dated(_timestamps(column) if pt.is_timestamp(kind) else column.cast(pa.string()))
    if _is_uuid(kind):
        return KeyTexts(_uuids(column.storage))
    if pt.is_decimal(kind):
        return KeyTexts(_decimals(column))
    return KeyTexts(_floats(column) if pt.is_floating(kind) else column.cast(pa.string()))


def not_utf8(column: pa.ChunkedArray) -> pa.Array | None:
    """Which strings of a column, possibly a dictionary-encoded one, are not UTF-8; None when none is."""
    found = [_unfit(chunk) for chunk in column.chunks]
    if all(unfit is None for unfit in found):
        return None
    chunks = zip(found, column.chunks, strict=True)
    return pa.concat_arrays(
        [pa.repeat(False, len(chunk)) if unfit is None else unfit for unfit, chunk in chunks]  # noqa: FBT003
    )


def readable_text(column: pa.Array) -> list[str | None]:
    """The values of a column of strings, some of which may not be UTF-8: U+FFFD stands for such bytes."""
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:  # written by an earlier version, which did not look
        found = _bytes(column).to_pylist()
        return [None if value is None else value.decode(errors="replace") for value in found]


def _is_uuid(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.UuidType)


def _is_text(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.JsonType):
        return True
    is_string = pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind)
    return bool(is_string or pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind))


def _bytes(column: pa.Array) -> pa.Array:
    """A column of text as bytes; of strings nothing is copied."""
    return (column.storage if isinstance(column.type, pa.JsonType) else column).cast(pa.binary())


def _checked(column: pa.Array) -> KeyTexts:
    """Text that is UTF-8. Arrow takes what a file calls so as it stands: a cast from binary looks at it."""
    found = _bytes(column)
    try:
        return KeyTexts(found.cast(pa.string()))
    except pa.ArrowInvalid:
        unfit = pa.array([value is not None and not _is_utf8(value) for value in found.to_pylist()])
        texts = pc.if_else(unfit, pa.scalar(None, pa.binary()), found).cast(pa.string())
        return KeyTexts(texts, unfit, NOT_UTF8)


def _dated(texts: pa.Array) -> KeyTexts:
    """Texts of dates; Arrow writes `<value out of range: …>` beyond its calendar (date.h, `year::max`)."""
    unfit = pc.starts_with(texts, "<").fill_null(fill_value=False)
    if not unfit.true_count:
        return KeyTexts(texts)
    found = pc.if_else(unfit, pa.scalar(None, pa.string()), texts)
    return KeyTexts(found, unfit, "is outside the years -32767 to 32767")


def _unfit(column: pa.Array) -> pa.Array | None:
    if not pt.is_dictionary(column.type):
        return _checked(column).unfit
    unfit = _checked(column.dictionary).unfit
    return None if unfit is None else unfit.take(column.indices)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _uuids(raw: pa.FixedSizeBinaryArray) -> pa.Array:
    size = raw.type.byte_width
    data = raw.buffers()[1]
    digits = bytes(data[raw.offset * size : (raw.offset + len(raw)) * size]).hex() if data else ""
    hexed = pa.Array.from_buffers(pa.binary(2 * size), len(raw), [None, pa.py_buffer(digits.encode())])
    texts = hexed.cast(pa.string())
    parts = [pc.utf8_slice_codeunits(texts, first, end) for first, end in _UUID_PARTS]
    return pc.if_else(raw.is_valid(), pc.binary_join_element_wise(*parts, "-"), pa.scalar(None, pa.string()))


def _timestamps(column: pa.Array) -> pa.Array:
    kind = column.type
    texts = column.cast(pa.int64()).cast(pa.timestamp(kind.unit)).cast(pa.string())
    if kind.unit != "s":
        texts = pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), ".")
    texts = pc.replace_substring(texts, " ", "T")
    return texts if kind.tz is None else pc.binary_join_element_wise(texts, "Z", "")


def _decimals(column: pa.Array) -> pa.Array:
    texts = column.cast(pa.string())
    if column.type.scale > 0:
        trimmed = pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), ".")
        texts = pc.if_else(pc.match_substring(texts, "E"), texts, trimmed)
    return _replaced(texts, pc.match_substring(texts, "E"), texts, _without_exponent)


def _floats(column: pa.Array) -> pa.Array:
    texts, values = column.cast(pa.string()), column.cast(pa.float64())
    is_small = pc.less(pc.abs(values), _INT64_END)
    is_whole = pc.and_(is_small, pc.equal(pc.trunc(values), values)).fill_null(fill_value=False)
    whole = pc.if_else(is_whole, values, 0.0).cast(pa.int64()).cast(pa.string())
    texts = pc.if_else(is_whole, whole, texts)
    is_large = pc.and_(pc.invert(is_small), pc.is_finite(values))
    texts = _replaced(texts, is_large, values, lambda value: str(int(value)))
    return _replaced(texts, pc.match_substring(texts, "e"), texts, _without_exponent)


def _replaced(texts: pa.Array, mask: pa.Array, values: pa.Array, text: Callable[..., str]) -> pa.Array:
    """The texts, some of them replaced by what `text` makes of a value, once for each that differs."""
    mask = mask.fill_null(fill_value=False)
    if not mask.true_count:
        return texts
    found = values.filter(mask).dictionary_encode()
    made = pa.array([text(value) for value in found.dictionary.to_pylist()], pa.string())
    return pc.replace_with_mask(texts, mask, made.take(found.indices))


def _without_exponent(text: str) -> str:
    plain = f"{Decimal(text):f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain == "-0" else plain
