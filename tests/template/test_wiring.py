"""How messages and events find their way, and where they go when they do not."""

import inspect
import json
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from dropscore.aws.metrics import Metrics
from tests.template.translated import references, translated

QUEUES_OF = {"PrepareFunction": "InboxQueue", "CollectFunction": "CollectQueue"}
DLQ_OF = {"InboxQueue": "InboxDlq", "CollectQueue": "CollectDlq"}


def test_resources_depend_on_each_other_without_a_cycle():
    resources = translated().template["Resources"]
    graph = {}
    for name, resource in resources.items():
        declared = resource.get("DependsOn", [])
        explicit = [declared] if isinstance(declared, str) else declared
        graph[name] = {found for found in [*references(resource), *explicit] if found in resources}
    assert len(list(TopologicalSorter(graph).static_order())) == len(resources)


def test_the_inbox_notifies_a_queue_that_admits_it_by_then():
    bucket = translated().template["Resources"]["InboxBucket"]
    (configuration,) = bucket["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    assert configuration == {"Event": "s3:ObjectCreated:*", "Queue": {"Fn::GetAtt": ["InboxQueue", "Arn"]}}
    assert bucket["DependsOn"] == "InboxQueuePolicy"


def test_queue_policies_admit_services_of_this_account_and_name_no_bucket():
    policies = translated().of_type("AWS::SQS::QueuePolicy")
    statements = [
        one for policy in policies.values() for one in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    admitting = [statement for statement in statements if statement["Effect"] == "Allow"]
    assert "Bucket" not in json.dumps(policies)
    assert len(admitting) == 3
    for statement in admitting:
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        assert statement["Action"] == "sqs:SendMessage"


def test_the_rule_matches_ends_of_this_stacks_jobs_only():
    rule = translated().properties("TransformRule")
    assert rule["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Transform Job State Change"],
        "detail": {
            "TransformJobStatus": ["Completed", "Failed", "Stopped"],
            "TransformJobName": [{"prefix": {"Fn::Sub": "${JobPrefix}-"}}],
        },
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["CollectQueue", "Arn"]}


def test_every_target_of_eventbridge_has_a_dead_letter_queue_that_admits_it():
    admitting = {
        queue["Ref"]
        for policy in translated().of_type("AWS::SQS::QueuePolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "events.amazonaws.com"}
        for queue in policy["Properties"]["Queues"]
    }
    rules = translated().of_type("AWS::Events::Rule")
    assert len(rules) == 2
    for rule in rules.values():
        for target in rule["Properties"]["Targets"]:
            assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] in admitting


@pytest.mark.parametrize(("function", "queue"), QUEUES_OF.items())
def test_a_queue_stands_before_each_function_and_gives_it_six_timeouts(function, queue):
    (mapping,) = [
        found["Properties"]
        for found in translated().of_type("AWS::Lambda::EventSourceMapping").values()
        if found["Properties"]["FunctionName"] == {"Ref": function}
    ]
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"]["MaximumConcurrency"] >= 2
    timeout = translated().properties(function)["Timeout"]
    assert translated().properties(queue)["VisibilityTimeout"] == 6 * timeout == 1800


@pytest.mark.parametrize(("queue", "dlq"), DLQ_OF.items())
def test_messages_that_fail_five_times_are_kept_for_two_weeks(queue, dlq):
    assert translated().properties(queue)["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dlq, "Arn"]},
        "maxReceiveCount": 5,
    }
    assert translated().properties(queue)["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert translated().properties(dlq)["MessageRetentionPeriod"] == 14 * 24 * 3600


@pytest.mark.parametrize("name", QUEUES_OF)
def test_functions_that_send_to_their_own_queue_are_not_cut_off_as_loops(name):
    assert translated().properties(name)["RecursiveLoop"] == "Allow"


def test_the_sweep_runs_on_a_schedule():
    scheduled = [
        rule["Properties"]
        for rule in translated().of_type("AWS::Events::Rule").values()
        if "ScheduleExpression" in rule["Properties"]
    ]
    assert [rule["Targets"][0]["Arn"] for rule in scheduled] == [{"Fn::GetAtt": ["SweepFunction", "Arn"]}]


def test_every_dead_letter_queue_and_every_function_has_an_alarm_that_reaches_the_topic():
    alarms = translated().of_type("AWS::CloudWatch::Alarm").values()
    watched = {name for alarm in alarms for name in references(alarm["Properties"].get("Dimensions", []))}
    dlqs = {name for name in translated().of_type("AWS::SQS::Queue") if name.endswith("Dlq")}
    functions = set(translated().of_type("AWS::Lambda::Function"))
    # The API's own metric counts what the function raises, and what it has caught and answered 5xx.
    assert dlqs | (functions - {"ResultsApiFunction"}) | {"ResultsApi"} <= watched
    assert all(alarm["Properties"]["AlarmActions"] == [{"Ref": "AlarmTopic"}] for alarm in alarms)


def test_alarms_and_dashboard_watch_metrics_that_there_are():
    watched = {
        alarm["Properties"]["MetricName"]
        for alarm in translated().of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Properties"].get("Dimensions") == [{"Name": "service", "Value": "dropscore"}]
    }
    dashboard = translated().properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    shown = set(re.findall(r'"((?:Drops|Rows|Jobs|Seconds|Oldest)[A-Za-z]+)"', dashboard))
    source = Path(inspect.getfile(Metrics)).read_text()
    assert {"DropsFailed", "OldestOpenSeconds"} <= watched <= shown
    assert shown == set(re.findall(r'"((?:Drops|Rows|Jobs|Seconds|Oldest)[A-Za-z]+)"', source))


def test_the_dashboard_is_json_and_shows_every_alarm_that_there_always_is():
    body = translated().properties("Dashboard")["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(re.sub(r"\$\{[^}]+\}", "1", body))["widgets"]
    assert len(widgets) == body.count('"type"')
    shown = set(re.findall(r"\$\{(\w+Alarm)\.Arn\}", body))
    assert shown == set(translated().of_type("AWS::CloudWatch::Alarm"))


def test_every_function_s_log_is_watched_for_the_operator_being_needed():
    filters = translated().of_type("AWS::Logs::MetricFilter").values()
    watched = {name for one in filters for name in references(one["Properties"]["LogGroupName"])}
    assert watched == {"PrepareLogs", "CollectLogs", "SweepLogs"}
    (alarm,) = [
        alarm["Properties"]
        for alarm in translated().of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["MetricName"] == "OperatorNeeded"
    ]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
