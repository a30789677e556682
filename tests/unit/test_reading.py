"""Reading parquet: whoever wrote it and however, and what is none is refused as the sender's fault."""

from __future__ import annotations

import base64
import io
import random
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from dropscore.domain import reading
from dropscore.domain.errors import MAX_MESSAGE, ContentError, ServiceBusy
from dropscore.domain.reading import BATCH_ROWS, open_parquet, read_batches
from dropscore.domain.spec import FeatureSpec
from dropscore.files.threads import Threads
from tests.fuzz.footer import GROUP_ROWS, Parts
from tests.fuzz.footer import ROWS as ROWS_FIELD
from tests.unit.builders import convert_file, parquet

SPEC = FeatureSpec(("x", "minutes", "hour"), target="y", timestamp="t", keys=("k",))
ROWS = 500


def sensor(rows=ROWS):
    ticks = np.arange(rows) * 7 * 60_000 + 1_700_000_000_000
    return pa.table(
        {
            "t": pa.array(ticks, pa.timestamp("ms", "UTC")),
            "x": np.arange(rows) / 7,
            "y": np.arange(rows),
            "k": [f"device-{n % 3}" for n in range(rows)],
            "unused": [[n] for n in range(rows)],
        }
    )


EXPECTED = convert_file(SPEC, parquet(sensor()))


def assert_as_expected(data):
    found = convert_file(SPEC, data)
    assert found.lines == EXPECTED.lines
    assert found.context == EXPECTED.context


def test_the_plain_file_is_what_it_should_be():
    table = sensor().to_pandas()
    clock = table["t"].dt
    expected = zip(range(ROWS), table["x"], clock.minute, clock.hour, strict=True)
    assert EXPECTED.lines == [*expected]
    assert [c["k"] for c in EXPECTED.context] == table["k"].tolist()
    assert [c["actual"] for c in EXPECTED.context] == table["y"].tolist()


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "brotli", "lz4", "zstd"])
@pytest.mark.parametrize("page", ["1.0", "2.0"])
def test_every_compression_and_page_version_is_read(compression, page):
    assert_as_expected(parquet(sensor(), compression=compression, data_page_version=page))


@pytest.mark.parametrize(
    "options",
    [
        {"use_dictionary": False},
        {"use_dictionary": False, "column_encoding": {"x": "BYTE_STREAM_SPLIT"}},
        {"use_dictionary": False, "column_encoding": {"y": "DELTA_BINARY_PACKED", "k": "DELTA_BYTE_ARRAY"}},
        {"write_statistics": False},
        {"row_group_size": 7},
        {"data_page_size": 64},
        {"version": "1.0"},
        {"write_page_index": True},
        {"write_page_checksum": True},
        {"store_schema": False},
        {"use_deprecated_int96_timestamps": True},
        {"coerce_timestamps": "us"},
        {"sorting_columns": [pq.SortingColumn(0)]},
        {"use_compliant_nested_type": False},
    ],
    ids=str,
)
def test_every_way_to_write_the_same_rows_is_read_the_same(options):
    assert_as_expected(parquet(sensor(), **options))


def test_a_dictionary_encoded_table_is_read_the_same():
    table = sensor()
    categories = table.set_column(3, "k", table["k"].dictionary_encode())
    assert_as_expected(parquet(categories))


def test_the_order_of_columns_in_the_file_does_not_matter():
    assert_as_expected(parquet(sensor().select(["unused", "k", "y", "x", "t"])))


@pytest.mark.parametrize("index", [True, False])
def test_a_file_that_pandas_wrote_is_read_the_same(index):
    frame = sensor().drop_columns(["unused"]).to_pandas()
    frame["k"] = frame["k"].astype("category")
    frame.index = (
        pd.RangeIndex(5, 5 + len(frame)) if not index else pd.Index(np.arange(len(frame)) * 2, name="i")
    )
    sink = io.BytesIO()
    frame.to_parquet(sink, index=index)
    assert_as_expected(sink.getvalue())


def test_int96_times_before_1970_and_beyond_nanoseconds_are_right():
    times = pd.to_datetime(["1900-01-01 00:07:00", "1969-12-31 23:59:00", "2200-06-01 10:30:00"])
    data = parquet({"t": pa.array(times, pa.timestamp("us"))}, use_deprecated_int96_timestamps=True)
    found = convert_file(FeatureSpec(("minutes", "hour"), timestamp="t"), data)
    assert found.lines == [(0, 7, 0), (1, 59, 23), (2, 30, 10)]
    assert [c["ts"] for c in found.context] == times.to_pydatetime().tolist()


