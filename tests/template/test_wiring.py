"""How messages and events find their way, and where they go when they do not."""

import inspect
import json
import re
from fnmatch import fnmatchcase
from graphlib import TopologicalSorter
from pathlib import Path
from types import SimpleNamespace

import pytest

from dropscore.aws.metrics import Metrics
from tests.template.translated import references, translated

QUEUES_OF = {"PrepareFunction": "InboxQueue", "CollectFunction": "CollectQueue"}
NAMESPACE = {"Fn::Sub": "Dropscore/${AWS::StackName}"}
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
def test_a_queue_stands_before_each_function_and_gives_it_six_timeouts_and_the_window(function, queue):
    (mapping,) = [
        found["Properties"]
        for found in translated().of_type("AWS::Lambda::EventSourceMapping").values()
        if found["Properties"]["FunctionName"] == {"Ref": function}
    ]
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    concurrency = mapping["ScalingConfig"]["MaximumConcurrency"]["Ref"]
    assert translated().template["Parameters"][concurrency]["MinValue"] == 2
    timeout = translated().properties(function)["Timeout"]
    longest_window = translated().template["Parameters"]["BatchWindowSeconds"]["MaxValue"]
    assert translated().properties(queue)["VisibilityTimeout"] > 6 * timeout + longest_window


def test_a_new_account_of_ten_functions_has_room_for_the_api_beside_what_scores():
    parameters = translated().template["Parameters"]
    scoring = sum(parameters[name]["Default"] for name in ("PrepareConcurrency", "CollectConcurrency"))
    assert scoring + 1 + 2 <= 10, "the sweep takes one, the API needs two"


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
    # What answers requests is watched by what it answers: see below.
    assert dlqs | (functions - {"ResultsApiFunction"}) <= watched
    assert all(alarm["Properties"]["AlarmActions"] == [{"Ref": "AlarmTopic"}] for alarm in alarms)


ACCESS_LOG_ALARMS = {"ResultsApiErrors": "ResultsApiErrorsAlarm", "PredictErrors": "PredictErrorsAlarm"}
ANSWERS = {
    ("GET /drops", "500"): {"ResultsApiErrors"},
    ("$default", "503"): {"ResultsApiErrors"},
    ("GET /drops", "404"): set(),
    ("POST /predict", "200"): set(),
    ("POST /predict", "400"): set(),
    ("POST /predict", "500"): {"PredictErrors"},
    ("POST /predict", "502"): {"PredictErrors"},
    ("POST /predict", "503"): set(),
    ("POST /predict", "504"): set(),
}


@pytest.mark.parametrize(("route", "status"), ANSWERS)
def test_an_answer_raises_the_alarm_of_its_own_route(route, status):
    # Within what is compared a pattern has `*`, as CloudWatch has it; around that `&&`, `||` and brackets.
    filters = _filters_of("ResultsApiAccessLogs", true=("HasRealtimeEndpoint",))
    line = SimpleNamespace(route=route, status=status)
    counted = {name for name, pattern in filters.items() if _matches(pattern, line)}
    assert counted == ANSWERS[route, status]


def _filters_of(group, *, true):
    return {
        found["MetricTransformations"][0]["MetricName"]: found["FilterPattern"]
        for found in (
            resource["Properties"]
            for resource in translated(true=true).of_type("AWS::Logs::MetricFilter").values()
        )
        if found["LogGroupName"] == {"Ref": group}
    }


def _matches(pattern, line):
    def compare(match):
        name, operator, expected = match.groups()
        return str(fnmatchcase(getattr(line, name), expected) is (operator == "="))

    compared = re.sub(r'\$\.(\w+) (!?=) "([^"]*)"', compare, pattern.strip("{} "))
    return eval(compared.replace("&&", "and").replace("||", "or"), {"__builtins__": {}})  # noqa: S307


def test_what_answers_requests_is_watched_by_its_answers():
    assert set(_filters_of("ResultsApiAccessLogs", true=())) == {"ResultsApiErrors"}
    stack = translated(true=("HasRealtimeEndpoint",))
    for metric, alarm in ACCESS_LOG_ALARMS.items():
        watching = stack.properties(alarm)
        assert (watching["MetricName"], watching["Namespace"]) == (metric, NAMESPACE)
        assert watching["AlarmActions"] == [{"Ref": "AlarmTopic"}]
        assert stack.properties(metric)["MetricTransformations"][0]["MetricNamespace"] == NAMESPACE


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


def test_the_dashboards_are_json_and_show_every_alarm_that_there_is():
    with_endpoint = translated(true=("HasRealtimeEndpoint",))
    always = set(translated().of_type("AWS::CloudWatch::Alarm"))
    _shows(translated().properties("Dashboard"), always)
    _shows(with_endpoint.properties("PredictDashboard"), {"PredictErrorsAlarm"})
    assert set(with_endpoint.of_type("AWS::CloudWatch::Alarm")) == always | {"PredictErrorsAlarm"}


def _shows(dashboard, alarms):
    body = dashboard["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(re.sub(r"\$\{[^}]+\}", "1", body))["widgets"]
    assert len(widgets) == body.count('"type"')
    shown = set(re.findall(r"\$\{(\w+Alarm)\.Arn\}", body))
    assert shown == alarms


@pytest.mark.parametrize(("true", "more"), [((), set()), (("HasRealtimeEndpoint",), {"PredictLogs"})])
def test_the_log_of_every_function_that_can_need_the_operator_is_watched(true, more):
    watched = {
        found["Properties"]["LogGroupName"]["Ref"]
        for found in translated(true=true).of_type("AWS::Logs::MetricFilter").values()
        if found["Properties"]["MetricTransformations"][0]["MetricName"] == "OperatorNeeded"
    }
    assert watched == {"PrepareLogs", "CollectLogs", "SweepLogs"} | more
    (alarm,) = [
        alarm["Properties"]
        for alarm in translated().of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["MetricName"] == "OperatorNeeded"
    ]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
