"""The smoke test's frame and end, and the items that the embedded AWS cannot answer, on AWS's own shapes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.stub import ANY, Stubber
from typer.testing import CliRunner

from dropscore.domain.drop import DropState
from ops.cli import options
from ops.cli.app import app
from ops.errors import BadChoice, NothingToSee
from ops.smoke import cleaning, items_aws
from ops.smoke.frame import Patience, Smoke, State, ok, see
from ops.smoke.run import ITEMS, cost, refuse, run
from ops.stack import Stack
from tests.ops.builders import error, real_client
from training.registry.packages import ModelVersion

AT_ONCE = Patience(**dict.fromkeys(Patience.__dataclass_fields__, 0.0))
STARTED = datetime(2026, 11, 22, 12, tzinfo=UTC)
ARN = "arn:aws:sagemaker:eu-central-1:123456789012:model-package/dropscore/1"
GROUP = {"ModelPackageGroupName": "dropscore", "SortBy": "CreationTime", "SortOrder": "Descending"}


def smoke_on(stack: Stack, tmp_path, jobs=("dropscore-a",), rows=3) -> Smoke:
    """The test on a stack, with jobs that have scored its drops."""

    class Scored(Smoke):
        def scored(self):
            return {"a": SimpleNamespace(drop_id="0" * 20, rows_scored=rows, job=jobs[0])}

        def jobs(self):
            return list(jobs)

    made = Scored(stack, "smoke-00000000", tmp_path, STARTED, AT_ONCE)
    made.made.version = ModelVersion(ARN, 1, "Approved")
    return made


def packages(*status: str) -> Stubber:
    """A registry that lists versions, the newest first."""
    stub = Stubber(real_client("sagemaker"))
    listed = [
        {
            "ModelPackageArn": f"{ARN[:-1]}{number}",
            "ModelPackageVersion": number,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": one,
            "CreationTime": STARTED,
        }
        for number, one in reversed(list(enumerate(status, 1)))
    ]
    stub.add_response("list_model_packages", {"ModelPackageSummaryList": listed}, GROUP)
    stub.activate()
    return stub


@pytest.fixture
def empty(world) -> Stack:
    """A stack without any version."""
    return world.with_clients(sagemaker=packages().client)


# ---- The frame ----
def test_whatever_goes_wrong_in_an_item_is_what_it_saw(world, tmp_path):
    smoke = smoke_on(world.stack, tmp_path)

    def raising(what: BaseException):
        def item(_: Smoke):
            raise what

        return see(item, smoke)

    skipped = raising(NothingToSee("ApiAuth is JWT"))
    denied = raising(error("LookupEvents", "AccessDeniedException"))
    assert (skipped.state, skipped.saw) == (State.SKIPPED, "ApiAuth is JWT")
    assert denied.state is State.SKIPPED
    assert "LookupEvents" in denied.saw
    assert "Who runs the smoke test" in denied.saw
    assert raising(error("GetObject", "NoSuchKey")).state is State.FAILED
    assert raising(ZeroDivisionError("by 0")).saw == "ZeroDivisionError: by 0"


def test_an_item_that_breaks_keeps_no_other_from_running(empty, tmp_path):
    ran = []

    def breaks(_: Smoke):
        raise ValueError

    done = run(
        empty, tmp_path, patience=AT_ONCE, items={"a": breaks, "b": lambda s: ran.append(s) or ok("b")}
    )

    assert {name: seen.state for name, seen in done.items.items()} == {"a": State.FAILED, "b": State.OK}
    assert len(ran) == 1
    assert done.failed


def test_ctrl_c_leaves_the_other_items_out_and_removes_what_was_made(world, tmp_path):
    world.put("smoke/x/a.parquet")

    def interrupted(smoke: Smoke):
        smoke.made.prefixes.append(("inbox", "smoke/x/"))
        raise KeyboardInterrupt

    done = run(world.stack, tmp_path, patience=AT_ONCE, items={"a": interrupted, "b": lambda _: ok("b")})

    assert done.interrupted
    assert [seen.saw for seen in done.items.values()] == ["interrupted", "interrupted"]
    assert done.cleaned.removed == ["s3://inbox/smoke/x/ (1 versions)"]
    assert "Versions" not in world.client("s3").list_object_versions(Bucket="inbox")


def test_a_wait_has_a_limit():
    looks = []
    assert AT_ONCE.until(lambda: looks.append(1), 0) is None
    assert len(looks) == 1
    assert AT_ONCE.until(lambda: "found", 0) == "found"


# ---- Before it begins ----
def test_a_stack_that_works_is_left_alone_unless_it_is_asked_for(world, stock):
    approved = world.with_clients(sagemaker=packages("Approved", "Rejected").client)
    with pytest.raises(BadChoice, match=r"version 1 is approved.*--replace-approved"):
        refuse(approved, replace_approved=False)
    refuse(approved, replace_approved=True)

    stock.add(DropState.WAITING, timedelta())
    with pytest.raises(BadChoice, match="drops are WAITING"):
        refuse(world.with_clients(sagemaker=packages().client), replace_approved=False)


def test_a_new_stack_may_be_tested(empty, stock):
    stock.add(DropState.SCORED, timedelta())
    refuse(empty, replace_approved=False)


def test_a_paused_stack_would_start_no_job(empty):
    paused = replace(empty, parameters={**empty.parameters, "Paused": "true"})
    with pytest.raises(BadChoice, match="Paused=false"):
        refuse(paused, replace_approved=True)


def test_the_cost_is_reckoned_from_jobs_instances_and_minutes(empty):
    # 6 jobs x 1 instance x 5 minutes x 0.115 an hour
    assert "up to 6 transform jobs, each 1 x ml.m5.large for some 5 minutes: about 0.06 dollars" in cost(
        empty
    )
    unknown = replace(empty, parameters={**empty.parameters, "InstanceType": "ml.new.large"})
    assert "the price of ml.new.large is not known here" in cost(unknown)


def test_nothing_is_done_before_somebody_has_agreed_to_the_cost(empty, monkeypatch, tmp_path):
    monkeypatch.setattr(options, "connect", lambda *_, **__: None)
    monkeypatch.setattr(options, "find_stack", lambda _: empty)

    result = CliRunner().invoke(app, ["smoke", "--out", str(tmp_path / "smoke.json")])

    assert "0.06 dollars" in str(result.exception)
    assert "nothing was done" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


# ---- Its end ----
def test_what_cannot_be_removed_is_said_and_keeps_nothing_else_from_it(world, tmp_path):
    sagemaker = real_client("sagemaker")
    with Stubber(sagemaker) as stub:
        stub.add_client_error("list_model_packages", "AccessDeniedException", "no")
        stub.add_client_error("delete_model_package", "AccessDeniedException", "no")
        smoke = Smoke(world.with_clients(sagemaker=sagemaker), "smoke-0", tmp_path, STARTED, AT_ONCE)
        smoke.made.version = ModelVersion(ARN, 1, "Approved")
        smoke.made.prefixes += [("nowhere", "smoke/"), ("inbox", "smoke/x/")]
        world.put("smoke/x/a.parquet")
        world.put("smoke/x/a.parquet")
        world.put("other.parquet")

        done = cleaning.clean(smoke)

    assert [left.split(" (")[0] for left in done.left] == ["the model version"] * 2 + ["s3://nowhere/smoke/"]
    assert done.removed == ["s3://inbox/smoke/x/ (2 versions)"]
    listed = world.client("s3").list_object_versions(Bucket="inbox")["Versions"]
    assert [entry["Key"] for entry in listed] == ["other.parquet"]


def test_a_drop_that_never_came_is_left_with_its_name(world, tmp_path):
    smoke = Smoke(world.stack, "smoke-0", tmp_path, STARTED, AT_ONCE)
    smoke.made.drops["one-row"] = "f" * 20

    assert cleaning.clean(smoke).left == ["one-row: the ledger has not heard of it"]


# ---- Items that the embedded AWS cannot answer ----
@pytest.mark.parametrize(
    ("sent", "lost", "state"), [([1.0, 2.0], [], "ok"), ([1.0], [1.0], "failed"), ([], [], "failed")]
)
def test_the_rule_has_sent_an_event_for_each_job(world, tmp_path, sent, lost, state):
    cloudwatch = real_client("cloudwatch")
    values = {"invocations": sent, "failedinvocations": lost}
    answer = {"MetricDataResults": [{"Id": name, "Values": found} for name, found in values.items()]}
    world.stack.resources["TransformRule"] = "default|dropscore-rule"
    with Stubber(cloudwatch) as stub:
        stub.add_response("get_metric_data", answer)
        seen = items_aws.rule_metrics(smoke_on(world.with_clients(cloudwatch=cloudwatch), tmp_path))

    assert seen.state.value == state


def test_metrics_are_those_of_the_stack_s_namespace(world, tmp_path):
    smoke = smoke_on(world.stack, tmp_path)
    assert items_aws.metrics(smoke).state is State.FAILED

    data = [{"MetricName": name, "Value": 1} for name in items_aws.EXPECTED_METRICS]
    world.client("cloudwatch").put_metric_data(Namespace="Dropscore/dropscore", MetricData=data)

    assert items_aws.metrics(smoke).saw == "5 metrics in Dropscore/dropscore"


def trail_event(name: str, role: str, **more: object) -> dict[str, str]:
    """An event as CloudTrail has it ("CloudTrail record contents", user guide)."""
    issuer = {"type": "Role", "userName": role}
    identity = {"type": "AssumedRole", "sessionContext": {"sessionIssuer": issuer}}
    return {"CloudTrailEvent": json.dumps({"eventName": name, "userIdentity": identity, **more})}


@pytest.mark.parametrize(
    ("code", "state"), [(None, "ok"), ("AccessDenied", "failed"), ("Client.UnauthorizedOperation", "failed")]
)
def test_what_the_stack_s_roles_were_refused_is_named(world, tmp_path, code, state):
    cloudtrail, refused = real_client("cloudtrail"), {"errorCode": code} if code else {}
    world.stack.resources.update(PrepareRole="role-p", PrepareFunction="prepare")
    job = trail_event("CreateTransformJob", "role-p", requestParameters={"transformJobName": "dropscore-a"})
    by_somebody = trail_event("DescribeKey", "admin", errorCode="AccessDenied")
    pages = [
        ("EventName", "CreateTransformJob", [job]),
        ("Username", "prepare", [job, trail_event("CreateModel", "role-p", **refused), by_somebody]),
        ("Username", "SageMaker", []),
    ]
    with Stubber(cloudtrail) as stub:
        for attribute, value, events in pages:
            asked = [{"AttributeKey": attribute, "AttributeValue": value}]
            expected = {"LookupAttributes": asked, "StartTime": STARTED, "EndTime": ANY, "MaxResults": 50}
            stub.add_response("lookup_events", {"Events": events}, expected)
        connection = world.with_clients(cloudtrail=cloudtrail)
        world.stack.resources.pop("SweepFunction")
        seen = items_aws.access_denied(smoke_on(connection, tmp_path))

    assert seen.state.value == state
    assert ("CreateModel by role-p" in seen.saw) == (state == "failed")
    assert "admin" not in seen.saw


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"State": "FAILED", "StateChangeReason": "CONSTRAINT_VIOLATION: For the injected …"}, "ok"),
        ({"State": "FAILED", "StateChangeReason": "Access denied"}, "failed"),
        ({"State": "SUCCEEDED"}, "failed"),
    ],
)
def test_athena_has_to_refuse_a_query_that_names_no_version(world, tmp_path, status, state):
    athena = real_client("athena")
    stack = world.with_clients(athena=athena)
    stack = replace(stack, outputs={"ResultsDatabaseName": "dropscore"})
    started = {"QueryExecutionId": "q" * 36}
    with Stubber(athena) as stub:
        stub.add_response("start_query_execution", started)
        stub.add_response("get_query_execution", {"QueryExecution": {"Status": status}})
        stub.add_response("get_query_results", {"ResultSet": {"Rows": []}})
        seen = items_aws.athena_unfiltered(smoke_on(stack, tmp_path))

    assert seen.state.value == state


def test_every_item_has_a_name_that_a_document_can_name():
    assert all(name == name.lower() and " " not in name for name in ITEMS)
    assert all(item.__doc__ for item in ITEMS.values())