def test_a_zone_in_the_file_gives_the_wall_clock():
    ticks = pa.array([1_711_846_799, 1_711_846_800], pa.timestamp("s", "Europe/Berlin"))
    found = convert_file(FeatureSpec(("hour",), timestamp="t"), parquet({"t": ticks}))
    assert found.lines == [(0, 1), (1, 3)]


@pytest.mark.parametrize(
    "name", ["a.b", "a b", 'say "x"', "ü-溫度-🌡", "a\nb", "`", "'", "a.", ".a", "x[0]", "$[1:]", "a,b", " "]
)
def test_a_column_may_have_any_name(name):
    data = parquet({"a": [9, 9], name: [1, 2], "b": [8, 8]})
    assert convert_file(FeatureSpec((name,), keys=(name,)), data).lines == [(0, 1), (1, 2)]


def test_a_column_is_not_mixed_up_with_a_nested_one_of_the_same_path():
    struct = pa.array([{"b": 5}, {"b": 6}])
    for table in (
        pa.table({"a": struct, "a.b": [1, 2]}),
        pa.table({"a.b": [1, 2], "a": struct}),
        pa.table({"s": pa.array([{"a.b": 7}, {"a.b": 7}]), "a.b": [1, 2]}),
    ):
        assert convert_file(FeatureSpec(("a.b",)), parquet(table)).lines == [(0, 1), (1, 2)]


def test_a_nested_column_is_not_taken_for_a_feature():
    data = parquet({"a": pa.array([{"b": 5}])})
    with pytest.raises(ContentError, match=r"column 'a\.b' is missing; the file has: 'a'"):
        convert_file(FeatureSpec(("a.b",)), data)
    with pytest.raises(ContentError, match="column 'a' has type struct"):
        convert_file(FeatureSpec(("a",)), data)


def test_duplicate_names_matter_only_where_the_spec_names_them():
    table = pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["d", "x", "d"])
    assert convert_file(FeatureSpec(("x",)), parquet(table)).lines == [(0, 2)]
    with pytest.raises(ContentError, match="column 'd' is there 2 times"):
        convert_file(FeatureSpec(("d",)), parquet(table))


def test_no_rows_make_no_shards():
    empty = sensor().slice(0, 0)
    no_group = io.BytesIO()
    pq.ParquetWriter(no_group, empty.schema).close()
    for data in (parquet(empty), no_group.getvalue()):
        found = convert_file(SPEC, data)
        assert (found.shards, found.rejects.num_rows) == ([], 0)


def test_an_empty_row_group_between_others_changes_no_row_number():
    sink = io.BytesIO()
    table = sensor()
    with pq.ParquetWriter(sink, table.schema) as writer:
        for part in (table.slice(0, 200), table.slice(0, 0), table.slice(200)):
            writer.write_table(part)
    assert_as_expected(sink.getvalue())


def test_one_row_is_read():
    assert convert_file(SPEC, parquet(sensor(1))).lines == EXPECTED.lines[:1]


def test_batches_are_bounded_however_large_the_row_group_is():
    rows = 2 * BATCH_ROWS + 10
    file = open_parquet(io.BytesIO(parquet({"x": np.zeros(rows)}, row_group_size=rows)))
    assert [batch.num_rows for batch in read_batches(file, ["x"])] == [BATCH_ROWS, BATCH_ROWS, 10]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"P",
        b"PAR1",
        b"PAR1PAR1",
        b"PAR1\x00\x00\x00\x00PAR1",
        b"PAR1\xff\xff\xff\x7fPAR1",
        b"PAR1\xff\xff\xff\xffPAR1",
        b"a,b\n1,2\n" * 100,
        bytes(range(256)) * 64,
        b"\x1f\x8b" + b"\0" * 100,
        parquet(sensor())[:-1],
        parquet(sensor())[: len(parquet(sensor())) // 2],
        parquet(sensor())[100:],
        b"PAR1" + b"\xff" * 5_000 + (5_000).to_bytes(4, "little") + b"PAR1",
    ],
    ids=range(14),
)
def test_what_is_no_parquet_file_is_refused_as_the_sender_s_fault(data):
    with pytest.raises(ContentError):
        convert_file(SPEC, data)


def test_a_page_that_was_damaged_on_the_way_is_refused_where_the_writer_left_checksums():
    data = bytearray(
        parquet({"x": np.arange(1000.0)}, use_dictionary=False, compression="none", write_page_checksum=True)
    )
    data[2000] ^= 1
    with pytest.raises(ContentError, match=r"not a readable Parquet file: .*(CRC|checksum)"):
        convert_file(FeatureSpec(("x",)), bytes(data))


