"""What the doctor finds: each thing that can lack or be off has its line, its level and what to do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from dropscore.domain.spec import sha256_hex
from ops.doctor import deployed, examine, preflight, quotas
from ops.doctor.finding import Level, looked_at, ok
from ops.stack import Stack
from tests.ops.builders import PARAMETERS, FakeConnection, error, real_client
from tests.unit.builders import ARN

KIND = "ml.m5.large for transform job usage"


def listed(**values):
    """A page of quotas, with some of SageMaker's other two thousand."""
    named = {name.replace("_", " "): value for name, value in values.items()}
    rest = {"ml.m5.large for training job usage": 8.0, "ml.m5.large for endpoint usage": 4.0}
    return {
        "Quotas": [
            {"ServiceCode": "sagemaker", "QuotaCode": f"L-{place:08X}", "QuotaName": name, "Value": value}
            for place, (name, value) in enumerate({**rest, **named}.items())
        ]
    }


def with_quotas(*pages, default=()):
    """What the look at quotas finds, with these pages of applied values, and these of AWS's defaults."""
    client = real_client("service-quotas")
    with Stubber(client) as stubber:
        for operation, told in (("list_service_quotas", pages), ("list_aws_default_service_quotas", default)):
            for place, page in enumerate(told):
                more = {"NextToken": "more"} if place + 1 < len(told) else {}
                asked = {"ServiceCode": "sagemaker", "MaxResults": 100}
                stubber.add_response(
                    operation, {**page, **more}, {**asked, "NextToken": "more"} if place else asked
                )
        found = list(quotas.look_at_quotas(FakeConnection({"service-quotas": client}), PARAMETERS))
        stubber.assert_no_pending_responses()
    return found


def levels(findings):
    return [finding.level.value for finding in findings]


def only(findings):
    (finding,) = findings
    return finding


def test_a_quota_is_found_by_its_name_on_whatever_page_it_is():
    everything = {KIND: 20.0, quotas.ALL_INSTANCES: 4.0}

    found = with_quotas(listed(), listed(**everything))

    assert levels(found) == ["ok", "ok"]
    assert {finding.about for finding in found} == {f"quota {name}" for name in everything}


def test_no_quota_is_a_problem_and_too_small_a_one_a_warning():
    found = with_quotas(listed(**{KIND: 0.0, quotas.ALL_INSTANCES: 2.0}))

    by_name = {finding.about: finding for finding in found}
    assert by_name[f"quota {KIND}"].level is Level.PROBLEM
    assert "request an increase" in by_name[f"quota {KIND}"].next
    assert by_name[f"quota {quotas.ALL_INSTANCES}"].level is Level.WARNING


def test_where_the_account_has_no_value_of_its_own_aws_s_default_counts():
    applied = listed(**{quotas.ALL_INSTANCES: 20.0})
    default = listed(**{KIND: 0.0, quotas.ALL_INSTANCES: 4.0})

    found = with_quotas(applied, default=[default])

    assert levels(found) == ["ok", "problem"]
    assert "20" in found[0].found  # the account's own, not the default


def test_a_type_that_has_no_quota_is_a_problem():
    found = with_quotas(listed(**{quotas.ALL_INSTANCES: 20.0}), default=[listed()])

    assert levels(found) == ["ok", "problem"]
    assert "choose another InstanceType" in found[1].next


def test_the_embedded_stack_is_not_asked_for_quotas_and_that_is_said():
    finding = only(quotas.look_at_quotas(FakeConnection({}, embedded=True), PARAMETERS))

    assert finding.level is Level.OK
    assert "not asked: the embedded stack has no quotas" in finding.found


@pytest.mark.parametrize(("free", "level"), [(5, "problem"), (10, "warning"), (1000, "ok")])
def test_the_account_s_concurrency(free, level):
    client = real_client("lambda")
    with Stubber(client) as stubber:
        stubber.add_response(
            "get_account_settings",
            {"AccountLimit": {"ConcurrentExecutions": free, "UnreservedConcurrentExecutions": free}},
        )
        assert levels(quotas.look_at_concurrency(FakeConnection({"lambda": client}), PARAMETERS)) == [level]


