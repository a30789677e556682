"""One drop, followed: each state and log line once, in order, until it is final."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from dropscore.domain.drop import DropState
from ops import tail
from ops.errors import NotADrop
from ops.tail import Follower, Subject, subject_of
from tests.unit.builders import NOW


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """Nobody waits."""
    monkeypatch.setattr(tail, "LEDGER_SECONDS", 0.0)


def logged(world, group, **line):
    logs = world.client("logs")
    logs.create_log_stream(logGroupName=group, logStreamName=f"{group}-{len(line)}")
    event = {"timestamp": int(datetime.now(UTC).timestamp() * 1000), "message": json.dumps(line)}
    logs.put_log_events(logGroupName=group, logStreamName=f"{group}-{len(line)}", logEvents=[event])


def told(follower, seconds=60):
    return [f"{line.source} {line.text}" for lines in follower.follow(seconds) for line in lines]


def test_states_and_log_lines_are_told_once(world, stock):
    drop = stock.add(DropState.REJECTED, timedelta())
    logged(world, "PrepareLogs", level="INFO", message="drop", drop_id=drop.drop_id, state="REJECTED")
    logged(world, "CollectLogs", level="INFO", message="another's", drop_id="f" * 20)

    follower = Follower(world.stack, Subject(drop.drop_id, None))
    lines = told(follower)

    assert lines == ["ledger PREPARING", "ledger REJECTED: bad", "PrepareLogs INFO drop state=REJECTED"]
    assert follower.final


def test_a_drop_that_is_not_final_is_told_with_what_it_waits_for_and_not_for_ever(world, stock):
    drop = stock.add(DropState.WAITING, timedelta())

    follower = Follower(world.stack, Subject(drop.drop_id, None))
    lines = told(follower, seconds=0.5)

    assert lines[-1] == "ledger waits for a model: no longer approved"
    assert len(lines) == len(set(lines))
    assert not follower.final


def test_states_that_come_meanwhile_are_told(world, stock):
    drop = stock.add(DropState.PREPARING, timedelta())
    follower = Follower(world.stack, Subject(drop.drop_id, None))
    steps = follower.follow(60)
    first = [line.text for line in next(steps)]

    stock._drops.reject(drop, "bad", None, None, NOW)

    assert first[0] == "PREPARING"
    assert "REJECTED: bad" in [line.text for lines in steps for line in lines]


def test_a_key_is_its_current_version_s_drop(world):
    world.put("a.parquet")
    newest = world.put("a.parquet")

    assert subject_of(world.stack, "a.parquet") == Subject(newest.drop_id, "a.parquet")
    assert subject_of(world.stack, "s3://inbox/a.parquet").drop_id == newest.drop_id


def test_a_key_whose_file_is_gone_is_its_newest_drop(world, stock):
    stock.add(DropState.SCORED, timedelta(), "gone.parquet", sequencer="0A")
    newest = stock.add(DropState.SCORED, timedelta(), "gone.parquet", sequencer="0B")

    assert subject_of(world.stack, "gone.parquet").drop_id == newest.drop_id


def test_what_nobody_knows_is_refused(world):
    with pytest.raises(NotADrop, match="is it a key of inbox"):
        subject_of(world.stack, "never.parquet")
    with pytest.raises(NotADrop, match="the ledger has no drop"):
        told(Follower(world.stack, Subject("0" * 20, None)))


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("unload/20240701_v74wa", "its key does not end in .parquet. If it is data, .* InboxSuffixes"),
        ("sales/_temporary/0/a.parquet", "a part of its key begins with _ .* put it under another key"),
        ("folder/", "it marks a folder"),
    ],
)
def test_of_an_object_that_is_no_drop_it_is_said_why(world, key, why):
    world.put(key)

    with pytest.raises(NotADrop, match=f"{key} is no drop, it is not scored: .*{why}"):
        subject_of(world.stack, key)


def test_a_drop_that_would_be_none_today_is_followed_all_the_same(world, stock):
    source = world.put("sales/_temporary/0/a.parquet")
    stock._drops.open(source, NOW, NOW)

    assert subject_of(world.stack, source.key) == Subject(source.drop_id, source.key)


def test_a_file_that_the_ledger_has_not_heard_of_yet_is_waited_for(world):
    source = world.put("a.parquet")

    lines = told(Follower(world.stack, subject_of(world.stack, "a.parquet")), seconds=0.3)

    assert lines == ["ledger has not heard of it yet: is it in InboxQueue? ops enqueue sends it anew"]
    assert source.key == "a.parquet"


def test_a_log_line_that_is_no_json_is_told_as_it_is(world, stock):
    drop = stock.add(DropState.REJECTED, timedelta())
    logs = world.client("logs")
    logs.create_log_stream(logGroupName="PrepareLogs", logStreamName="s")
    event = {
        "timestamp": int(datetime.now(UTC).timestamp() * 1000),
        "message": f"Task timed out {drop.drop_id}\n",
    }
    logs.put_log_events(logGroupName="PrepareLogs", logStreamName="s", logEvents=[event])

    assert f"PrepareLogs Task timed out {drop.drop_id}" in told(
        Follower(world.stack, Subject(drop.drop_id, None))
    )
