"""What operators see: metrics of what happens, and log lines that say what they are about."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import botocore
import pytest

from dropscore.api.composition import results_api
from dropscore.bootstrap import application
from dropscore.handlers.invocation import logger
from dropscore.predict.application import predict
from tests.simulation.world import World, parquet
from tests.unit.test_settings import ENVIRONMENT
from tests.usecases.test_collect import settle


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    handler = logger.registered_handler
    before = handler.setStream(written := io.StringIO())
    yield written
    handler.setStream(before)


def lines(log: io.StringIO, message: str) -> list[dict]:
    found = map(json.loads, log.getvalue().splitlines())
    return [line for line in found if line["message"] == message]


@pytest.mark.parametrize("start", [application, results_api, predict])
def test_the_first_line_of_a_cold_start_names_the_boto3_that_lambda_has(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch, start: Any
) -> None:
    more = {"ENDPOINT_NAME": "e", "API_AUTH": "IAM", "AWS_DEFAULT_REGION": "eu-central-1"}
    for name, value in {**ENVIRONMENT, **more}.items():
        monkeypatch.setenv(name, value)

    start.__wrapped__()

    first = json.loads(log.getvalue().splitlines()[0])
    assert (first["message"], first["boto3"]) == ("cold start", boto3.__version__)
    assert first["botocore"] == botocore.__version__


def test_what_becomes_of_drops_and_jobs_is_counted(world: World) -> None:
    world.approve()
    world.put("good.parquet", parquet(4))
    world.put("bad.parquet", b"no parquet")
    world.deliver_inbox()
    world.now += timedelta(seconds=90)
    settle(world)

    sums = world.metrics.sums
    assert [sums[f"Drops{what}"] for what in ("Arrived", "Scored", "Rejected", "Failed")] == [2, 1, 1, 0]
    assert [sums["RowsScored"], sums["RowsRejected"]] == [4, 0]
    assert [sums["JobsStarted"], sums["JobsFailed"]] == [1, 0]
    assert world.metrics.last["SecondsToScored"] == 90


def test_a_notification_that_comes_twice_is_one_arrival(world: World) -> None:
    world.approve()
    world.put("a.parquet", parquet(1))
    world.notify("a.parquet", "v1")
    settle(world)
    assert world.metrics.sums["DropsArrived"] == 1


def test_a_job_that_leaves_drops_unscored_is_counted_as_failed(world: World) -> None:
    world.approve()
    drop_id = world.put("a.parquet", parquet(2))
    world.put("b.parquet", parquet(2))
    world.sagemaker.poison = {drop_id: 99}
    settle(world)
    assert world.metrics.sums["DropsFailed"] == 1
    assert world.metrics.sums["JobsFailed"] == world.metrics.sums["JobsStarted"]


def test_the_sweep_tells_what_is_open_and_since_when(world: World) -> None:
    world.put("waits.parquet", parquet(1))
    world.deliver_inbox()
    world.now += timedelta(minutes=30)
    world.sweep()
    assert (world.metrics.last["DropsWaiting"], world.metrics.last["OldestOpenSeconds"]) == (1, 1800)

    world.approve()
    world.sweep()
    settle(world)
    world.sweep()
    assert (world.metrics.last["DropsWaiting"], world.metrics.last["OldestOpenSeconds"]) == (0, 0)


def test_a_drop_that_is_being_scored_is_as_old_as_its_job(world: World) -> None:
    world.approve()
    world.put("a.parquet", parquet(1))
    world.deliver_inbox()
    world.now += timedelta(hours=2)
    world.sweep()
    assert (world.metrics.last["JobsOpen"], world.metrics.last["OldestOpenSeconds"]) == (1, 7200)


def test_log_lines_name_the_drop_the_job_and_the_model_version(world: World, log) -> None:
    world.approve(version=7)
    drop_id = world.put("a.parquet", parquet(3))
    world.deliver_inbox()
    world.finish_jobs()
    job = world.drop(drop_id).job
    world.files.dies = 1
    while world.queues.collect:
        world.deliver_collect()

    (unscored,) = lines(log, "drop not scored")

    assert (unscored["drop_id"], unscored["transform_job"], unscored["model_version"]) == (drop_id, job, 7)
    assert unscored["message_id"] == unscored["correlation_id"]


def test_the_correlation_id_is_what_the_sender_calls_the_event(world: World, log) -> None:
    world.approve()
    world.put("a.parquet", parquet(1))
    notification = json.loads(world.queues.inbox[0])
    notification["Records"][0]["responseElements"] = {"x-amz-request-id": "R1"}
    world.queues.inbox[0] = json.dumps(notification)

    world.deliver_inbox()

    (line,) = lines(log, "drop")
    assert line["correlation_id"] == "R1"


def test_keys_of_one_message_do_not_stay_for_the_next(world: World, log) -> None:
    world.approve()
    world.put("a.parquet", parquet(1))
    world.queues.inbox.append("no message of ours")
    world.deliver_inbox()

    (ignored,) = lines(log, "message is not for us")
    assert "drop_id" not in ignored
    assert ignored["message_id"] == "1"