def test_what_one_may_not_ask_is_a_warning_and_the_doctor_goes_on():
    def refused():
        yield ok("first", "fine")
        raise error("ListServiceQuotas", "AccessDeniedException")

    found = list(looked_at("quota", refused))

    assert levels(found) == ["ok", "warning"]
    assert "you may not call ListServiceQuotas" in found[1].found


@pytest.mark.parametrize(
    "cause", [error("DescribeRule", "ResourceNotFoundException"), EndpointConnectionError(endpoint_url="x")]
)
def test_what_a_service_does_not_answer_is_a_problem_and_the_doctor_goes_on(cause):
    def failing():
        raise cause
        yield

    assert levels(looked_at("rule", failing)) == ["problem"]


def heads(code):
    """An S3 that answers HeadBucket so."""

    def head_bucket(Bucket):  # noqa: N803 - boto3's name
        if code:
            raise error("HeadBucket", code)
        return {"Bucket": Bucket}

    return SimpleNamespace(head_bucket=head_bucket)


def groups(code):
    def describe_model_package_group(ModelPackageGroupName):  # noqa: N803 - boto3's name
        if code:
            raise error("DescribeModelPackageGroup", code)
        return {"ModelPackageGroupName": ModelPackageGroupName}

    return SimpleNamespace(describe_model_package_group=describe_model_package_group)


@pytest.mark.parametrize(
    ("code", "level", "word"),
    [
        ("404", "ok", "free"),
        ("403", "problem", "another account"),
        ("301", "problem", "region"),
        ("", "problem", "yours"),
    ],
)
def test_a_bucket_s_name_is_free_or_taken(code, level, word):
    connection = FakeConnection({"s3": heads(code), "sagemaker": groups("ValidationException")})

    found = list(preflight.look_at_names(connection, {**PARAMETERS, "InboxBucketName": "in"}))

    assert (found[0].about, found[0].level.value) == ("InboxBucketName in", level)
    assert word in found[0].found
    assert levels(found[1:]) == ["ok"] * 4  # the other buckets have no name, the group's is free


def test_a_model_group_of_an_earlier_stack_is_in_the_way():
    connection = FakeConnection({"s3": heads("404"), "sagemaker": groups("")})

    assert levels(preflight.look_at_names(connection, PARAMETERS))[-1] == "problem"


def test_without_credentials_nothing_else_is_asked():
    found = list(examine.examine(FakeConnection({}, signed_in=False)))

    assert found[-1].level is Level.PROBLEM
    assert "no AWS credentials" in found[-1].found


def stack_in(status, reason=""):
    return Stack(FakeConnection({}), "dropscore", status, reason, PARAMETERS, {}, {})


@pytest.mark.parametrize(
    ("status", "level"),
    [
        ("CREATE_COMPLETE", "ok"),
        ("UPDATE_COMPLETE", "ok"),
        ("UPDATE_IN_PROGRESS", "warning"),
        ("UPDATE_ROLLBACK_COMPLETE", "warning"),
        ("ROLLBACK_COMPLETE", "problem"),
        ("UPDATE_ROLLBACK_FAILED", "problem"),
        ("DELETE_FAILED", "problem"),
    ],
)
def test_the_stack_s_state_with_the_first_cause_of_its_failure(status, level):
    def event(name, status, reason):
        return {"LogicalResourceId": name, "ResourceStatus": status, "ResourceStatusReason": reason}

    events = [
        event("WorkBucket", "CREATE_FAILED", "Resource creation cancelled"),
        event("Later", "CREATE_FAILED", "because of the first"),
        event("InboxBucket", "CREATE_FAILED", "in already exists"),
    ]
    client = SimpleNamespace(describe_stack_events=lambda StackName: {"StackEvents": events, "of": StackName})  # noqa: N803
    finding = only(preflight.look_at_stack(FakeConnection({"cloudformation": client}), stack_in(status)))

    assert finding.level.value == level
    if "ROLLBACK" in status or "FAILED" in status:
        assert "InboxBucket: in already exists" in finding.found


