"""The commands: what they print for a person and for a machine, what they ask, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dropscore.domain.drop import DropState
from ops import sweeping
from ops.__main__ import main
from ops.cli import enqueue as enqueue_command
from ops.cli import options
from ops.cli.app import app
from ops.cli.output import ago, size
from tests.command_line import run_here
from tests.ops.builders import SweepDouble

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def run(world, monkeypatch):
    """Runs a command against the stack, or one like it."""

    def run(*arguments, stack=None):
        monkeypatch.setattr(options, "connect", lambda *_, **__: None)
        monkeypatch.setattr(options, "find_stack", lambda _: stack or world.stack)
        return CliRunner().invoke(app, arguments)

    return run


def document(result):
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("enqueue", "s3://inbox/"),
        ("retry", "--all", "--yes"),
        ("redrive",),
        ("redrive", "--dry-run"),
        ("rescore", "--prefix", "", "--yes"),
    ],
    ids=" ".join,
)
def test_with_json_stdout_is_one_document_and_nothing_else(run, arguments):
    result = run(*arguments, "--json")

    assert (result.exit_code, document(result)["stack"]) == (0, "dropscore")


def test_status_says_what_is_there(run, stock):
    stock.add(DropState.WAITING, timedelta())

    result = run("status")

    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "WAITING 1" in lines
    assert "1 WAITING for 1 h waits for a model: no longer approved" in lines
    assert any(line.startswith("next: python -m training list") for line in lines)


def test_status_counts_what_the_document_says(run, stock):
    stock.add(DropState.REJECTED, timedelta())

    told = document(run("status", "--json"))

    assert told["drops"]["REJECTED"] == {"count": 1, "more": False}
    assert [queue["name"] for queue in told["queues"]][:2] == ["InboxQueue", "CollectQueue"]
    assert told["next"] == []


def test_enqueue_names_what_it_has_sent_and_how_to_find_it(run, world):
    world.put("data/a.parquet")

    result = run("enqueue", "s3://inbox/data/")

    assert "  data/a.parquet" in result.stdout
    assert "1 file: 0 known, 1 (4 bytes) that the ledger lacks, 1 sent" in result.stdout
    assert "correlation_id ops-enqueue-" in result.stdout


def test_enqueue_says_what_is_no_drop_and_why(run, world):
    world.put("unload/20240701_v74wa")
    world.put("sales/_temporary/0/a.parquet")

    told = run("enqueue", "s3://inbox/").stdout

    assert "no drops: 1 object (suffix: its key does not end in .parquet), such as" in told
    assert "  unload/20240701_v74wa\n" in told
    assert "no drops: 1 object (hidden: a part of its key begins with _" in told
    assert "  sales/_temporary/0/a.parquet\n" in told
    assert "0 files: 0 known" in told


def test_status_says_how_many_objects_were_no_drops_and_why(run, world):
    world.count_no_drops(timedelta(hours=2), ObjectsSkippedSuffix=3)

    lines = [" ".join(line.split()) for line in run("status").stdout.splitlines()]

    assert "objects of the inbox that are no drops (last 7 days)" in lines
    assert "suffix 3 its key does not end in .parquet" in lines


def test_tail_of_what_is_no_drop_says_why(run, world):
    world.put("unload/20240701_v74wa")

    result = run("tail", "unload/20240701_v74wa")

    assert "is no drop, it is not scored: its key does not end in .parquet" in str(result.exception)


def test_a_key_does_not_steer_the_terminal(run, world):
    world.put("\x9b2Jgone:x:.parquet")

    result = run("enqueue", "s3://inbox/", "--dry-run")

    assert "  \\x9b2Jgone:x:.parquet\n" in result.stdout
    assert "\x9b" not in result.stdout


def test_retry_says_why_drops_failed_and_asks(run, world, stock):
    drop = stock.add(DropState.FAILED, timedelta())
    sweep = SweepDouble()
    stack = world.with_clients(lambda_=sweep)

    refused = run("retry", "--all", stack=stack)
    agreed = run("retry", "--all", "--yes", stack=stack)

    assert "Pass --yes" in str(refused.exception)
    assert "  1  failed twice" in agreed.stdout
    assert "1 drop WAITING" in agreed.stdout
    assert sweep.asked == [{"retry": [drop.drop_id]}]


def test_retry_of_drops_by_name_asks_nobody_and_fails_when_one_was_left_alone(run, world):
    sweep = SweepDouble({"b" * 20: "left alone: it is SCORED, only FAILED drops are retried"})
    stack = world.with_clients(lambda_=sweep)

    assert run("retry", "a" * 20, stack=stack).exit_code == 0
    result = run("retry", "a" * 20, "b" * 20, "--json", stack=stack)

    assert result.exit_code == 1
    assert set(document(result)["retry"]) == {"a" * 20, "b" * 20}


@pytest.mark.parametrize(
    "arguments",
    [
        ("retry",),
        ("retry", "--all", "--day", "2026-11-22"),
        ("retry", "--day", "22.11."),
        ("rescore",),
        ("rescore", "--key", "a", "--day", "2026-11-22"),
        ("rescore", "--key", "a", "--state", "WAITING"),
        ("rescore", "--key", "a", "--before", "noon"),
    ],
    ids=" ".join,
)
def test_what_does_not_go_together_is_refused(run, arguments):
    result = run(*arguments)

    assert type(result.exception).__name__ == "BadChoice"


def test_rescore_says_how_many_and_what_it_costs_before_it_asks(run, world, stock):
    source = world.put("a.parquet")
    stock._drops.reject(stock._drops.open(source, stock.start, stock.start), "bad", None, None, stock.start)
    later = ("--before", "2100-01-01T00:00:00Z")

    refused = run("rescore", "--key", "a.parquet", *later)
    dry = run("rescore", "--key", "a.parquet", "--dry-run", "--json", *later)
    done = run("rescore", "--key", "a.parquet", "--yes", *later)

    assert "1 file, 4 bytes, 0 rows" in refused.stdout
    assert "cost: under 0.01 dollars for copying" in refused.stdout
    assert type(refused.exception).__name__ == "NeedsConfirmation"
    assert (document(dry)["files"], document(dry)["copied"], document(dry)["cost"]["transform_jobs"]) == (
        1,
        0,
        1,
    )
    assert "1 copied, 0 not" in done.stdout
    assert len(world.client("s3").list_object_versions(Bucket="inbox")["Versions"]) == 2


def test_release_by_arn(run, world):
    sweep = SweepDouble()

    result = run("release", "arn:x", stack=world.with_clients(lambda_=sweep))

    assert "arn:x: scores again" in result.stdout
    assert sweep.asked == [{"release": "arn:x"}]


def test_tail_ends_with_what_came_of_the_drop(run, stock, monkeypatch):
    monkeypatch.setattr("ops.tail.LEDGER_SECONDS", 0.0)
    drop = stock.add(DropState.REJECTED, timedelta(), "data/a.parquet")

    result = run("tail", drop.drop_id)
    told = document(run("tail", drop.drop_id, "--json"))

    assert result.exit_code == 1
    assert "ledger       REJECTED: bad" in result.stdout
    assert (told["state"], told["key"], told["final"]) == ("REJECTED", "data/a.parquet", True)


def test_ctrl_c_says_what_was_done_and_leaves_with_130(run, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(enqueue_command, "send_what_lacks", interrupted)

    person, machine = run("enqueue", "s3://inbox/"), run("enqueue", "s3://inbox/", "--json")

    assert (person.exit_code, machine.exit_code) == (130, 130)
    assert "interrupted: 0 files" in person.stdout
    assert document(machine)["interrupted"] is True


def test_ctrl_c_in_the_middle_of_many_says_how_many_were_asked_for(run, world, monkeypatch):
    def half(*_):
        yield {"a" * 20: "WAITING, to be prepared and scored anew"}
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeping, "retry", half)
    result = run("retry", "a" * 20, "b" * 20, stack=world.stack)

    assert "1 of 2 asked for" in result.stdout


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (90, "2 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_durations(seconds, text):
    assert ago(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(1023, "1,023 bytes"), (2048, "2.0 KiB"), (5 * 1024**4, "5,120.0 GiB")]
)
def test_sizes(count, text):
    assert size(count) == text


@pytest.fixture
def nowhere(monkeypatch):
    """Variables of an AWS that does not answer; nobody waits between the tries."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_CONFIG_FILE": os.devnull}
    return {**clean, **keys, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}


def test_an_error_is_one_line_and_for_machines_json(nowhere):
    done = run_here(main, "status", "--json", environment=nowhere)

    assert done.returncode == 1
    assert "Could not connect" in json.loads(done.stdout)["error"]
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_doctor_says_that_it_cannot_reach_aws(nowhere):
    done = run_here(main, "doctor", environment=nowhere)

    assert done.returncode == 1
    assert "problem  account: Could not connect" in done.stdout


def test_without_a_terminal_nothing_is_coloured():
    command = [sys.executable, "-m", "ops", "--help"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    for command in ("doctor", "status", "tail", "enqueue", "retry", "release", "redrive", "rescore", "page"):
        assert f"\n  {command} " in done.stdout