def test_a_damaged_file_is_refused_or_read_but_never_crashes_the_reader():
    whole = parquet(sensor(60), row_group_size=20)
    chance = random.Random(7)  # noqa: S311 - a fixed sequence
    for _ in range(250):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(4, len(data))] = chance.randrange(256)
        try:
            found = convert_file(SPEC, bytes(data))
        except ContentError:
            continue
        assert len(found.lines) + found.rejects.num_rows <= 60


class Kms(pe.KmsClient):
    """Wraps keys by writing them down."""

    def __init__(self, _configuration):
        super().__init__()

    def wrap_key(self, key_bytes, _master_key_identifier):
        return base64.b64encode(key_bytes)

    def unwrap_key(self, wrapped_key, _master_key_identifier):
        return base64.b64decode(wrapped_key)


def encrypted(*, plaintext_footer):
    """A file with the columns `open` and `x`, of which `x` is encrypted; perhaps its footer, too."""
    configuration = pe.EncryptionConfiguration(
        footer_key="f", column_keys={"x": ["x"]}, plaintext_footer=plaintext_footer
    )
    properties = pe.CryptoFactory(Kms).file_encryption_properties(pe.KmsConnectionConfig(), configuration)
    sink, table = io.BytesIO(), pa.table({"open": [1], "x": [1]})
    with pq.ParquetWriter(sink, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize(("plaintext_footer", "what"), [(True, "column 'x'"), (False, "the file")])
def test_an_encrypted_file_is_refused_as_the_sender_s_fault(plaintext_footer, what):
    with pytest.raises(ContentError, match=f"^{what} is encrypted: write it without encryption"):
        convert_file(FeatureSpec(("open", "x")), encrypted(plaintext_footer=plaintext_footer))


def test_a_column_that_is_not_needed_may_be_encrypted():
    file = encrypted(plaintext_footer=True)
    assert convert_file(FeatureSpec(("open",)), file).lines == [(0, 1.0)]


def test_a_footer_over_the_limit_is_not_read(monkeypatch):
    monkeypatch.setattr(reading, "MAX_FOOTER_BYTES", 100)
    with pytest.raises(ContentError, match=r"its footer has \d+ bytes, more than the 100 that are read"):
        open_parquet(io.BytesIO(parquet(sensor())))


def test_a_footer_with_more_items_than_are_believed_is_refused_before_there_is_room_for_them(monkeypatch):
    monkeypatch.setitem(reading._OPTIONS, "thrift_container_size_limit", 10)
    with pytest.raises(ContentError, match=r"not a readable Parquet file: .*size limit"):
        open_parquet(io.BytesIO(parquet(sensor(), row_group_size=20)))


@pytest.mark.parametrize("said", [-5, 2**40])
def test_a_footer_that_contradicts_itself_about_the_rows_is_refused(said):
    parts = Parts.of(parquet(sensor(), row_group_size=400))
    parts.footer[ROWS_FIELD].value = said
    with pytest.raises(ContentError, match=f"its footer says {said} rows, but its 2 row groups have 500"):
        open_parquet(io.BytesIO(parts.file()))
    parts.footer[ROWS_FIELD].value = ROWS
    for group, rows in zip(parts.groups.items, (-500, 1000), strict=True):
        group[GROUP_ROWS].value = rows
    with pytest.raises(ContentError, match="its footer says 500 rows, but its 2 row groups have 500"):
        open_parquet(io.BytesIO(parts.file()))


def test_a_file_with_fewer_rows_than_its_footer_says_is_refused():
    parts = Parts.of(parquet(sensor()))
    parts.footer[ROWS_FIELD].value = parts.groups.items[0][GROUP_ROWS].value = ROWS + 3
    with pytest.raises(ContentError, match="the file has 500 rows, but its footer says 503"):
        convert_file(SPEC, parts.file())


def test_columns_that_unpack_to_more_than_rows_can_have_are_refused_up_front_and_others_do_not_matter():
    table = pa.table({"x": [1.0], "long": ["x" * 2**26]})
    assert convert_file(FeatureSpec(("x",)), parquet(table)).lines == [(0, 1)]
    with pytest.raises(
        ContentError, match=r"in row group 0 the columns 'x', 'long' unpack to \d+ bytes, more than"
    ):
        convert_file(FeatureSpec(("x",), keys=("long",)), parquet(table))


def test_too_little_memory_is_not_taken_for_a_fault_of_the_format():
    class Starved(io.BytesIO):
        def read(self, size=-1):
            if self.tell() < 1_000:
                raise pa.ArrowMemoryError("malloc of size 9 failed")
            return super().read(size)

    data = parquet({"x": np.arange(100_000.0)}, use_dictionary=False)
    file = open_parquet(Starved(data))
    with pytest.raises(MemoryError):
        list(read_batches(file, ["x"]))


class Counting(io.BytesIO):
    """Notes what is read of it at once."""

    def __init__(self, data):
        super().__init__(data)
        self.reads = []

    def read(self, size=-1):
        data = super().read(size)
        self.reads.append(len(data))
        return data


def test_small_row_groups_are_fetched_together():
    rows = 40_000
    file = Counting(parquet({"x": np.arange(rows), "y": np.arange(rows)}, row_group_size=100))
    parquet_file = open_parquet(file)
    file.reads.clear()
    batches = list(read_batches(parquet_file, ["x", "y"]))
    assert np.concatenate([batch["y"].to_numpy() for batch in batches]).tolist() == [*range(rows)]
    assert len(file.reads) < 10


def test_of_a_large_row_group_a_piece_is_held_at_a_time(monkeypatch):
    monkeypatch.setattr(reading, "FETCHED_AT_ONCE", 2**20)
    monkeypatch.setattr(reading, "PIECE_BYTES", (2**14, 2**16))
    rows = 200_000
    noise = np.random.default_rng(2).random(rows)
    file = Counting(parquet({"x": noise}, use_dictionary=False, row_group_size=rows, data_page_size=2**14))
    parquet_file = open_parquet(file)
    file.reads.clear()
    batches = list(read_batches(parquet_file, ["x"]))
    assert np.concatenate([batch["x"].to_numpy() for batch in batches]).tolist() == noise.tolist()
    assert max(file.reads) <= 2**18
    assert sum(file.reads) >= noise.nbytes


def test_a_message_is_bounded_however_long_the_names_in_a_file_are():
    data = parquet({"x" * 100_000: [1]})
    with pytest.raises(ContentError) as raised:
        convert_file(SPEC, data)
    assert str(raised.value).startswith("column 'x' is missing; the file has: 'xxx")
    assert len(str(raised.value).encode()) == MAX_MESSAGE


def test_trouble_of_the_file_s_own_making_is_not_blamed_on_its_content():
    class Throttled(io.BytesIO):
        def read(self, size=-1):
            if self.tell() < 1_000:
                raise ServiceBusy("slow down")
            return super().read(size)

    data = parquet({"x": np.arange(100_000.0)}, use_dictionary=False)
    file = open_parquet(Throttled(data))
    with pytest.raises(ServiceBusy, match="slow down"):
        list(read_batches(file, ["x"]))


def test_only_the_columns_that_are_asked_for_are_fetched():
    rows = 50_000
    data = parquet({"x": np.arange(rows), "big": np.random.default_rng(1).random(rows)}, use_dictionary=False)
    file = Counting(data)
    list(read_batches(open_parquet(file), ["x"]))
    assert sum(file.reads) < len(data) / 2


@pytest.mark.parametrize("group_rows", [100, 3_000, 40_000, 10**6])
def test_parts_that_are_fetched_at_once_come_in_the_same_order(group_rows, monkeypatch):
    monkeypatch.setattr(reading, "FETCHED_TOGETHER", 100_000)
    rows = 120_000
    data = parquet({"x": np.arange(rows), "y": np.arange(rows) / 7}, row_group_size=group_rows)
    file = open_parquet(io.BytesIO(data))
    alone = [*read_batches(file, ["y", "x"])]
    with Threads() as threads:
        at_once = partial(threads.in_order, threads=4)
        together = [*read_batches(file, ["y", "x"], in_order=at_once, again=lambda: io.BytesIO(data))]
    assert together == alone
    assert np.concatenate([batch["x"].to_numpy() for batch in together]).tolist() == [*range(rows)]


@pytest.mark.parametrize("at", [0.2, 0.7])
def test_damage_is_the_sender_s_fault_whichever_thread_finds_it(at):
    whole = parquet(
        {"x": np.arange(200_000.0)}, row_group_size=10_000, use_dictionary=False, compression="none"
    )
    data = bytearray(whole)
    for place in range(int(len(data) * at), int(len(data) * (at + 0.1))):
        data[place] = 255
    file = open_parquet(io.BytesIO(bytes(data)))
    with pytest.raises(ContentError, match="not a readable Parquet file"), Threads() as threads:
        list(
            threads.ahead(
                read_batches(file, ["x"], in_order=threads.in_order, again=lambda: io.BytesIO(bytes(data)))
            )
        )