def test_no_stack_is_a_warning_with_the_way_to_one():
    finding = only(preflight.look_at_stack(FakeConnection({}), None))

    assert (finding.level, finding.found) == (Level.WARNING, "not deployed yet")
    assert "make deploy" in finding.next


def test_buckets_are_there_versioned_and_tell_the_queue(world):
    for bucket in ("results", "models"):
        world.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    arn = "arn:aws:sqs:eu-central-1:123456789012:InboxQueue"
    world.client("s3").put_bucket_notification_configuration(
        Bucket="inbox",
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )

    assert levels(deployed.look_at_buckets(world.stack)) == ["ok"] * 5


def test_a_bucket_without_versions_and_one_that_tells_nobody_are_problems(world):
    found = {finding.about: finding for finding in deployed.look_at_buckets(world.stack)}

    assert found["InboxBucket"].level is Level.OK
    assert found["ResultsBucket"].level is Level.PROBLEM
    assert "enqueue" in found["notification"].next


def test_a_bucket_that_is_gone_is_a_problem(world):
    world.client("s3").delete_bucket(Bucket="work")

    found = {finding.about: finding for finding in deployed.look_at_buckets(world.stack)}

    assert found["WorkBucket"].found == "work is gone"


SPEC = b'{"features": ["hour"], "target": "y", "timestamp": "ts"}'
MODEL = b"a model"


@pytest.fixture
def registered(world):
    """Makes the group have one version, approved or not, whose spec and artefact lie in the bucket."""
    s3, client = world.client("s3"), real_client("sagemaker")
    s3.put_object(Bucket="models", Key="spec.json", Body=SPEC)
    s3.put_object(Bucket="models", Key="model.tar.gz", Body=MODEL)

    def register(*, approved=True, **metadata):
        told = {
            "feature_spec_uri": "s3://models/spec.json",
            "feature_spec_sha256": sha256_hex(SPEC),
            "model_data_sha256": sha256_hex(MODEL),
            **metadata,
        }
        summary = {
            "ModelPackageArn": ARN,
            "CreationTime": datetime.now(UTC),
            "ModelPackageStatus": "Completed",
        }
        package = {
            "ModelPackageName": "dropscore",
            "ModelPackageGroupName": "dropscore",
            "ModelPackageVersion": 7,
            "ModelPackageArn": ARN,
            "CreationTime": datetime.now(UTC),
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "ModelApprovalStatus": "Approved",
            "CustomerMetadataProperties": told,
            "InferenceSpecification": {
                "Containers": [{"Image": "image", "ModelDataUrl": "s3://models/model.tar.gz"}]
            },
        }
        stubber.add_response(
            "list_model_packages", {"ModelPackageSummaryList": [summary] if approved else []}
        )
        for _ in range(2 * approved):
            stubber.add_response("describe_model_package", package)
        return world.with_clients(sagemaker=client)

    with Stubber(client) as stubber:
        yield register


def test_a_version_that_scores_is_ok_with_its_artefact(registered):
    finding = only(deployed.look_at_model(registered()))

    assert finding.level is Level.OK
    assert finding.found == "version 7 scores, its feature spec is as registered, its artefact too"


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"feature_spec_sha256": "0" * 64}, "is not the one that was registered"),
        ({"model_data_sha256": "0" * 64}, "find out who exchanged it"),
        ({"feature_spec_uri": "s3://elsewhere/spec.json"}, "lies in bucket elsewhere"),
    ],
)
def test_a_version_that_cannot_score_is_a_problem_in_prepare_s_words(registered, metadata, words):
    finding = only(deployed.look_at_model(registered(**metadata)))

    assert finding.level is Level.PROBLEM
    assert words in finding.found


def test_a_model_whose_artefact_is_gone_is_a_problem(registered, world):
    stack = registered()
    world.client("s3").delete_object(Bucket="models", Key="model.tar.gz")

    assert only(deployed.look_at_model(stack)).level is Level.PROBLEM


