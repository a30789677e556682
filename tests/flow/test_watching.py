"""What operators see of the deployed stack: metrics and keys in the logs, alarms that reach them."""

from __future__ import annotations

import json
from typing import Any

from tests.flow.flow import Flow, parquet, wait_for

NAMESPACE = "Dropscore/dropscore-local"


def logged(flow: Flow) -> list[dict[str, Any]]:
    """What the functions have logged as JSON."""
    logs = flow.stack.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    found: list[dict[str, Any]] = []
    for group in groups:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
            for event in page["events"]:
                start = event["message"].find("{")
                if start >= 0 and event["message"].rstrip().endswith("}"):
                    found.append(json.loads(event["message"][start:]))
    return found


def test_a_scored_drop_is_in_the_metrics_and_the_log_lines_about_it_name_it(flow: Flow) -> None:
    (drop,) = flow.wait(flow.put("watched.parquet", parquet(7)))
    flow.sweep()

    def metrics() -> set[str]:
        frames = [line["_aws"]["CloudWatchMetrics"][0] for line in logged(flow) if "_aws" in line]
        return {
            metric["Name"]
            for frame in frames
            if frame["Namespace"] == NAMESPACE
            for metric in frame["Metrics"]
        }

    expected = {
        "DropsArrived",
        "DropsScored",
        "RowsScored",
        "SecondsToScored",
        "JobsStarted",
        "OldestOpenSeconds",
    }
    wait_for(lambda: expected <= metrics(), lambda: str(metrics()))
    about = [line for line in logged(flow) if line.get("drop_id") == drop.drop_id]
    jobs = [line for line in logged(flow) if line.get("transform_job") == drop.job]
    assert {"SCORING", "PREPARED"} & {line.get("state") for line in about}
    assert {line["model_version"] for line in jobs} == {flow.model.version.number}
    assert all(line["correlation_id"] for line in about)


def test_of_what_spark_leaves_behind_only_the_final_file_is_scored_once_and_the_rest_is_counted(
    flow: Flow,
) -> None:
    """Its committers' copies, a table format's own Parquet, what macOS adds; and a file without a suffix."""
    name, body = "part-00000-c000.snappy.parquet", parquet(5)
    attempt = "sales/_temporary/0/_temporary/attempt_20240101_0001_m_000000_3"
    left_behind = {
        f"spark/{attempt}/{name}": body,
        f"spark/sales/_temporary/0/task_20240101_0001_m_000000/{name}": body,
        f"spark/.spark-staging-1b2c/dt=2024-01-01/{name}": body,
        "spark/delta/_delta_log/00000000000000000010.checkpoint.parquet": parquet(1, ts=None),
        "spark/mac/._part-0.parquet": b"\0\5\x16\7",
    }
    other = {"spark/unload/20240701_144951_00037_v74wa": body}

    ids = [flow.put(key, body) for key, body in {**left_behind, **other}.items()]
    final = flow.put(f"spark/sales/{name}", body)
    (drop,) = flow.wait(final)

    def let_go() -> set[str]:
        return {line["source_key"] for line in logged(flow) if line.get("message") == "object is no drop"}

    def counted(name: str) -> int:
        return sum(sum(line[name]) for line in logged(flow) if name in line)

    wait_for(lambda: let_go() >= {*left_behind, *other}, lambda: str(let_go()))
    assert (drop.state, drop.rows_scored) == ("SCORED", 5)
    assert len(flow.results_of(drop)) == 1
    assert flow.found(ids) == [None] * 6
    assert counted("ObjectsSkippedHidden") >= 5
    assert counted("ObjectsSkippedSuffix") >= 1


def listening_queue(flow: Flow) -> tuple[str, str]:
    """A queue that SNS may send to: its URL and its ARN."""
    allowed = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": "*",
            }
        ],
    }
    policy = {"Policy": json.dumps(allowed)}
    url = flow.sqs.create_queue(QueueName="alarms", Attributes=policy)["QueueUrl"]
    answer = flow.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, answer["Attributes"]["QueueArn"]


def test_an_alarm_reaches_the_topic_that_the_operator_s_mail_hangs_on(flow: Flow) -> None:
    cloudwatch, sns = flow.stack.client("cloudwatch"), flow.stack.client("sns")
    alarms = cloudwatch.describe_alarms()["MetricAlarms"]
    (topic,) = {action for alarm in alarms for action in alarm["AlarmActions"]}
    url, arn = listening_queue(flow)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    (failed,) = [alarm["AlarmName"] for alarm in alarms if "DropsFailedAlarm" in alarm["AlarmName"]]
    cloudwatch.set_alarm_state(AlarmName=failed, StateValue="ALARM", StateReason="a test")

    answer = flow.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
    cloudwatch.set_alarm_state(AlarmName=failed, StateValue="OK", StateReason="the test is over")
    told = json.loads(json.loads(answer["Messages"][0]["Body"])["Message"])
    assert (told["AlarmName"], told["NewStateValue"]) == (failed, "ALARM")
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    mail = [one["Endpoint"] for one in subscriptions if one["Protocol"] == "email"]
    assert mail == ["operator@example.com"]


def test_the_dashboards_are_there(flow: Flow) -> None:
    cloudwatch = flow.stack.client("cloudwatch")
    entries = cloudwatch.list_dashboards()["DashboardEntries"]
    widgets = {}
    for name in (entry["DashboardName"] for entry in entries):
        body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
        assert "${" not in json.dumps(body)
        widgets[name.removeprefix("dropscore-local-us-east-1")] = len(body["widgets"])
    assert widgets == {"": 11, "-predict": 5}
