"""Every command as a person runs it, on the deployed stack: files come, things break, and are mended."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dropscore.aws.ledger import Versions
from local.stack import STACK_NAME
from ops.__main__ import main
from tests.command_line import run_here
from tests.flow.flow import Flow, parquet, wait_for
from tests.local.builders import Principal, principal

REPOSITORY = Path(__file__).parents[2]
PERMISSIONS = (REPOSITORY / "docs" / "permissions.md").read_text()


MINISTACK_ASKS = "lambda:ListEventSourceMappings"
"""For GetEventSourceMapping: it tells the two apart by nothing but their method."""


@pytest.fixture(scope="module")
def operator(deployed: Flow) -> Principal:
    """A user who may do what docs/permissions.md says that an operator needs, and nothing else."""
    section = PERMISSIONS.split("## An operator\n")[1].split("\n## ")[0]
    actions = sorted(set(re.findall(r"`([a-z0-9]+:[A-Z]\w+)`", section)))
    assert len(actions) > 20
    return principal(deployed.stack, {"Action": [*actions, MINISTACK_ASKS], "Resource": "*"})


@pytest.fixture
def environment(deployed: Flow, operator: Principal, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Where a command finds the stack; nothing may be left in its TMPDIR."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    yield {
        **clean,
        "AWS_ENDPOINT_URL": deployed.stack.endpoint_url,
        "AWS_REGION": deployed.stack.region,
        "AWS_ACCESS_KEY_ID": operator.access_key_id,
        "AWS_SECRET_ACCESS_KEY": operator.secret_access_key,
        "STACK": STACK_NAME,
        "TMPDIR": str(tmp_path),
    }
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def start(environment):
    """Starts a command as a process."""

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "ops", *arguments]
        return subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A shell tells its background jobs to ignore Ctrl-C, and what they start inherits that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
        )

    return start


@pytest.fixture
def ops(environment):
    """Runs a command with `--json`: its document; `code` is the exit code that it has to have."""

    def ops(*arguments: str, code: int = 0):
        done = run_here(main, *arguments, "--json", environment=environment)
        assert done.returncode == code, (done.stdout, done.stderr)
        return json.loads(done.stdout)

    return ops


def findings(document, level):
    return {finding["about"]: finding for finding in document["findings"] if finding["level"] == level}


def test_the_doctor_finds_nothing_wrong_with_a_stack_that_is_well(flow, ops):
    told = ops("doctor")

    assert (told["problems"], told["warnings_found"]) == (0, 0)
    said = {finding["about"]: finding["found"] for finding in told["findings"]}
    assert "not asked: the embedded stack has no quotas" in said["quota"]
    assert said["model of group dropscore"].startswith(f"version {flow.model.version.number} scores")


def test_the_doctor_looks_at_names_before_there_is_a_stack(ops):
    told = ops("doctor", "--stack-name", "another", code=1)

    assert "stack another" in findings(told, "warning")
    # the group of the stack that is there, which a second one of the same parameters would make again
    assert list(findings(told, "problem")) == ["ModelPackageGroupName dropscore"]


def test_a_lost_notification_is_seen_by_the_doctor_and_made_up_for_by_enqueue(flow, ops):
    before = flow.s3.get_bucket_notification_configuration(Bucket=flow.inbox)
    flow.s3.put_bucket_notification_configuration(Bucket=flow.inbox, NotificationConfiguration={})
    drop_id = flow.put("lost/a b+ü.parquet", parquet(3))
    lost = ops("doctor", code=1)
    before.pop("ResponseMetadata")
    flow.s3.put_bucket_notification_configuration(Bucket=flow.inbox, NotificationConfiguration=before)

    first = ops("enqueue", f"s3://{flow.inbox}/lost/")
    told = ops("tail", "lost/a b+ü.parquet", "--for", "90")
    second = ops("enqueue", f"s3://{flow.inbox}/lost/")

    assert list(findings(lost, "problem")) == ["notification"]
    assert (first["keys"], first["sent"], second["known"], second["sent"]) == (
        ["lost/a b+ü.parquet"],
        1,
        1,
        0,
    )
    assert (told["drop_id"], told["state"], told["rows_in"]) == (drop_id, "SCORED", 3)
    states = [line["text"] for line in told["lines"] if line["source"] == "ledger"]
    assert [text for text in states if text.isupper()] == ["PREPARING", "PREPARED", "SCORING", "SCORED"]
    assert any(line["source"] == "PrepareLogs" for line in told["lines"])


def test_of_objects_that_are_no_drops_the_commands_say_why(flow, ops):
    flow.put("no-drops/unload/20240701_v74wa", parquet(2))
    flow.put("no-drops/_temporary/0/a.parquet", parquet(2))

    sent = ops("enqueue", f"s3://{flow.inbox}/no-drops/")
    tail = ops("tail", "no-drops/_temporary/0/a.parquet", code=1)

    assert (sent["seen"], sent["sent"]) == (0, 0)
    assert sent["no_drops"] == {"hidden": 1, "suffix": 1}
    assert sent["no_drop_keys"]["suffix"] == ["no-drops/unload/20240701_v74wa"]
    assert "is no drop, it is not scored: a part of its key begins with _" in tail["error"]
    assert ops("status")["no_drops"] is None  # no metrics are made of log lines there


def test_without_a_model_status_says_what_waits_for_what(flow, ops):
    arn = flow.model.version.arn
    flow.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    drop_id = flow.put("waits.parquet", parquet(2))
    flow.wait_until([drop_id], {"WAITING"})

    status, doctor = ops("status"), ops("doctor", code=1)
    tail = ops("tail", drop_id, "--for", "1", code=1)
    flow.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    flow.sweep()
    flow.wait(drop_id)

    assert status["drops"]["WAITING"]["count"] == 1
    (wait,) = status["waits"]
    assert "has no approved version" in wait["waits_for"]
    assert wait["needed"] in status["next"]
    assert list(findings(doctor, "problem")) == ["model of group dropscore"]
    assert tail["lines"][-1]["text"].startswith("waits for a model") or tail["state"] == "WAITING"


def test_failed_drops_are_retried(flow, ops):
    flow.stack.change_faults(fail_jobs=2, failure_reason="AlgorithmError: no such thing")
    drop_id = flow.put("fails.parquet", parquet(2))
    flow.wait_until([drop_id], {"FAILED"})

    status = ops("status")
    dry = ops("retry", "--all", "--dry-run")
    refused = ops("retry", "--all", code=1)
    told = ops("retry", "--all", "--yes")

    assert status["drops"]["FAILED"]["count"] == 1
    assert (dry["drops"], dry["retry"]) == ([drop_id], {})
    assert "--yes" in refused["error"]
    assert told["retry"][drop_id].startswith("WAITING")
    (drop,) = flow.wait_until([drop_id], {"SCORED"})
    assert drop.attempt == 2
    again = ops("retry", drop_id, code=1)
    assert again["retry"][drop_id].startswith("left alone: it is SCORED")


def test_a_held_version_is_found_and_released(flow, ops):
    arn, number = flow.model.version.arn, str(flow.model.version.number)
    Versions(flow.table).hold(arn, "its jobs end without output: x")
    drop_id = flow.put("held.parquet", parquet(2))
    flow.wait_until([drop_id], {"PREPARED"})

    status, doctor, held = ops("status"), ops("doctor", code=1), ops("release")
    told = ops("release", number)

    assert status["held"] == {arn: "its jobs end without output: x"}
    assert any("which is held" in wait["waits_for"] for wait in status["waits"])
    assert "is held" in findings(doctor, "problem")["model of group dropscore"]["found"]
    assert [one["version"] for one in held["held"]] == [int(number)]
    assert told["release"] == {arn: "scores again"}
    flow.table.change(f"drop#{drop_id}", {"due": "2020-01-01T00:00:00.000Z"}, None)  # not in 5 minutes, now
    flow.sweep()
    flow.wait(drop_id)
    assert ops("release", number, code=1)["release"] == {arn: "left alone: it is not held"}


def test_dead_letters_are_looked_at_and_sent_back(flow, ops):
    before = flow.s3.get_bucket_notification_configuration(Bucket=flow.inbox)
    flow.s3.put_bucket_notification_configuration(Bucket=flow.inbox, NotificationConfiguration={})
    drop_id = flow.put("dead.parquet", parquet(2))
    before.pop("ResponseMetadata")
    flow.s3.put_bucket_notification_configuration(Bucket=flow.inbox, NotificationConfiguration=before)
    record = {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": flow.inbox}, "object": {"key": "dead.parquet"}},
    }
    dlq = flow.stack.outputs["InboxDlqUrl"]
    flow.sqs.send_message(QueueUrl=dlq, MessageBody=json.dumps({"Records": [record]}))

    doctor, status = ops("doctor", code=1), ops("status")
    told = ops("redrive")

    assert findings(doctor, "problem")["InboxDlq"]["found"] == "1 in it"
    assert any("redrive" in needed for needed in status["next"])
    assert told["queues"]["InboxDlq"] == {
        "found": 1,
        "moved": 1,
        "kinds": {"S3 notifications": 1},
        "names": ["dead.parquet"],
    }
    (drop,) = flow.wait_until([drop_id], {"SCORED"})
    assert drop.source.key == "dead.parquet"
    assert flow.dead_letters()["InboxDlqUrl"] == 0


def test_a_look_at_dead_letters_takes_nothing_out(flow, ops):
    dlq = flow.stack.outputs["CollectDlqUrl"]
    flow.sqs.send_message(QueueUrl=dlq, MessageBody='{"job": "dropscore-nobody-s"}')

    told = ops("redrive", "--dry-run")
    left = flow.dead_letters()["CollectDlqUrl"]
    flow.sqs.purge_queue(QueueUrl=dlq)

    assert told["queues"]["CollectDlq"]["kinds"] == {"jobs to collect": 1}
    assert told["queues"]["CollectDlq"]["moved"] == 0
    assert left in (0, 1)  # hidden for a while, and not deleted


def test_files_are_scored_again_once(flow, ops):
    flow.wait(flow.put("again/a.parquet", parquet(3)), flow.put("again/b.parquet", parquet(3)))
    wait_for(lambda: int(time.time()) > flow_second(flow, "again/b.parquet"), lambda: "the same second")

    dry = ops("rescore", "--prefix", "again/", "--dry-run")
    told = ops("rescore", "--prefix", "again/", "--yes")
    repeated = ops("rescore", "--prefix", "again/", "--yes", "--before", told["before"])

    assert (dry["files"], dry["rows"], dry["copied"]) == (2, 6, 0)
    assert dry["cost"]["transform_jobs"] == 1
    assert (told["copied"], told["failed"]) == (2, 0)
    assert (repeated["files"], repeated["copied"]) == (0, 0)
    assert ops("tail", "again/a.parquet", "--for", "90")["state"] == "SCORED"
    versions = flow.s3.list_object_versions(Bucket=flow.inbox, Prefix="again/")["Versions"]
    assert len(versions) == 4


def flow_second(flow: Flow, key: str) -> int:
    return int(flow.s3.head_object(Bucket=flow.inbox, Key=key)["LastModified"].timestamp())


def test_a_day_and_a_version_are_found_in_the_ledger(flow, ops):
    (drop,) = flow.wait(flow.put("day.parquet", parquet(2)))
    wait_for(lambda: int(time.time()) > flow_second(flow, "day.parquet"), lambda: "the same second")

    day = ops("rescore", "--day", f"{drop.arrived_at:%Y-%m-%d}", "--dry-run")
    version = ops("rescore", "--version", str(flow.model.version.number), "--dry-run")
    other = ops("rescore", "--version", "99", "--dry-run")

    assert day["files"] >= 1
    assert version["files"] >= 1
    assert other["files"] == 0


def test_ctrl_c_ends_tail_with_what_was_seen_and_leaves_nothing_running(flow, start):
    flow.stack.change_faults(job_delay_seconds=60)
    drop_id = flow.put("slow.parquet", parquet(2))
    flow.wait_until([drop_id], {"SCORING"})
    process = start("tail", drop_id)
    seen = []
    for line in process.stdout:
        seen.append(line)
        if "SCORING" in line:
            break
    process.send_signal(signal.SIGINT)
    rest, err = process.communicate(timeout=120)
    flow.stack.reset_faults()

    assert process.returncode == 130
    assert "interrupted: the drop goes on" in rest
    assert err == ""
    assert not any("\x1b" in line for line in seen)


def test_what_is_not_there_is_refused_in_one_line(ops):
    assert "--stack-name" in ops("status", "--stack-name", "another", code=1)["error"]
    assert "is not the inbox" in ops("enqueue", "s3://elsewhere/", code=1)["error"]
    assert "no file" in ops("tail", "never.parquet", code=1)["error"]