def test_no_approved_version_is_a_problem(registered):
    finding = only(deployed.look_at_model(registered(approved=False)))

    assert "has no approved version" in finding.found
    assert "approve" in finding.next


def test_a_held_version_is_a_problem_with_the_way_out(registered, ledger):
    ledger.versions.hold(ARN, "its jobs end without output: x")

    finding = only(deployed.look_at_model(registered()))

    assert finding.level is Level.PROBLEM
    assert "ops release 7" in finding.next


def test_dead_letters_are_a_problem_but_those_that_the_sweep_makes_up_for(world):
    world.send("InboxDlq", "{}")
    world.send("UndeliveredDlq", "{}")

    found = {finding.about: finding for finding in deployed.look_at_dlqs(world.stack)}

    assert {name: finding.level.value for name, finding in found.items()} == {
        "InboxDlq": "problem",
        "CollectDlq": "ok",
        "UndeliveredDlq": "warning",
    }


def switched(rule="ENABLED", mapping="Enabled"):
    resources = {
        name: name
        for name in ("TransformRule", "SweepFunctionTick", "PrepareFunctionInbox", "CollectFunctionJobs")
    }
    events = SimpleNamespace(describe_rule=lambda Name: {"State": rule, "of": Name})  # noqa: N803
    functions = SimpleNamespace(get_event_source_mapping=lambda UUID: {"State": mapping, "of": UUID})  # noqa: N803
    connection = FakeConnection({"events": events, "lambda": functions})
    return replace(stack_in("CREATE_COMPLETE"), connection=connection, resources=resources)


def test_what_is_switched_off_is_a_problem_with_the_command_that_switches_it_on():
    assert levels(deployed.look_at_triggers(switched())) == ["ok"] * 4
    found = list(deployed.look_at_triggers(switched("DISABLED", "Disabled")))

    assert levels(found) == ["problem"] * 4
    assert "enable-rule --name TransformRule" in found[0].next
    assert "--uuid PrepareFunctionInbox --enabled" in found[2].next


def alarmed(state="OK", subscription="arn:aws:sns:eu-central-1:123456789012:t:1", **parameters):
    alarm = {
        "AlarmName": "x-InboxDlqAlarm-1",
        "StateValue": state,
        "AlarmDescription": "Notifications failed.",
        "StateUpdatedTimestamp": datetime.now(UTC),
    }
    cloudwatch = real_client("cloudwatch")
    sns = real_client("sns")
    alarms, topics = Stubber(cloudwatch), Stubber(sns)
    alarms.add_response("describe_alarms", {"MetricAlarms": [alarm]}, {"AlarmNames": ["x-InboxDlqAlarm-1"]})
    told = {"Endpoint": "operator@example.com", "SubscriptionArn": subscription, "Protocol": "email"}
    topics.add_response("list_subscriptions_by_topic", {"Subscriptions": [told]}, {"TopicArn": "topic"})
    alarms.activate()
    topics.activate()
    return replace(
        stack_in("CREATE_COMPLETE"),
        connection=FakeConnection({"cloudwatch": cloudwatch, "sns": sns}),
        resources={"InboxDlqAlarm": "x-InboxDlqAlarm-1", "AlarmTopic": "topic"},
        parameters={**PARAMETERS, **parameters},
    )


def test_an_alarm_that_is_on_is_a_problem_under_the_manual_s_name():
    assert levels(deployed.look_at_alarms(alarmed())) == ["ok", "ok"]
    found = list(deployed.look_at_alarms(alarmed("ALARM")))

    assert (found[0].about, found[0].level) == ("InboxDlqAlarm", Level.PROBLEM)
    assert "Notifications failed." in found[0].found


def test_alarms_that_nobody_is_told_of_are_a_warning():
    pending = list(deployed.look_at_alarms(alarmed(subscription="PendingConfirmation")))
    nobody = list(deployed.look_at_alarms(alarmed(AlarmEmail="")))

    assert "has not confirmed" in pending[-1].found
    assert pending[-1].level is nobody[-1].level is Level.WARNING


