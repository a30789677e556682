"""What a model is fed with when it learns is what it is fed with when it scores, to the last digit."""

import datetime as dt
import importlib.util
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dropscore.domain.features import Extraction
from dropscore.domain.reading import open_parquet, read_batches
from dropscore.domain.shards import convert
from dropscore.domain.spec import DERIVED_FEATURES, FeatureSpec
from dropscore.predict.asked import SourceRows
from dropscore.predict.matrix import matrix
from tests.training.builders import prepare, read
from training.data.reading import LARGEST, MIN_ROWS

at = dt.datetime.fromisoformat
SPEC = FeatureSpec((*DERIVED_FEATURES, "value"), "target", "ts")
ZONES = (None, "UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "+05:30")
DST_CHANGES = (
    at("2024-03-31T01:00"),
    at("2024-10-27T01:00"),
    at("2024-04-06T15:00"),
    at("1975-10-26T05:00"),
)
SCRIPTS = Path(__file__).parents[2] / "training" / "container"


def container_script(name):
    """A script of the container, which is no module of the project."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


INFERENCE, TRAIN = container_script("inference"), container_script("train")

instants = st.one_of(
    st.datetimes(at("1900-01-01T00:00"), at("2200-12-31T00:00")),
    st.sampled_from([at("1600-02-29T12:00"), at("2900-01-01T00:00"), at("9999-01-01T00:00")]),
    st.tuples(st.sampled_from(DST_CHANGES), st.integers(-7_200, 7_200)).map(
        lambda change: change[0] + dt.timedelta(seconds=change[1], microseconds=change[1])
    ),
)
floats = st.one_of(
    st.floats(), st.sampled_from([-0.0, 5e-324, 1.7976931348623157e308, 0.1, 1e22, 123456789.123456789])
)
decimals = st.decimals(-(10**17), 10**17, places=9)


@st.composite
def timestamps(draw, rows):
    """A timestamp column of any kind, some of it null."""
    values = draw(st.lists(st.one_of(st.none(), instants, instants, instants), min_size=rows, max_size=rows))
    unit, zone = draw(st.sampled_from(["s", "ms", "us", "ns"])), draw(st.sampled_from(ZONES))
    if unit == "ns":
        values = [value if value and 1700 < value.year < 2250 else None for value in values]
    column = pa.array(values, pa.timestamp("us")).cast(pa.timestamp(unit), safe=False)
    return column.cast(pa.timestamp(unit, zone))


@st.composite
def values(draw, rows):  # noqa: PLR0911 - a line for each kind
    """A numeric column of any kind, some of it null."""

    def listed(one):
        return draw(st.lists(st.one_of(st.none(), one, one, one), min_size=rows, max_size=rows))

    kind = draw(st.sampled_from(["double", "float", "int64", "uint64", "bool", "decimal", "dictionary"]))
    if kind == "double":
        return pa.array(listed(floats), pa.float64())
    if kind == "float":
        return pa.array(listed(st.floats(width=32)), pa.float32())
    if kind == "int64":
        return pa.array(listed(st.integers(-(2**63), 2**63 - 1)), pa.int64())
    if kind == "uint64":
        return pa.array(listed(st.integers(0, 2**64 - 1)), pa.uint64())
    if kind == "bool":
        return pa.array(listed(st.booleans()), pa.bool_())
    if kind == "decimal":
        return pa.array(listed(decimals), pa.decimal128(38, 9))
    return pa.array(listed(floats), pa.float64()).dictionary_encode()


@st.composite
def drops(draw):
    """A drop whose target is its row number, a spec, and how its file is written."""
    rows = draw(st.integers(1, 30))
    filler = 2 * MIN_ROWS
    good = pa.array([at("2024-05-01T00:00")] * filler, pa.timestamp("us"))
    ts, value = draw(timestamps(rows)), draw(values(rows))
    plain = value.dictionary_decode() if pa.types.is_dictionary(value.type) else value
    one = pa.array([Decimal(1) if pa.types.is_decimal(plain.type) else 1] * filler)
    value = pa.concat_arrays([plain, one.cast(plain.type)])
    encoded = value.dictionary_encode() if draw(st.booleans()) else value
    table = pa.table(
        {
            "ts": pa.concat_arrays([ts, good.cast(pa.timestamp(ts.type.unit)).cast(ts.type)]),
            "value": encoded,
            "target": pa.array(np.arange(rows + filler), pa.float64()),
        }
    )
    zone = draw(st.sampled_from([None, "Europe/Berlin", "America/New_York"]))
    spec = FeatureSpec(SPEC.features, "target", "ts", timezone=zone)
    # int96 has no zone; written dictionary-encoded by default.
    options = {"use_deprecated_int96_timestamps": draw(st.booleans()), "use_dictionary": draw(st.booleans())}
    return table, spec, {**options, "row_group_size": draw(st.sampled_from([7, 1000]))}


def scored(path, spec):
    """What the container's `input_fn` makes of the shards, by row number, which the job takes away."""
    with path.open("rb") as file:
        parquet = open_parquet(file)
        extraction = Extraction.bind(spec, parquet.schema_arrow)
        pieces = list(convert(extraction, read_batches(parquet, extraction.columns), shard_rows=11))
    rows = {}
    for line in (
        b"".join(piece.csv for piece in pieces if not isinstance(piece, pa.Table)).decode().splitlines()
    ):
        number, _, features = line.partition(",")
        rows[int(number)] = INFERENCE.input_fn(features, "text/csv")[0]
    return rows


def rewritten(table, path):
    """A file of the same rows as Spark, dask and Athena write it: timestamps in UTC, whatever their zone."""
    utc = table["ts"].cast(pa.timestamp(table["ts"].type.unit, "UTC"))
    again = path.with_name("rewritten")
    pq.write_table(table.set_column(0, "ts", utc), again)
    return again


def bits(rows):
    return np.asarray(rows, dtype=np.float64).view(np.uint64).tolist()


def test_train_py_refuses_what_prepare_refuses():
    assert TRAIN.LARGEST == LARGEST


@given(drops())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_training_features_and_scoring_shards_are_identical_to_the_last_digit(tmp_path, drop):
    table, spec, options = drop
    path = tmp_path / "drop.parquet"
    pq.write_table(table, path, **options)

    data = read([path], spec)

    numbers = data.rows[:, -1].astype(int).tolist()
    for asked, dropped in ((spec, path), (data.spec, path), (data.spec, rewritten(table, path))):
        expected = scored(dropped, asked)
        assert numbers == sorted(expected)
        assert bits(data.rows[:, :-1]) == bits([expected[number] for number in numbers])


@given(drops())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_train_py_reads_is_what_was_prepared_to_the_last_digit(tmp_path_factory, drop):
    table, spec, options = drop
    folder = tmp_path_factory.mktemp("parity")
    pq.write_table(table, folder / "drop.parquet", **options)

    prepared = prepare([folder / "drop.parquet"], folder / "prepared", spec)

    expected = scored(folder / "drop.parquet", spec)
    read_back = [
        TRAIN.read_channel(place, list(spec.features), "target") for place in (prepared.train, prepared.test)
    ]
    for features, target in read_back:
        assert bits(features) == bits([expected[number] for number in target.astype(int).tolist()])


@pytest.mark.parametrize("own", ["Asia/Kolkata", "Europe/Berlin", "GMT+8", None])
@pytest.mark.parametrize("timezone", [None, "America/New_York"])
def test_a_model_is_asked_with_the_features_it_learned_from(tmp_path, own, timezone):
    # GIVEN files of one zone, or of none
    column = pa.array([at("2024-03-31T00:30") + dt.timedelta(minutes=20 * n) for n in range(40)])
    columns = {"value": pa.array([1.5] * 40), "target": pa.array(range(40))}
    path = tmp_path / "drop.parquet"
    table = pa.table({"ts": column.cast(pa.timestamp("us", own)), **columns})
    pq.write_table(table, path)
    data = read([path], replace(SPEC, timezone=timezone))
    # THEN whoever asks for a prediction, by instants or as the file stands, gets the model's features
    texts = [row.isoformat() + ("Z" if own else "") for row in column.to_pylist()]
    rows = [{"ts": text, "value": 1.5} for text in texts]
    assert bits(matrix(SourceRows(rows), data.spec)) == bits(data.rows[:, :-1])
    # AND a file of the same instants in UTC has them, too
    assert bits([*scored(rewritten(table, path), data.spec).values()]) == bits(data.rows[:, :-1])
