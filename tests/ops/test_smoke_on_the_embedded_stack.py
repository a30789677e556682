"""The smoke test on a deployed stack of its own, by a user who may do what docs/permissions.md says."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import pytest

from local.demo.model import install_sample_model
from local.stack import STACK_NAME, LocalStack
from ops.__main__ import main
from ops.connection import Connection
from ops.smoke.frame import Item, Patience, Seen, Smoke, State, ok
from ops.smoke.run import ITEMS, Run, run
from ops.stack import Stack, find_stack
from tests.command_line import run_here
from tests.flow.flow import Flow, parquet
from tests.local.builders import Principal, principal

pytestmark = pytest.mark.slow

DOCUMENT = (Path(__file__).parents[2] / "docs" / "permissions.md").read_text()
ORIGIN = "https://pages.example"
PARAMETERS = {
    "JobWindowSeconds": "2",
    "BatchSize": "10",
    "BatchWindowSeconds": "0",
    "RealtimeEndpoint": "enabled",
    "ApiCorsOrigins": ORIGIN,
}
CANNOT_ANSWER = {
    "athena-unfiltered": "this AWS does not answer: it ignores partition projection, and answers",
    "rule-metrics": "this AWS does not answer: it makes no metrics of rules",
    "metrics": "this AWS does not answer: it makes no metrics of log lines",
    "access-denied": "this AWS does not answer: it records no trail",
}
PATIENCE = Patience(poll=0.3)


@pytest.fixture(scope="module")
def local() -> Iterator[LocalStack]:
    """A stack without a model, whose jobs last long enough to be stopped."""
    with LocalStack(parameters=PARAMETERS) as stack:
        stack.change_faults(job_delay_seconds=4)
        yield stack


@pytest.fixture(scope="module")
def user(local: LocalStack) -> Principal:
    """Who may do what an operator may and the smoke test needs, and nothing else."""
    names = ("An operator", "Who runs the smoke test")
    sections = [DOCUMENT.split(f"## {name}\n")[1].split("\n## ")[0] for name in names]
    actions = sorted(set(re.findall(r"`([a-z0-9-]+:[A-Z]\w+)`", "".join(sections))))
    return principal(local, {"Action": actions, "Resource": "*"})


@pytest.fixture
def environment(local: LocalStack, user: Principal) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **clean,
        "AWS_ENDPOINT_URL": local.endpoint_url,
        "AWS_REGION": local.region,
        "AWS_ACCESS_KEY_ID": user.access_key_id,
        "AWS_SECRET_ACCESS_KEY": user.secret_access_key,
        "STACK": STACK_NAME,
    }


@pytest.fixture
def stack(local: LocalStack, user: Principal) -> Stack:
    session = boto3.Session(user.access_key_id, user.secret_access_key, region_name=local.region)
    return find_stack(Connection(session, local.region, STACK_NAME, local.endpoint_url))


def only(*names: str, **more: Item) -> Mapping[str, Item]:
    return {name.replace("_", "-"): item for name, item in {**{n: ITEMS[n] for n in names}, **more}.items()}


def state(done: Run) -> dict[str, State]:
    return {name: seen.state for name, seen in done.items.items()}


def left_in(local: LocalStack) -> list[str]:
    """All versions of objects, but for what jobs have left in the work bucket, where it expires."""
    s3, found = local.client("s3"), []
    for bucket in ("Inbox", "Results", "Models"):
        listed = s3.list_object_versions(Bucket=local.outputs[f"{bucket}BucketName"])
        found += [entry["Key"] for entry in (*listed.get("Versions", []), *listed.get("DeleteMarkers", []))]
    work = s3.list_objects_v2(Bucket=local.outputs["WorkBucketName"], Prefix="smoke/")
    return found + [entry["Key"] for entry in work.get("Contents", [])]


def test_each_item_sees_what_is_there_and_nothing_is_left(
    local: LocalStack, environment: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "smoke.json"

    ran = run_here(main, "smoke", "--yes", "--json", "--out", out, environment=environment)

    told = json.loads(ran.stdout)
    items = told["items"]
    seen = {name: (item["state"], item["saw"]) for name, item in items.items() if item["state"] != "ok"}
    assert seen == {name: ("skipped", reason) for name, reason in CANNOT_ANSWER.items()}
    assert (ran.returncode, json.loads(out.read_text())) == (0, told)
    assert list(items) == list(ITEMS)
    # each says what it saw
    assert items["signed-list"]["saw"] == "GET drops: 403 without a signature, 200 with one"
    assert items["preflight"]["saw"].endswith(f"allows {ORIGIN}")
    assert items["conditional-writes"]["details"]["ResultsBucket"] == {
        "put without a condition": 403,
        "first put": 200,
        "second put": 412,
        "copy": 403,
    }
    drops = items["scoring"]["details"]["drops"]
    assert {name: drop["rows_scored"] for name, drop in drops.items()} == {
        "one-row": 1,
        "two-rows": 2,
        "many-rows": 100_000,
        "negative": 3,
    }
    assert "by EventBridge's event; its drop: SCORED" in items["stopped-job"]["saw"]
    assert items["quoting"]["details"]["plain"] == len(items["output-keys"]["details"]["keys"])
    assert items["athena"]["saw"] == "model_version = 1: 100,007 rows"
    assert items["rollback"]["saw"] == "version 1 rejected: none scores"
    # nothing of it is left but the ledger's items
    assert told["cleaned"]["left"] == told["cleaned"]["others"] == []
    assert len(told["cleaned"]["kept"]) == len(drops) + 1
    assert left_in(local) == []
    sagemaker = local.client("sagemaker")
    assert sagemaker.list_model_packages(ModelPackageGroupName="dropscore")["ModelPackageSummaryList"] == []
    assert sagemaker.list_models()["Models"] == []
    assert sagemaker.list_endpoints()["Endpoints"] == []


def test_cells_in_quotes_are_seen_as_such(local: LocalStack, stack: Stack, tmp_path: Path) -> None:
    local.change_faults(csv_style="quoted")
    try:
        done = run(stack, tmp_path, patience=PATIENCE, items=only("model", "scoring", "quoting"))
    finally:
        local.change_faults(csv_style="plain")

    assert set(state(done).values()) == {State.OK}
    assert done.items["quoting"].saw == "of 4 outputs: 4 quoted"


def test_an_item_fails_where_what_it_looks_at_is_broken(
    local: LocalStack, stack: Stack, tmp_path: Path
) -> None:
    s3, bucket = local.client("s3"), local.outputs["ResultsBucketName"]
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    try:
        done = run(stack, tmp_path, items=only("conditional-writes", "conditional-multipart"))
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)

    assert set(state(done).values()) == {State.FAILED}
    assert "ResultsBucket: put without a condition 200" in done.items["conditional-writes"].saw
    assert left_in(local) == []


def test_the_version_that_scored_before_scores_again_and_others_drops_are_named(
    local: LocalStack, environment: dict[str, str], stack: Stack, tmp_path: Path
) -> None:
    # GIVEN a version that scores
    flow = Flow(local, install_sample_model(local))
    # WHEN the test is run as on a new stack
    refused = run_here(main, "smoke", "--yes", "--out", tmp_path / "x.json", environment=environment)

    # THEN it does nothing
    assert refused.returncode == 1
    assert f"version {flow.model.version.number} is approved" in refused.stderr
    assert "--replace-approved" in refused.stderr
    assert not (tmp_path / "x.json").exists()

    # WHEN its version is approved instead, and somebody drops a file meanwhile
    def somebody(smoke: Smoke) -> Seen:
        del smoke
        (drop,) = flow.wait(flow.put("somebody.parquet", parquet(3)))
        return ok(drop.state.value)

    items = {"model": ITEMS["model"], "somebody": somebody, "rollback": ITEMS["rollback"]}
    done = run(stack, tmp_path, patience=PATIENCE, items=items)
    (after,) = flow.wait(flow.put("after.parquet", parquet(3)))

    # THEN what was dropped meanwhile is named, and the version before scores again
    assert done.items["somebody"].saw == "REJECTED"  # it has no column x
    assert done.cleaned is not None
    assert (done.cleaned.others, done.cleaned.left) == (["somebody.parquet"], [])
    assert done.items["rollback"].saw.endswith(f"version {flow.model.version.number} scores")
    assert (after.state, after.model and after.model.version) == ("SCORED", flow.model.version.number)
