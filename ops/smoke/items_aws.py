"""Items of the smoke test: what buckets refuse, Athena answers, CloudWatch and CloudTrail have seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from ops.doctor.finding import DENIED
from ops.errors import NothingToSee, OpsError
from ops.smoke.frame import Seen, Smoke, failed, ok

EXPECTED_METRICS = frozenset({"DropsArrived", "DropsScored", "RowsScored", "JobsStarted", "SecondsToScored"})
FUNCTIONS = ("PrepareFunction", "CollectFunction", "SweepFunction", "ResultsApiFunction", "PredictFunction")
ROLES = (
    "PrepareRole",
    "CollectRole",
    "SweepRole",
    "ResultsApiRole",
    "PredictRole",
    "TransformRole",
    "EndpointRole",
)
SAGEMAKER = "SageMaker"
"""What SageMaker calls its sessions, CloudTrail's `Username` of them; Lambda's are the functions' names."""

TRAIL_PAGES = 10
"""Of 50 events, for each of them; LookupEvents takes two requests a second (API reference)."""

UNFILTERED = "CONSTRAINT_VIOLATION"
"""How Athena refuses a query that names no value of an injected column ("Use dynamic ID partitioning")."""


def conditional_writes(smoke: Smoke) -> Seen:
    """A put into `predictions/` and into the models bucket: only with `If-None-Match`, and only once."""
    _not_as_embedded_root(smoke)
    return _as_policies_say(_at_each_place(smoke, "put", _put))


def _put(smoke: Smoke, place: dict[str, str]) -> dict[str, int]:
    s3 = smoke.client("s3")
    return {
        "put without a condition": _status(lambda: s3.put_object(**place, Body=b"smoke")),
        "first put": _status(lambda: s3.put_object(**place, Body=b"smoke", IfNoneMatch="*")),
        "second put": _status(lambda: s3.put_object(**place, Body=b"again", IfNoneMatch="*")),
        "copy": _status(lambda: s3.copy_object(**place, CopySource=place, MetadataDirective="REPLACE")),
    }


def conditional_multipart(smoke: Smoke) -> Seen:
    """The same of an upload in parts: what completes it needs the condition."""
    _not_as_embedded_root(smoke)
    return _as_policies_say(_at_each_place(smoke, "parts", _upload))


def _upload(smoke: Smoke, place: dict[str, str]) -> dict[str, int]:
    s3 = smoke.client("s3")
    uploads: list[dict[str, Any]] = []
    try:
        for _ in range(2):
            upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
            uploads.append(upload)
            part = s3.upload_part(**upload, PartNumber=1, Body=b"smoke")["ETag"]
            upload["MultipartUpload"] = {"Parts": [{"PartNumber": 1, "ETag": part}]}
        first, second = uploads
        return {
            "put without a condition": _status(lambda: s3.complete_multipart_upload(**first)),
            "first put": _status(lambda: s3.complete_multipart_upload(**first, IfNoneMatch="*")),
            "second put": _status(lambda: s3.complete_multipart_upload(**second, IfNoneMatch="*")),
        }
    finally:
        for upload in uploads:  # one that was completed is gone, and says so
            _status(lambda one=upload: s3.abort_multipart_upload(**place, UploadId=one["UploadId"]))  # type: ignore[misc]


def _not_as_embedded_root(smoke: Smoke) -> None:
    """The embedded AWS lets root do what a bucket's policy denies; AWS does not."""
    if smoke.client("sts").get_caller_identity()["Arn"].endswith(":root"):
        smoke.not_embedded("its root is above bucket policies")


def _at_each_place(
    smoke: Smoke, what: str, probe: Callable[[Smoke, dict[str, str]], dict[str, int]]
) -> dict[str, dict[str, int]]:
    """What a probe gets in each bucket that takes an object once.

    It is removed at once: whoever reads all of `predictions/` would stumble over it.
    """
    found = {}
    for name, folder in {"ResultsBucket": "predictions/smoke", "ModelsBucket": "smoke"}.items():
        bucket, key = smoke.stack.resource(name), f"{folder}/{smoke.run}/{what}"
        smoke.made.prefixes.append((bucket, key))
        found[name] = probe(smoke, {"Bucket": bucket, "Key": key})
        with suppress(ClientError, OpsError):  # the end of the test tries again, and says so
            smoke.remove(bucket, key)
    return found


