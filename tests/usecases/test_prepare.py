"""Prepare: what becomes of a drop when it arrives."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from dropscore.domain.errors import ServiceBusy
from dropscore.files.isolation import Defect
from dropscore.handlers import prepare as prepare_door
from tests.simulation.world import BUCKETS, SPEC, Context, World, notification, parquet


def test_a_file_comes_out_as_predictions(world: World) -> None:
    world.approve()
    drop_id = world.put("data/company_id=7/a.parquet", parquet(3))

    world.run()

    drop = world.drop(drop_id)
    assert (drop.state, drop.rows_in, drop.rows_scored, drop.rows_rejected) == ("SCORED", 3, 3, 0)
    assert drop.source.sequencer == "0A"
    result = world.result(drop_id).to_pylist()
    assert [row["prediction"] for row in result] == [0.0, 0.5, 1.0]
    assert [row["actual"] for row in result] == [0.0, 1.0, 2.0]
    assert {(row["drop_id"], row["company_id"], row["device_id"]) for row in result} == {(drop_id, "7", "1")}
    assert [kind for kind, _ in world.events.told] == ["Drop Scored"]


def test_a_result_says_where_it_came_from(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(3))

    world.run()

    drop = world.drop(drop_id)
    metadata = {k.decode(): v.decode() for k, v in world.result(drop_id).schema.metadata.items()}
    assert metadata["drop_id"] == drop_id
    assert metadata["source_key"] == "a.parquet"
    assert metadata["source_version"] == drop.source.version
    assert metadata["model_package_arn"].endswith(":model-package/cpu/1")
    assert metadata["transform_job"] == drop.job
    assert metadata["ts_source_type"] == "timestamp[ms]"
    assert metadata["feature_spec_sha256"] == world.sagemaker.packages[0].metadata["feature_spec_sha256"]


MINUTE = 1_622_505_600_000  # 2021-06-01T00:00:00Z, in milliseconds


@pytest.mark.parametrize(
    ("own", "timezone", "read_as", "line"),
    [
        ("Asia/Kolkata", "Asia/Kolkata", "instants", "0,30,5"),
        ("UTC", "Asia/Kolkata", "instants", "0,30,5"),
        ("Mars/Olympus", "Asia/Kolkata", "instants", "0,30,5"),
        (None, "Asia/Kolkata", "UTC", "0,30,5"),
        (None, None, "wall clock", "0,0,0"),
        ("Asia/Kolkata", None, "instants", "0,30,5"),
        ("UTC", None, "instants", "0,0,0"),
    ],
)
def test_a_result_says_how_its_timestamps_were_read(
    world: World,
    caplog: pytest.LogCaptureFixture,
    own: str | None,
    timezone: str | None,
    read_as: str,
    line: str,
) -> None:
    # GIVEN a model that was trained in a zone, or in none
    world.approve(spec=replace(SPEC, timezone=timezone))
    # WHEN a file's timestamps have a zone, another one, or none
    with caplog.at_level("INFO"):
        drop_id = world.put("a.parquet", parquet(1, ts=pa.array([MINUTE], pa.timestamp("ms", own))))
        world.run()
    # THEN features are in the model's zone, and result and log say what was made of a file without one
    assert world.states(drop_id) == ["SCORED"]
    (shard,) = world.adapters.work.names(f"features/{drop_id}/")
    assert world.adapters.work.read(f"features/{drop_id}/{shard}").decode() == f"{line}\n"
    metadata = {k.decode(): v.decode() for k, v in world.result(drop_id).schema.metadata.items()}
    assert metadata["ts_read_as"] == read_as
    assert ("they are read as UTC" in caplog.text) == (read_as == "UTC")


def test_a_drop_that_an_earlier_version_prepared_is_scored(world: World, monkeypatch) -> None:
    """Whose context does not say how the timestamps were read."""
    world.approve()
    monkeypatch.setattr("dropscore.files.conversion.TS_READ_AS_METADATA", "unknown")
    drop_id = world.put("a.parquet", parquet(3))
    world.run()
    assert world.result(drop_id).schema.metadata[b"ts_read_as"] == b""


def test_a_message_that_comes_twice_makes_one_result(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(3))
    world.queues.inbox += list(world.queues.inbox)
    world.run()
    world.notify("a.parquet", world.drop(drop_id).source.version)

    world.run()

    assert len(world.sagemaker.jobs) == 1
    assert len(world.results_of(drop_id)) == 1
    assert world.drop(drop_id).attempt == 1


def test_two_versions_of_a_key_are_two_drops(world: World) -> None:
    world.approve()
    first, second = world.put("a.parquet", parquet(2)), world.put("a.parquet", parquet(5))

    world.run()

    assert world.states(first, second) == ["SCORED", "SCORED"]
    assert [world.drop(first).rows_in, world.drop(second).rows_in] == [2, 5]


@pytest.mark.parametrize(
    "key",
    [
        "data/company_id=1/sensor_id=422/a b+c%20d.parquet",
        'data/it\'s "quoted"/ünïcode=ß/日本.PARQUET',
        "a&b=c/x?y#z.parquet",
    ],
)
def test_keys_are_taken_as_s3_encodes_them(world: World, key: str) -> None:
    world.approve()
    drop_id = world.put(key, parquet(1))

    world.run()

    assert world.drop(drop_id).source.key == key
    assert world.states(drop_id) == ["SCORED"]


def test_hive_folders_become_percent_decoded_columns(world: World) -> None:
    world.approve()
    drop_id = world.put("site=New%20York/a.parquet", parquet(1))

    world.run()

    assert world.result(drop_id)["site"].to_pylist() == ["New York"]


def test_a_folder_that_clashes_with_a_result_column_rejects_the_drop(world: World) -> None:
    world.approve()
    drop_id = world.put("prediction=1/a.parquet", parquet(1))

    world.run()

    assert world.states(drop_id) == ["REJECTED"]
    assert "prediction" in str(world.drop(drop_id).reason)


def test_messages_that_are_not_for_us_are_acknowledged(world: World) -> None:
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKETS["inbox"]}
    world.queues.inbox += [json.dumps(test_event), "no json", "[]", json.dumps({"drop_id": "0" * 20})]

    answer = world.deliver_inbox()

    assert answer == {"batchItemFailures": []}
    assert not world.metrics.sums


SPARK = [
    "sales/_temporary/0/_temporary/attempt_1/part-0.parquet",
    "sales/_temporary/0/task_1/part-0.parquet",
    ".spark-staging-1b2c/dt=2024-01-01/part-0.parquet",
    "delta/_delta_log/10.checkpoint.parquet",
    "mac/._part-0.parquet",
]
"""What Spark, Delta and macOS leave beside the data."""


def test_objects_that_are_no_drops_are_counted_by_reason_and_leave_no_trace(world: World) -> None:
    world.approve()
    for key in [*SPARK, "readme.txt", "unload/20240701_v74wa", "folder/", "_temporary/"]:
        world.put(key, parquet(2))
    final = world.put("sales/_day=1/part-0.parquet", parquet(2))

    answer = world.deliver_inbox()
    world.run()

    assert answer == {"batchItemFailures": []}
    assert [item["drop_id"] for item in world.all_items("drop#")] == [final]
    sums = world.metrics.sums
    assert (sums["ObjectsSkippedHidden"], sums["ObjectsSkippedSuffix"]) == (5, 2)
    assert (sums["DropsArrived"], sums["DropsScored"], sums["RowsScored"]) == (1, 1, 2)


def test_a_bare_notification_of_no_drop_is_counted_too(world: World) -> None:
    assert world.invoke(prepare_door, notification(SPARK[0], "v1")) == {"drops": []}
    assert world.metrics.sums == {"ObjectsSkippedHidden": 1}


def test_an_object_of_another_bucket_is_not_counted(world: World) -> None:
    assert world.invoke(prepare_door, notification("a.txt", "v1", bucket="elsewhere")) == {"drops": []}
    assert not world.metrics.sums


@pytest.mark.parametrize("suffixes", [".parquet,.parq,.parquet.gz", "*"])
def test_other_suffixes_are_drops_where_the_stack_takes_them(
    monkeypatch: pytest.MonkeyPatch, suffixes: str
) -> None:
    world = World(monkeypatch, INBOX_SUFFIXES=suffixes)
    world.approve()
    taken = [world.put(key, parquet(1)) for key in ("a.PARQ", "b.parquet")]
    packed = world.put("c.parquet.gz", gzip.compress(parquet(1)))
    unload = world.put("unload/20240701_v74wa", parquet(1))
    world.put("_temporary/a.parq", parquet(1))
    world.put("folder/", b"")

    world.run()

    assert world.states(*taken, packed) == ["SCORED", "SCORED", "REJECTED"]
    assert "not a readable Parquet file" in str(world.drop(packed).reason)
    found = {item["drop_id"] for item in world.all_items("drop#")}
    assert found - {*taken, packed} == ({unload} if suffixes == "*" else set())
    assert world.metrics.sums["ObjectsSkippedSuffix"] == (0 if suffixes == "*" else 1)
    assert world.metrics.sums["ObjectsSkippedHidden"] == 1


def test_an_event_without_a_version_means_the_current_one(world: World) -> None:
    world.approve()
    version = world.inbox.put("a.parquet", parquet(2))
    world.notify("a.parquet", None)
    world.notify("a.parquet", version)

    world.run()

    assert [detail["source_version"] for _, detail in world.events.told] == [version]


def test_a_bare_event_answers_with_what_came_of_it(world: World) -> None:
    from tests.simulation.world import prepare_door

    world.approve()
    drop_id = world.put("a.parquet", parquet(2))
    event = notification("a.parquet", None)

    answer = prepare_door.handler(event, Context())

    assert answer["drops"] == [{"drop_id": drop_id, "state": "PREPARED", "reason": None}]


def test_an_object_that_is_gone_is_rejected(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(2))
    world.inbox.delete("a.parquet", "v1")
    world.notify("never-there.parquet", None)

    world.run()

    assert world.states(drop_id) == ["REJECTED"]
    told = sorted(
        (detail["source_key"], detail["state"], detail["reason"][:11]) for _, detail in world.events.told
    )
    assert told == [
        ("a.parquet", "REJECTED", "source gone"),
        ("never-there.parquet", "REJECTED", "source gone"),
    ]


def test_an_object_gone_after_it_was_prepared_is_still_scored(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(2))
    world.deliver_inbox()
    world.inbox.delete("a.parquet", world.drop(drop_id).source.version)

    world.run()

    assert world.result(drop_id)["actual"].to_pylist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"this is not parquet", "not a readable Parquet file"),
        (b"", "not a readable Parquet file"),
        (parquet(1000)[:-300], "not a readable Parquet file"),
        (parquet(3, ts=["a", "b", "c"]), "column 'ts' has type string, expected a timestamp"),
        (parquet(3, load=["a", "b", "c"]), "column 'load' has type string, expected a number"),
    ],
    ids=["garbage", "empty", "truncated", "text timestamps", "text target"],
)
def test_content_at_fault_is_rejected_and_others_are_not(world: World, body: bytes, reason: str) -> None:
    world.approve()
    bad, good = world.put("bad.parquet", body), world.put("good.parquet", parquet(3))

    world.run()

    assert world.states(bad, good) == ["REJECTED", "SCORED"]
    assert reason in str(world.drop(bad).reason)
    assert {kind for kind, _ in world.events.told} == {"Drop Rejected", "Drop Scored"}


def test_a_missing_column_is_named(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(3).replace(b"device_id", b"device_xx"))

    world.run()

    assert "column 'device_id' is missing" in str(world.drop(drop_id).reason)


def test_rows_that_cannot_be_scored_are_rejected_one_by_one(world: World) -> None:
    world.approve()
    start = 1_622_505_600_000
    ts = pa.array([start, None, start + 60_000, start + 120_000], pa.timestamp("ms"))
    drop_id = world.put("a.parquet", parquet(4, ts=ts))

    world.run()

    drop = world.drop(drop_id)
    assert (drop.state, drop.rows_in, drop.rows_scored, drop.rows_rejected) == ("SCORED", 4, 3, 1)
    assert world.result(drop_id)["row"].to_pylist() == [0, 2, 3]
    assert world.rejects(drop_id) == [{"drop_id": drop_id, "row": 1, "column": "ts", "reason": "ts is null"}]


def test_too_many_rejected_rows_reject_the_drop(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(4, ts=pa.array([None, None, None, 0], pa.timestamp("ms"))))

    world.run()

    drop = world.drop(drop_id)
    assert (drop.state, drop.rows_in, drop.rows_scored, drop.rows_rejected) == ("REJECTED", 4, 0, 4)
    assert "ts is null: 3 rows (first: row 0)" in str(drop.reason)
    assert len(world.rejects(drop_id)) == 3
    assert world.sagemaker.jobs == {}


def test_no_row_of_a_rejected_drop_counts_as_scored_wherever_it_is_told(world: World) -> None:
    world.approve()
    world.put("a.parquet", parquet(5, ts=pa.array([0, None, None, None, 4], pa.timestamp("ms"))))

    world.run()

    ((kind, detail),) = world.events.told
    assert (kind, detail["rows_in"]) == ("Drop Rejected", 5)
    assert (detail["rows_scored"], detail["rows_rejected"]) == (0, 5)
    assert (world.metrics.sums["RowsScored"], world.metrics.sums["RowsRejected"]) == (0, 5)


def test_a_file_without_rows_is_scored_without_a_job(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(0))

    world.run()

    assert world.states(drop_id) == ["SCORED"]
    assert world.result(drop_id).num_rows == 0
    assert world.sagemaker.jobs == {}
    drop = world.drop(drop_id)
    assert (drop.errors, drop.code_version) == (None, "1.2.3")


@pytest.mark.parametrize("limit", [{"max_rows": 2}, {"max_bytes": 100}])
def test_a_drop_over_a_limit_is_refused_with_the_number(world: World, limit: dict[str, int]) -> None:
    world.approve()
    world.set_limits(**limit)
    drop_id = world.put("a.parquet", parquet(3))

    world.run()

    assert world.states(drop_id) == ["REJECTED"]
    assert str(next(iter(limit.values()))) in str(world.drop(drop_id).reason)


def test_without_an_approved_model_drops_wait_and_go_on_by_themselves(world: World) -> None:
    drop_id = world.put("a.parquet", parquet(3))
    world.run()
    assert world.states(drop_id) == ["WAITING"]
    world.sweep()
    assert not world.queues.inbox

    world.approve()
    world.sweep()
    world.run()

    assert world.states(drop_id) == ["SCORED"]


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"feature_spec_uri": None}, "names no feature spec"),
        ({"feature_spec_sha256": "0" * 64}, "is not the one that was registered"),
        ({"feature_spec_uri": "s3://elsewhere/spec.json"}, "expected models-bucket"),
        ({"feature_spec_uri": "s3://models-bucket/nowhere"}, "cannot be read"),
    ],
)
def test_an_unusable_newest_version_makes_drops_wait(
    world: World, metadata: dict[str, str], reason: str
) -> None:
    world.approve(1)
    world.approve(2, **metadata)
    drop_id = world.put("a.parquet", parquet(3))

    world.run()

    assert world.states(drop_id) == ["WAITING"]
    assert reason in str(world.drop(drop_id).reason)


def test_a_rejected_version_brings_the_one_before_back(world: World) -> None:
    world.approve(1)
    world.approve(2)
    first = world.put("a.parquet", parquet(3))
    world.run()
    world.reject_version(2)
    second = world.put("b.parquet", parquet(3))

    world.run()

    assert [world.drop(drop_id).model.version for drop_id in (first, second)] == [2, 1]


def test_a_drop_whose_service_is_busy_is_put_off_and_resumed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(3))

    def busy(*_: object) -> None:
        raise ServiceBusy("S3 says SlowDown")

    with monkeypatch.context() as while_busy:
        while_busy.setattr(world.adapters.work, "put", busy)
        answer = world.deliver_inbox()
    assert answer == {"batchItemFailures": []}
    assert world.states(drop_id) == ["PREPARING"]
    assert world.drop(drop_id).reason == "put off: S3 says SlowDown"

    world.sweep()
    assert not world.queues.inbox
    world.now += timedelta(minutes=1)
    world.sweep()
    world.run()

    assert world.states(drop_id) == ["SCORED"]
    assert world.drop(drop_id).crashes == 0


def test_a_drop_rests_twice_as_long_with_each_attempt_and_an_hour_at_most(world: World, monkeypatch) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(3))

    def busy(*_: object) -> None:
        raise ServiceBusy("S3 says SlowDown")

    monkeypatch.setattr(world.adapters.work, "put", busy)
    rests = []
    for _ in range(9):
        world.deliver_inbox()
        until = world.drop(drop_id).lease_until
        rests.append((until - world.now).total_seconds())
        world.now = until
        world.sweep()

    assert rests == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_a_drop_is_left_to_who_prepares_it_until_the_lease_is_over(world: World, monkeypatch) -> None:
    # GIVEN a function that was killed: its lease is over a minute after its 300 seconds
    world.approve()
    drop_id = world.put("a.parquet", parquet(3))
    with monkeypatch.context() as crash:
        crash.setattr("dropscore.files.conversion.open_parquet", _crash)
        with pytest.raises(SystemExit):
            world.deliver_inbox()
    world.queues.inbox.clear()

    def resume(seconds: int) -> tuple[str, int]:
        world.now += timedelta(seconds=seconds)
        world.queues.inbox.append(json.dumps({"drop_id": drop_id}))
        world.deliver_inbox()
        return world.drop(drop_id).state.value, world.drop(drop_id).attempt

    assert resume(359) == ("PREPARING", 1)
    assert resume(1) == ("SCORING", 2)


def test_a_drop_that_takes_the_function_down_is_rejected_in_the_end(world: World, monkeypatch) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(3))
    monkeypatch.setattr("dropscore.files.conversion.open_parquet", _crash)
    for _ in range(3):
        with pytest.raises(SystemExit):
            world.deliver_inbox()
        world.queues.inbox.clear()
        world.now += timedelta(minutes=10)
        world.sweep()

    world.deliver_inbox()

    assert world.states(drop_id) == ["REJECTED"]
    assert "3 times without an answer" in str(world.drop(drop_id).reason)


def test_a_defect_returns_only_its_own_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.approve()
    bad, good = world.put("bad.parquet", parquet(3)), world.put("good.parquet", parquet(3))
    opened = world.adapters.inbox.open

    def defect(source):
        if source.key == "bad.parquet":
            raise TypeError("a defect of ours")
        return opened(source)

    monkeypatch.setattr(world.adapters.inbox, "open", defect)

    answer = world.deliver_inbox()

    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert world.states(bad, good) == ["PREPARING", "SCORING"]


def test_messages_that_do_not_fit_the_time_left_are_handed_back(world: World, monkeypatch) -> None:
    world.approve()
    begun, handed_back = (world.put(f"{name}.parquet", parquet(3)) for name in "ab")
    body = world.queues.inbox[1]
    monkeypatch.setattr(world.adapters.inbox, "open", world.taking(211, world.adapters.inbox.open))

    answer = world.deliver_inbox()

    assert answer == {"batchItemFailures": []}
    assert list(world.queues.inbox) == [body]
    assert world.drop(begun).state != "PREPARING"
    assert world.drops.get(handed_back) is None


def test_a_thousand_messages_end_before_the_deadline(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # GIVEN a batch that would take three times as long as there is time, and a queue that takes its time
    world.approve()
    drops = [world.put(f"{number}.parquet", parquet(1)) for number in range(1_000)]
    convert, send = world.files.convert, world.queues.hand_back_to_prepare
    monkeypatch.setattr(world.files, "convert", world.taking(0.9, convert))
    monkeypatch.setattr(
        world.queues,
        "hand_back_to_prepare",
        lambda bodies: world.taking(0.02 * len(bodies) / 10, send)(bodies),
    )
    begun = world.now

    answer = world.deliver_inbox()

    assert answer == {"batchItemFailures": []}
    assert (world.now - begun).total_seconds() < 250
    left = [drop_id for drop_id in drops if world.drops.get(drop_id) is None]
    assert len(left) == len(world.queues.inbox) > 700


def test_messages_that_cannot_be_handed_back_return_as_they_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.approve()
    drops = [world.put(f"{number}.parquet", parquet(1)) for number in range(4)]
    monkeypatch.setattr(world.files, "convert", world.taking(250, world.files.convert))

    def refused(_: object) -> None:
        raise ServiceBusy("SQS refused 1 of 3 messages")

    monkeypatch.setattr(world.queues, "hand_back_to_prepare", refused)

    answer = world.deliver_inbox()

    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["1", "2", "3"]
    assert [world.drops.get(drop_id) is None for drop_id in drops] == [False, True, True, True]


def test_a_function_with_a_short_timeout_still_begins_its_first_message(world: World, monkeypatch) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(3))
    monkeypatch.setattr(Context, "milliseconds", 15_000)

    world.deliver_inbox()

    assert world.states(drop_id) == ["SCORING"]


def test_spec_is_read_once_a_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.approve()
    for number in range(5):
        world.put(f"{number}.parquet", parquet(1))
    reads: list[str] = []
    read = world.adapters.models.read
    monkeypatch.setattr(world.adapters.models, "read", lambda key: reads.append(key) or read(key))

    world.deliver_inbox()

    assert [key for key in reads if key.endswith("feature_spec.json")] == reads[:1]
    assert SPEC.keys == ("device_id",)


def test_a_notification_about_another_bucket_is_let_go(world: World) -> None:
    world.queues.inbox.append(json.dumps(notification("a.parquet", "v1", bucket="somebody-elses")))

    answer = world.deliver_inbox()

    assert answer == {"batchItemFailures": []}
    assert world.table.items == {}


def test_trouble_with_dispatching_returns_no_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(3))

    def throttled(*_: object) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow"}}, "CreateTransformJob")

    with monkeypatch.context() as trouble:
        trouble.setattr(world.sagemaker, "create_job", throttled)
        answer = world.deliver_inbox()
    world.now += timedelta(minutes=7)
    world.sweep()
    world.run()

    assert answer == {"batchItemFailures": []}
    assert world.states(drop_id) == ["SCORED"]


def test_a_foreign_object_in_the_place_of_an_empty_result_is_named_and_waited_out(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(0))
    key = f"predictions/model_group=cpu/model_version=1/scored_date=2026-03-01/{drop_id}.parquet"
    world.results.put(key, b"?", "text/plain")
    world.run()
    assert (world.states(drop_id), "is another result" in str(world.drop(drop_id).reason)) == (
        ["PREPARING"],
        True,
    )

    del world.results.objects[key]
    world.now += timedelta(minutes=1)
    world.sweep()
    world.run()

    assert world.states(drop_id) == ["SCORED"]


def test_a_crash_long_ago_is_forgotten_once_the_drop_was_prepared(world: World, monkeypatch) -> None:
    world.approve()
    world.set_brakes(paused=True)
    drop_id = world.put("a.parquet", parquet(3))
    with monkeypatch.context() as crash:
        crash.setattr("dropscore.files.conversion.open_parquet", _crash)
        with pytest.raises(SystemExit):
            world.deliver_inbox()
    world.now += timedelta(minutes=40)
    world.deliver_inbox()

    assert (world.states(drop_id), world.drop(drop_id).crashes) == (["PREPARED"], 0)


def _crash(*_: object) -> None:
    raise SystemExit("the reader has taken the process down")


def test_a_file_over_which_the_reader_dies_is_rejected_and_the_others_are_not(world: World) -> None:
    world.approve()
    bad, good = (world.put(f"{name}.parquet", parquet(1)) for name in "ab")
    world.files.dies = 1

    world.deliver_inbox()

    assert world.states(bad, good) == ["REJECTED", "SCORING"]
    assert "the reader died 3 times over it (SIGSEGV)" in str(world.drop(bad).reason)


def test_a_file_that_takes_longer_than_what_is_left_is_tried_again_blameless(
    world: World, monkeypatch
) -> None:
    world.approve()
    first, slow = (world.put(f"{name}.parquet", parquet(1)) for name in "ab")
    open_source = world.adapters.inbox.open
    monkeypatch.setattr(world.adapters.inbox, "open", world.taking(180, open_source))
    world.deliver_inbox()
    assert world.states(first, slow) == ["PREPARED", "PREPARING"]
    assert "took longer" in str(world.drop(slow).reason)
    assert world.drop(slow).released

    for _ in range(5):
        world.now += timedelta(minutes=1)
        world.sweep()
        world.deliver_inbox()

    assert (world.drop(slow).state, world.drop(slow).crashes) == ("SCORING", 0)


def test_a_file_that_takes_longer_than_a_whole_invocation_ends_rejected(world: World, monkeypatch) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(1))
    monkeypatch.setattr(world.adapters.inbox, "open", world.taking(299, world.adapters.inbox.open))
    for _ in range(4):
        world.deliver_inbox()
        world.now += timedelta(minutes=1)
        world.sweep()
    assert world.states(drop_id) == ["REJECTED"]
    assert "ended 3 times without an answer" in str(world.drop(drop_id).reason)


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject"),
        Defect("a defect of Dropscore: KeyError: 'x'"),
    ],
    ids=["denied", "defect"],
)
def test_what_is_not_the_file_s_fault_puts_it_off_for_as_long_as_it_takes(
    world: World, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(1))
    convert = world.files.convert

    def refuse(*_) -> None:
        raise error

    world.files.convert = refuse
    for _ in range(6):
        world.deliver_inbox()
        world.now += timedelta(hours=2)
        world.sweep()
    assert (world.drop(drop_id).state, world.drop(drop_id).crashes) == ("PREPARING", 0)
    assert str(error) in str(world.drop(drop_id).reason)
    assert any(getattr(record, "operator_needed", False) for record in caplog.records)

    world.files.convert = convert
    world.deliver_inbox()
    assert world.states(drop_id) == ["SCORING"]
