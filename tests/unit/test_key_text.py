"""Keys as text: one text per value whatever its type, and valid UTF-8 always."""

from __future__ import annotations

import io
import math
from datetime import date
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropscore.domain.key_text import is_key, key_text, not_utf8, readable_text
from tests.unit.builders import parquet

INT64 = st.integers(-(2**63), 2**63 - 1)


def text_of(value, kind):
    (text,) = key_text(pa.array([value], kind)).texts.to_pylist()
    return text


@given(INT64)
def test_an_integer_has_one_text_in_all_number_types(number):
    kinds = [pa.decimal128(38, 10), pa.decimal256(76, 20), pa.decimal128(19)]
    assert {text_of(Decimal(number), kind) for kind in kinds} == {str(number)}
    assert text_of(float(number), pa.float64()) == str(int(float(number)))
    assert text_of(float(number % 2**24), pa.float32()) == str(number % 2**24)


@given(st.decimals(-(10**15), 10**15, places=10))
def test_a_fraction_has_one_text_in_all_scales_and_no_exponent(number):
    texts = {text_of(number, pa.decimal128(38, scale)) for scale in (10, 15, 20)}
    (text,) = texts
    assert Decimal(text) == number
    assert "E" not in text
    assert "." not in text or not text.endswith(("0", "."))
    assert text != "-0"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_written_so_that_it_is_read_back_without_an_exponent(number):
    text = text_of(number, pa.float64())
    assert float(text) == number
    assert set(text) <= set("-.0123456789")
    assert text != "-0"


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0.0, pa.float64(), "0"),
        (-0.0, pa.float32(), "0"),
        (1.0, pa.float16(), "1"),
        (0.1, pa.float32(), "0.1"),
        (1e15, pa.float64(), "1000000000000000"),
        (1e22, pa.float64(), "1" + "0" * 22),
        (1e-7, pa.float64(), "0.0000001"),
        (-2.5e-10, pa.float64(), "-0.00000000025"),
        (math.nan, pa.float64(), "nan"),
        (-math.inf, pa.float64(), "-inf"),
        (Decimal("0E-10"), pa.decimal128(38, 10), "0"),
        (Decimal("1.0000000000"), pa.decimal128(38, 10), "1"),
        (Decimal("1E-10"), pa.decimal128(38, 10), "0.0000000001"),
        (Decimal(1200), pa.decimal128(5, -2), "1200"),
        (Decimal("-2.10"), pa.decimal32(5, 2), "-2.1"),
        (2**64 - 1, pa.uint64(), "18446744073709551615"),
        (True, pa.bool_(), "true"),
        (date(2026, 3, 1), pa.date32(), "2026-03-01"),
        (date(9999, 12, 31), pa.date64(), "9999-12-31"),
        (UUID(int=1), pa.uuid(), "00000000-0000-0000-0000-000000000001"),
        ('{"a":1}', pa.json_(), '{"a":1}'),
        (b"RED", pa.binary(), "RED"),
        ("é\0", pa.string_view(), "é\0"),
        (b"", pa.large_binary(), ""),
        (None, pa.null(), None),
    ],
)
def test_the_text_of_a_value(value, kind, text):
    assert text_of(value, kind) == text


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize(("zone", "end"), [(None, ""), ("UTC", "Z"), ("Asia/Tokyo", "Z"), ("+01:00", "Z")])
def test_an_instant_has_one_text_in_all_units_and_zones(unit, zone, end):
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    column = pa.array([0, 100 * ticks, -ticks, None], pa.timestamp(unit, zone))
    found = ["1970-01-01T00:00:00", "1970-01-01T00:01:40", "1969-12-31T23:59:59"]
    assert key_text(column).texts.to_pylist() == [*(text + end for text in found), None]


def test_a_fraction_of_a_second_has_no_zeros_at_its_end():
    assert text_of(1_500_000, pa.timestamp("us")) == "1970-01-01T00:00:01.5"
    assert text_of(1_000_000_001, pa.timestamp("ns")) == "1970-01-01T00:00:01.000000001"


@pytest.mark.parametrize(
    "column",
    [
        pa.array([0, 2**62], pa.timestamp("s")),
        pa.array([0, 10**8], pa.date32()),
    ],
)
def test_a_date_beyond_the_calendar_has_no_text(column):
    found = key_text(column)
    assert found.texts.to_pylist()[1] is None
    assert (found.unfit.to_pylist(), found.reason) == ([False, True], "is outside the years -32767 to 32767")


STORED = (pa.binary(), pa.large_binary(), pa.binary_view())
CALLED = (pa.string(), pa.large_string(), pa.string_view())


def as_called(values, number):
    """Bytes as a file has them that calls them text."""
    return pa.array(values, STORED[number]).view(CALLED[number])


@given(st.lists(st.none() | st.binary(max_size=6)), st.sampled_from(range(3)))
def test_bytes_are_text_where_python_reads_them_as_utf8(values, number):
    def read(value):
        try:
            return None if value is None else value.decode()
        except UnicodeDecodeError:
            return None

    texts = [read(value) for value in values]
    unfit = [value is not None and text is None for value, text in zip(values, texts, strict=True)]
    for column in (as_called(values, number), pa.array(values, STORED[number])):
        found = key_text(column)
        assert found.texts.to_pylist() == texts
        found.texts.validate(full=True)
        assert (found.unfit.to_pylist() if found.unfit is not None else [False] * len(values)) == unfit


def test_json_is_checked_too():
    column = pa.ExtensionArray.from_storage(pa.json_(), as_called([b'"\xe9"', b'"e"'], 0))
    assert key_text(column).texts.to_pylist() == [None, '"e"']


def test_uuids_of_a_slice_with_nulls():
    column = pa.array([UUID(int=1), None, UUID(int=2**128 - 1)], pa.uuid()).slice(1)
    assert key_text(column).texts.to_pylist() == [None, str(UUID(int=2**128 - 1))]
    assert key_text(column.slice(0, 0)).texts.to_pylist() == []


def test_a_dictionary_is_looked_at_once():
    words = as_called([b"\xe9", b"e"], 0)
    column = pa.DictionaryArray.from_arrays(pa.array([1, 0, None, 1], pa.int8()), words)
    fine = pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), words.slice(1))
    found = not_utf8(pa.chunked_array([fine, column]))
    assert found.to_pylist() == [False, False, True, None, False]
    assert not_utf8(pa.chunked_array([words.slice(1)])) is None


def test_what_an_earlier_version_wrote_is_read_with_marks():
    assert readable_text(as_called([b"caf\xe9", None, b"ok"], 0)) == ["caf�", None, "ok"]


@pytest.mark.parametrize("kind", [pa.binary(16), pa.time64("us"), pa.list_(pa.string()), pa.duration("s")])
def test_other_types_are_no_keys(kind):
    assert not is_key(kind)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pa.array([UUID(int=7)], pa.uuid()), str(UUID(int=7))),
        (pa.array(['{"a": 1}'], pa.json_()), '{"a": 1}'),
        (pa.array([b"x"], pa.binary_view()), "x"),
        (pa.array([1.5], pa.float16()), "1.5"),
        (pa.array(["a"]).dictionary_encode(), "a"),
    ],
)
@pytest.mark.parametrize("stored", [True, False])
def test_types_that_come_out_of_a_file(column, text, stored):
    read = pq.read_table(io.BytesIO(parquet({"k": column}, store_schema=stored)))["k"].combine_chunks()
    plain = read.dictionary_decode() if pa.types.is_dictionary(read.type) else read
    assert is_key(plain.type)
    assert key_text(plain).texts.to_pylist() == [text]