def _status(call: Callable[[], Any]) -> int:
    try:
        return int(call()["ResponseMetadata"]["HTTPStatusCode"])
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def _as_policies_say(answers: dict[str, dict[str, int]]) -> Seen:
    """Refused without a condition, taken with one, once ("Enforce conditional writes", S3 User Guide)."""
    right = {
        "put without a condition": HTTPStatus.FORBIDDEN,
        "first put": HTTPStatus.OK,
        "second put": HTTPStatus.PRECONDITION_FAILED,
        "copy": HTTPStatus.FORBIDDEN,
    }
    seen = "; ".join(
        f"{name}: " + ", ".join(f"{what} {status}" for what, status in found.items())
        for name, found in answers.items()
    )
    if all(found["first put"] == HTTPStatus.FORBIDDEN for found in answers.values()):
        raise NothingToSee("you may not put objects there: docs/permissions.md, Who runs the smoke test")
    wrong = any(right[what] != status for found in answers.values() for what, status in found.items())
    return failed(seen, **answers) if wrong else ok(seen, **answers)


def athena(smoke: Smoke) -> Seen:
    """A query that names the version: as many rows as were scored."""
    drops = smoke.scored().values()
    ids = ", ".join(f"'{drop.drop_id}'" for drop in drops)
    where = f"model_version = {smoke.version.number} AND scored_date >= '{smoke.started:%Y-%m-%d}'"
    query = f"SELECT count(*) AS n FROM predictions WHERE {where} AND drop_id IN ({ids})"  # noqa: S608 - our own ids
    state, reason, rows = _ask_athena(smoke, query)
    expected = sum(drop.rows_scored for drop in drops)
    if state != "SUCCEEDED":
        return failed(f"{state}: {reason}")
    found = int(rows[0])
    seen = f"model_version = {smoke.version.number}: {found:,} rows"
    return ok(seen) if found == expected else failed(f"{seen}, {expected:,} were scored")


def athena_unfiltered(smoke: Smoke) -> Seen:
    """A query that names no version is refused: it would list each version's days."""
    smoke.not_embedded("it ignores partition projection, and answers")
    state, reason, _ = _ask_athena(smoke, "SELECT count(*) AS n FROM predictions")
    seen = f"without model_version: {state}{f', {reason}' if reason else ''}"
    return ok(seen) if state == "FAILED" and UNFILTERED in reason else failed(seen)


def _ask_athena(smoke: Smoke, query: str) -> tuple[str, str, list[str]]:
    """How a query ended, why, and the first value of each of its rows."""
    client, bucket = smoke.client("athena"), smoke.stack.resource("WorkBucket")
    prefix = f"smoke/{smoke.run}/athena/"
    smoke.made.prefixes.append((bucket, prefix))
    asked = client.start_query_execution(
        QueryString=query,
        QueryExecutionContext={"Database": smoke.stack.outputs["ResultsDatabaseName"]},
        ResultConfiguration={"OutputLocation": f"s3://{bucket}/{prefix}"},
    )["QueryExecutionId"]

    def ended() -> dict[str, Any] | None:
        status: dict[str, Any] = client.get_query_execution(QueryExecutionId=asked)["QueryExecution"][
            "Status"
        ]
        return status if status["State"] in {"SUCCEEDED", "FAILED", "CANCELLED"} else None

    status = smoke.patience.until(ended, smoke.patience.query)
    if status is None:
        client.stop_query_execution(QueryExecutionId=asked)
        return "not ended", f"after {smoke.patience.query:g} s", []
    if status["State"] != "SUCCEEDED":
        return status["State"], status.get("StateChangeReason", ""), []
    rows = client.get_query_results(QueryExecutionId=asked)["ResultSet"]["Rows"][1:]
    return "SUCCEEDED", "", [row["Data"][0]["VarCharValue"] for row in rows]


def rule_metrics(smoke: Smoke) -> Seen:
    """CloudWatch counts what the rule of ended jobs has sent to CollectQueue, and no failure."""
    smoke.not_embedded("it makes no metrics of rules")
    jobs = len(smoke.jobs())
    counted = smoke.patience.until(lambda: _invocations(smoke, jobs), smoke.patience.metrics)
    if counted is None:
        return failed(f"fewer than {jobs} invocations within {smoke.patience.metrics:g} s")
    sent, lost = counted
    seen = f"the rule sent {sent:.0f} events for {jobs} jobs, {lost:.0f} failed"
    return failed(seen) if lost else ok(seen)


