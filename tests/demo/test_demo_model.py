"""What the demo trains on: the files that are fit for it, else the generated month."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.demo.files import DemoInputError
from local.demo.model import GENERATED_MONTH, Wish, choose_training_data
from local.demo.sensor_month import sensor_month, write_sensor_month


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    return write_sensor_month(tmp_path_factory.mktemp("month"))


@pytest.fixture
def write(tmp_path):
    def write_table(name, table):
        pq.write_table(table, tmp_path / name)
        return tmp_path / name

    return write_table


SENSOR = sensor_month().slice(0, 500)
PLAIN = pa.table({"a": np.arange(40.0), "b": np.arange(40.0) ** 2})


def test_files_with_target_and_features_are_trained_on_and_the_others_left_out(write, tmp_path, month):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    files = [write("a.parquet", SENSOR), write("b.parquet", PLAIN), tmp_path / "broken.parquet"]

    choice = choose_training_data(files, Wish(), month)

    assert [footer.path for footer in choice.data.used] == [files[0]]
    assert choice.source == "1 of 3 files, 500 rows"
    spec = choice.data.spec
    assert (spec.features, spec.target) == (("minutes", "hour", "day_of_week"), "snmpcpu_processor_1")
    assert (spec.timestamp, spec.keys) == ("ts", ("device_id",))


def test_the_key_column_is_asked_for_only_where_every_file_to_score_has_it(write, month):
    files = [write("a.parquet", SENSOR), write("b.parquet", SENSOR.drop_columns("device_id"))]

    assert choose_training_data(files, Wish(), month).data.spec.keys == ()


@pytest.mark.parametrize("table", [SENSOR.slice(0, 1), SENSOR.drop_columns("snmpcpu_processor_1"), PLAIN])
def test_files_that_give_too_little_are_scored_by_a_model_of_the_generated_month(write, month, table):
    choice = choose_training_data([write("a.parquet", table)], Wish(), month)

    assert choice.source.startswith(f"{GENERATED_MONTH}, since ")
    assert len(choice.data.rows) == 43_200


def test_a_timestamp_column_of_another_name_is_found_and_kept_for_scoring(write, month):
    renamed = SENSOR.rename_columns(["time" if name == "ts" else name for name in SENSOR.column_names])

    own = choose_training_data([write("a.parquet", renamed)], Wish(), month)
    fallen_back = choose_training_data([write("b.parquet", renamed.slice(0, 1))], Wish(), month)

    assert (own.data.spec.timestamp, fallen_back.data.spec.timestamp) == ("time", "time")


@pytest.mark.parametrize(
    ("zones", "zone"),
    [((None, None), None), (("Asia/Kolkata",) * 2, "Asia/Kolkata"), ((None, "GMT+8"), "UTC")],
)
def test_the_model_s_zone_is_that_of_the_files_and_utc_where_they_have_several(write, month, zones, zone):
    tables = [SENSOR.set_column(0, "ts", SENSOR["ts"].cast(pa.timestamp("ms", own))) for own in zones]
    files = [write(f"{number}.parquet", table) for number, table in enumerate(tables)]

    choice = choose_training_data(files, Wish(), month)

    assert choice.data.spec.timezone == zone
    assert choice.source == "2 of 2 files, 1,000 rows" + (f", features in {zone}" if zone else "")


def test_plain_columns_need_no_timestamp(write, month):
    choice = choose_training_data([write("a.parquet", PLAIN)], Wish(("a",), "b"), month)

    assert choice.data.spec.timestamp is None
    assert choice.data.rows.shape == (40, 2)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(("nope", "hour")), r"no file has the features 'nope', 'hour' \(.*'nope'"),
        (Wish(target="nope"), r"choose a target \(now 'nope'\)"),
        (Wish(("a",)), r"choose a target \(now 'snmpcpu_processor_1'\)"),
    ],
)
def test_wishes_that_nothing_fulfils_are_refused_in_one_line(write, month, wish, said):
    with pytest.raises(DemoInputError, match=said) as caught:
        choose_training_data([write("a.parquet", PLAIN)], wish, month)

    assert "\n" not in str(caught.value)
