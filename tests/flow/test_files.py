"""Every kind of file that a user drops, through the real template on the embedded stack."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.demo.sensor_month import write_sensor_month
from tests.flow.flow import Flow, parquet


def predicted(flow: Flow, timestamps: list) -> np.ndarray:
    """scikit-learn's own predictions for the original's features, made by pandas."""
    ts = pd.DatetimeIndex(timestamps)
    features = np.column_stack([ts.minute, ts.hour, ts.day_of_week]).astype(float)
    return flow.load_model().predict(features)


@pytest.mark.parametrize("which", ["generated", "real"])
def test_a_month_of_minutes_comes_out_row_for_row(flow: Flow, which: str, tmp_path: Path) -> None:
    if which == "real" and not os.environ.get("PRTG_PARQUET"):
        pytest.skip("PRTG_PARQUET names no file")
    path = Path(os.environ["PRTG_PARQUET"]) if which == "real" else write_sensor_month(tmp_path)
    source = pq.read_table(path)

    (drop,) = flow.wait(flow.put(f"data/company_id=1/sensor_id=422/{which}.parquet", path.read_bytes()))

    assert (drop.state, drop.rows_in, drop.rows_scored) == ("SCORED", source.num_rows, source.num_rows)
    result = flow.result(drop)
    assert result["row"].to_pylist() == list(range(source.num_rows))
    assert result["ts"].cast(pa.timestamp("ms")).equals(source["ts"].cast(pa.timestamp("ms")))
    np.testing.assert_allclose(result["prediction"], predicted(flow, source["ts"].to_pandas()), rtol=1e-9)
    np.testing.assert_array_equal(result["actual"], source["snmpcpu_processor_1"])
    assert set(result["sensor_id"].to_pylist()) == {"422"}


def test_keys_sizes_and_versions_of_all_kinds(flow: Flow) -> None:
    keys = [
        "data/company_id=1/sensor_id=422/plain.parquet",
        "a b/c+d/e%20f.parquet",
        'it\'s "quoted"/x=ü%2Fy/日本.PARQUET',
        "a&b/(c)!/$d;e@f,g.parquet",
    ]
    ids = [flow.put(key, parquet(2)) for key in keys]
    none, one = flow.put("none.parquet", parquet(0)), flow.put("one.parquet", parquet(1))
    first, second = flow.put("twice.parquet", parquet(2)), flow.put("twice.parquet", parquet(3))

    drops = flow.wait(*ids, none, one, first, second)

    assert {drop.state for drop in drops} == {"SCORED"}
    assert [drop.source.key for drop in drops[:4]] == keys
    assert [drop.rows_scored for drop in drops[4:]] == [0, 1, 2, 3]
    assert drops[4].job is None
    assert flow.result(drops[4]).num_rows == 0
    assert flow.result(drops[2])["x"].to_pylist() == ["ü/y"] * 2
    assert drops[6].source.sequencer < drops[7].source.sequencer
    assert [len(flow.results_of(drop)) for drop in drops] == [1] * 8


def test_bad_files_are_rejected_with_a_reason_and_others_are_scored(flow: Flow) -> None:
    whole = parquet(5000)
    bad = {
        "garbage": (b"not parquet at all", "not a readable Parquet file"),
        "truncated": (whole[: len(whole) // 2], "not a readable Parquet file"),
        "no-ts": (parquet(3, ts=None), "column 'ts' is missing"),
        "no-key": (parquet(3, device_id=None), "column 'device_id' is missing"),
        "text-ts": (parquet(3, ts=["1", "2", "3"]), "column 'ts' has type string"),
        "too-many-rows": (parquet(100_001), "100001 rows, more than the 100000 of MaxRowsPerDrop"),
        "all-null": (
            parquet(3, ts=pa.nulls(3, pa.timestamp("ms"))),
            "none of the 3 rows can be scored: ts is null",
        ),
    }
    ids = [flow.put(f"bad/{name}.parquet", body) for name, (body, _) in bad.items()]
    good = flow.put("bad/good.parquet", parquet(3))
    half = flow.put(
        "bad/half.parquet", parquet(4, ts=pa.array([0, None, 60_000, 120_000], pa.timestamp("ms")))
    )

    *rejected, scored, partly = flow.wait(*ids, good, half)

    for drop, (_, reason) in zip(rejected, bad.values(), strict=True):
        assert (drop.state, reason in str(drop.reason)) == ("REJECTED", True), drop
    assert (scored.state, partly.state) == ("SCORED", "SCORED")
    assert (partly.rows_scored, partly.rows_rejected) == (3, 1)
    assert flow.result(partly)["row"].to_pylist() == [0, 2, 3]
    assert flow.rejects(partly) == [
        {"drop_id": partly.drop_id, "row": 1, "column": "ts", "reason": "ts is null"}
    ]


def test_thirty_files_at_once_share_jobs(flow: Flow) -> None:
    ids = [flow.put(f"thirty/{number:03d}.parquet", parquet(10)) for number in range(30)]

    drops = flow.wait(*ids)

    assert {drop.state for drop in drops} == {"SCORED"}
    assert len(flow.jobs(drops)) <= 10  # without a window, as many as batches of messages arrive


@pytest.mark.slow
def test_two_hundred_files_at_once_are_each_scored_once(flow: Flow) -> None:
    ids = [flow.put(f"hundreds/{number:03d}.parquet", parquet(10)) for number in range(200)]

    drops = flow.wait(*ids, limit=400)

    assert {drop.state for drop in drops} == {"SCORED"}
    assert len(flow.jobs(drops)) <= 20
    counted = [drop.rows_scored for drop in drops]
    assert counted == [10] * 200


def test_final_states_are_told_on_eventbridge(flow: Flow) -> None:
    url = flow.sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = flow.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    admitted = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Resource": arn}
    policy = {"Version": "2012-10-17", "Statement": [{**admitted, "Action": "sqs:SendMessage"}]}
    flow.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    events = flow.stack.client("events")
    events.put_rule(Name="listener", EventPattern=json.dumps({"source": ["dropscore"]}))
    events.put_targets(Rule="listener", Targets=[{"Id": "queue", "Arn": arn}])

    good, bad = flow.put("told/good.parquet", parquet(2)), flow.put("told/bad.parquet", b"?")
    flow.wait(good, bad)

    told: dict[str, str] = {}
    for _ in range(30):
        answer = flow.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            event = json.loads(message["Body"])
            told[event["detail"]["drop_id"]] = event["detail-type"]
        if {good, bad} <= set(told):
            break
    events.remove_targets(Rule="listener", Ids=["queue"])
    events.delete_rule(Name="listener")
    assert (told.get(good), told.get(bad)) == ("Drop Scored", "Drop Rejected")