def _invocations(smoke: Smoke, at_least: int) -> tuple[float, float] | None:
    rule = smoke.stack.resource("TransformRule").rsplit("|", 1)[-1]
    queries = [
        {
            "Id": name.lower(),
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Events",
                    "MetricName": name,
                    "Dimensions": [{"Name": "RuleName", "Value": rule}],
                },
                "Period": 60,
                "Stat": "Sum",
            },
        }
        for name in ("Invocations", "FailedInvocations")
    ]
    answer = smoke.client("cloudwatch").get_metric_data(
        StartTime=smoke.started, EndTime=datetime.now(UTC), MetricDataQueries=queries
    )
    sums = {result["Id"]: sum(result["Values"]) for result in answer["MetricDataResults"]}
    return (sums["invocations"], sums["failedinvocations"]) if sums["invocations"] >= at_least else None


def metrics(smoke: Smoke) -> Seen:
    """CloudWatch has made metrics of the functions' log lines."""
    smoke.not_embedded("it makes no metrics of log lines")
    smoke.scored()
    names = smoke.patience.until(lambda: _metrics(smoke), smoke.patience.metrics)
    if names is None:
        return failed(f"not all of {', '.join(sorted(EXPECTED_METRICS))} within {smoke.patience.metrics:g} s")
    return ok(f"{len(names)} metrics in Dropscore/{smoke.stack.name}", names=sorted(names))


def _metrics(smoke: Smoke) -> set[str] | None:
    pages = smoke.client("cloudwatch").get_paginator("list_metrics")
    listed = pages.paginate(Namespace=f"Dropscore/{smoke.stack.name}")
    names = {metric["MetricName"] for page in listed for metric in page["Metrics"]}
    return names if names >= EXPECTED_METRICS else None


def access_denied(smoke: Smoke) -> Seen:
    """CloudTrail: what the stack's roles were refused since the test began.

    Its event history has management events only: not those of S3's objects and the ledger's items ("Viewing
    recent management events", CloudTrail User Guide). It is waited for until it has the test's own jobs.
    """
    smoke.not_embedded("it records no trail")
    smoke.jobs()
    if smoke.patience.until(lambda: _trail_has_jobs(smoke), smoke.patience.trail) is None:
        return failed(f"CloudTrail has none of the test's jobs within {smoke.patience.trail:g} s")
    roles = {smoke.stack.resources[name] for name in ROLES if name in smoke.stack.resources}
    names = [smoke.stack.resources[name] for name in FUNCTIONS if name in smoke.stack.resources]
    events = [event for name in (*names, SAGEMAKER) for event in _trail(smoke, "Username", name)]
    refused = {
        f"{event['eventName']} by {role}: {event['errorCode']}"
        for event in events
        if (role := _role(event)) in roles and _is_refusal(event)
    }
    seen = f"{len(events):,} calls of the stack's roles, {len(refused)} kinds refused"
    return failed(f"{seen}: {'; '.join(sorted(refused))}") if refused else ok(seen)


def _trail_has_jobs(smoke: Smoke) -> bool:
    jobs = set(smoke.jobs())
    events = _trail(smoke, "EventName", "CreateTransformJob")
    return any((event.get("requestParameters") or {}).get("transformJobName") in jobs for event in events)


def _trail(smoke: Smoke, attribute: str, value: str) -> Iterator[dict[str, Any]]:
    """Events since the test began (LookupEvents), as CloudTrail writes them."""
    pages = (
        smoke.client("cloudtrail")
        .get_paginator("lookup_events")
        .paginate(
            LookupAttributes=[{"AttributeKey": attribute, "AttributeValue": value}],
            StartTime=smoke.started,
            EndTime=datetime.now(UTC),
            PaginationConfig={"MaxItems": 50 * TRAIL_PAGES, "PageSize": 50},
        )
    )
    return (json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"])


def _role(event: dict[str, Any]) -> str | None:
    issuer = event.get("userIdentity", {}).get("sessionContext", {}).get("sessionIssuer", {})
    name: str | None = issuer.get("userName")
    return name


def _is_refusal(event: dict[str, Any]) -> bool:
    code = str(event.get("errorCode", ""))
    return code in DENIED or code.removeprefix("Client.") in DENIED