def test_a_stack_that_is_paused_is_a_warning():
    stack = replace(stack_in("CREATE_COMPLETE"), parameters={**PARAMETERS, "Paused": "true"})

    assert levels(deployed.look_at_brakes(stack)) == ["warning"]


@pytest.mark.parametrize(
    ("hidden", "suffix", "level", "said"),
    [
        (0, 0, "ok", "none in the last 7 days"),
        (1200, 0, "ok", "1,200 hidden in the last 7 days"),
        (2, 1, "warning", "2 hidden, 1 suffix in the last 7 days; suffix: its key does not end in .parquet"),
    ],
)
def test_objects_without_the_suffix_are_a_warning_and_temporary_files_are_none(hidden, suffix, level, said):
    told = [{"Id": "hidden", "Values": [float(hidden)]}, {"Id": "suffix", "Values": [float(suffix)]}]
    client = SimpleNamespace(get_metric_data=lambda **_: {"MetricDataResults": told})
    stack = replace(
        stack_in("CREATE_COMPLETE"),
        connection=FakeConnection({"cloudwatch": client}),
        resources={"InboxBucket": "inbox"},
    )

    finding = only(deployed.look_at_no_drops(stack))

    assert (finding.level.value, finding.found) == (level, said)


def test_before_the_first_deploy_names_and_quotas_are_looked_at(monkeypatch):
    monkeypatch.setattr(examine, "look_for_stack", lambda _: None)
    connection = FakeConnection(
        {
            "sts": SimpleNamespace(get_caller_identity=lambda: {"Account": "123456789012", "Arn": "arn"}),
            "s3": heads("404"),
            "sagemaker": groups("ValidationException"),
            "lambda": SimpleNamespace(
                get_account_settings=lambda: {"AccountLimit": {"UnreservedConcurrentExecutions": 10}}
            ),
        },
        embedded=True,
    )

    found = list(examine.examine(connection))
    about = [finding.about for finding in found]

    assert "account" in about
    assert "ModelPackageGroupName dropscore" in about  # the template's default
    assert found[-1].found.endswith("4 wanted on AWS)")
    assert not any(finding.level is Level.PROBLEM for finding in found)


def test_a_stack_that_was_taken_back_is_looked_at_as_if_there_were_none(monkeypatch):
    monkeypatch.setattr(examine, "look_for_stack", lambda _: stack_in("ROLLBACK_COMPLETE"))
    connection = FakeConnection(
        {
            "sts": SimpleNamespace(get_caller_identity=lambda: {"Account": "123456789012", "Arn": "arn"}),
            "cloudformation": SimpleNamespace(describe_stack_events=lambda StackName: {"StackEvents": []}),  # noqa: N803, ARG005
            "s3": heads("404"),
            "sagemaker": groups(""),
            "lambda": SimpleNamespace(
                get_account_settings=lambda: {"AccountLimit": {"UnreservedConcurrentExecutions": 1000}}
            ),
        },
        embedded=True,
    )

    found = {finding.about: finding for finding in examine.examine(connection)}

    assert "delete-stack" in found["stack dropscore"].next
    assert found["ModelPackageGroupName dropscore"].level is Level.PROBLEM


def test_tools_are_there():
    assert levels(preflight.look_at_tools()) == ["ok", "ok"]


def test_a_key_that_cannot_be_used_is_a_problem():
    def key(state):
        kms = SimpleNamespace(describe_key=lambda KeyId: {"KeyMetadata": {"KeyState": state}, "of": KeyId})  # noqa: N803
        parameters = {**PARAMETERS, "KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1"}
        return replace(
            stack_in("CREATE_COMPLETE"), connection=FakeConnection({"kms": kms}), parameters=parameters
        )

    assert levels(deployed.look_at_key(key("Enabled"))) == ["ok"]
    assert levels(deployed.look_at_key(key("PendingDeletion"))) == ["problem"]
    assert levels(deployed.look_at_key(stack_in("CREATE_COMPLETE"))) == []


def test_outputs_that_lack_are_named():
    assert "InboxBucketName" in only(deployed.look_at_outputs(stack_in("CREATE_COMPLETE"))).found
