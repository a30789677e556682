"""Whether the parts of a deployed stack are there and switched on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from dropscore.approved import CurrentModel
from dropscore.artefacts import Artefacts
from dropscore.aws.clients import error_code
from dropscore.aws.objects import Bucket
from dropscore.aws.registry import Registry
from dropscore.domain.errors import ModelUnusable, SourceGone
from dropscore.domain.source import NoDrop
from ops.doctor.finding import Findings, ok, problem, warning
from ops.inbox import skipped_since
from ops.ledger import Ledger
from ops.queues import DLQS, depths
from ops.stack import Stack

VERSIONED = ("InboxBucket", "ResultsBucket", "ModelsBucket")
BUCKETS = (*VERSIONED, "WorkBucket")
OUTPUTS = ("InboxBucketName", "ResultsBucketName", "ModelsBucketName", "ResultsApiUrl")
VERIFIED_UP_TO = 100 * 1024 * 1024
"""Bytes of a model artefact that is fetched to compare its hash; dispatch compares larger ones, too."""

LATELY = timedelta(days=7)

REDEPLOY = "deploy again: the template sets it"


def look_at_outputs(stack: Stack) -> Findings:
    """What the stack says that users need."""
    missing = [name for name in OUTPUTS if name not in stack.outputs]
    if missing:
        yield problem(
            "outputs", f"the stack lacks {', '.join(missing)}", "deploy it with this repository's template"
        )
    else:
        yield ok("outputs", ", ".join(f"{name} {stack.outputs[name]}" for name in OUTPUTS))


def look_at_buckets(stack: Stack) -> Findings:
    """Whether the buckets are there, keep versions and tell of files."""
    s3 = stack.connection.client("s3")
    for name in BUCKETS:
        yield from _bucket(s3, name, stack.resource(name))
    yield from _notification(stack, s3)


def _bucket(s3: Any, name: str, bucket: str) -> Findings:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error_code(error) not in {"404", "NoSuchBucket"}:
            raise
        yield problem(
            name, f"{bucket} is gone", "the stack cannot work without it; docs/operations.md, Disasters"
        )
        return
    kept = s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled" if name in VERSIONED else None
    if kept is False:
        yield problem(name, f"{bucket} keeps no versions", REDEPLOY)
    else:
        yield ok(name, f"{bucket}{', versioned' if kept else ''}")


def _notification(stack: Stack, s3: Any) -> Findings:
    told = s3.get_bucket_notification_configuration(Bucket=stack.inbox)
    queue = stack.resource("InboxQueue").rsplit("/", 1)[-1]
    arns = [entry["QueueArn"] for entry in told.get("QueueConfigurations", [])]
    if any(arn.endswith(f":{queue}") for arn in arns):
        yield ok("notification", "InboxBucket tells InboxQueue of files")
    else:
        do = f"{REDEPLOY}; then `python -m ops enqueue s3://{stack.inbox}/` for what came meanwhile"
        yield problem("notification", "InboxBucket tells nobody of files", do)


def look_at_no_drops(stack: Stack) -> Findings:
    """Whether objects of the inbox were lately let go that somebody may have meant as data."""
    about, now = "objects that are no drops", datetime.now(UTC)
    counts = skipped_since(stack, now - LATELY, now)
    if counts is None:
        yield ok(about, "not counted: the embedded stack has no metrics of its functions")
        return
    told = ", ".join(f"{count:,} {reason}" for reason, count in counts.items() if count)
    found = f"{told or 'none'} in the last {LATELY.days} days"
    if counts[NoDrop.SUFFIX]:
        do = f"`python -m ops enqueue s3://{stack.inbox}/ --dry-run` names some; InboxSuffixes takes more"
        why = NoDrop.SUFFIX.describe(stack.suffixes)
        yield warning(about, f"{found}; {NoDrop.SUFFIX}: {why}", do)
    else:
        yield ok(about, found)


def look_at_model(stack: Stack) -> Findings:
    """Whether there is a version that can score, as prepare and dispatch see it."""
    s3, sagemaker = stack.connection.client("s3"), stack.connection.client("sagemaker")
    registry = Registry(sagemaker, stack.group)
    models = Bucket(s3, stack.resource("ModelsBucket"))
    about = f"model of group {stack.group}"
    try:
        version = CurrentModel(registry, models).get().version
        found = _artefact(registry, models, version.package_arn)
    except (ModelUnusable, SourceGone) as error:
        yield problem(about, str(error), "python -m training register, then approve; until then drops wait")
        return
    if reason := Ledger(stack.ledger()).versions.get(version.package_arn).held:
        do = f"mend it, then `python -m ops release {version.version}`; or reject it"
        yield problem(about, f"version {version.version} is held: {reason}", do)
    else:
        yield ok(about, f"version {version.version} scores, its feature spec is as registered{found}")


def _artefact(registry: Registry, models: Bucket, arn: str) -> str:
    """Compare the artefact with what was registered, if it is small enough to be fetched for that."""
    package = registry.describe(arn)
    if package is None:
        raise ModelUnusable(f"{arn} has just been deleted")
    with models.open(package.artefact()[0].split("/", 3)[3]) as file:
        too_large = file.size > VERIFIED_UP_TO
    if too_large:
        return "; its artefact is there"
    Artefacts(models).verify(package)
    return ", its artefact too"


def look_at_triggers(stack: Stack) -> Findings:
    """Whether the rule, the schedule and the queues' consumers are switched on."""
    events, functions = stack.connection.client("events"), stack.connection.client("lambda")
    for about, name in (
        ("rule of ended jobs", "TransformRule"),
        ("schedule of the sweep", "SweepFunctionTick"),
    ):
        state = events.describe_rule(Name=stack.resource(name).rsplit("|", 1)[-1])["State"]
        if state.startswith("ENABLED"):
            yield ok(about, "enabled")
        else:
            yield problem(about, state.lower(), f"`aws events enable-rule --name {stack.resource(name)}`")
    for about, name in (
        ("PrepareFunction's queue", "PrepareFunctionInbox"),
        ("CollectFunction's queue", "CollectFunctionJobs"),
    ):
        uuid = stack.resource(name)
        state = functions.get_event_source_mapping(UUID=uuid)["State"]
        if state in {"Enabled", "Enabling", "Updating", "Creating"}:
            yield ok(about, "polled")
        else:
            yield problem(
                about, state.lower(), f"`aws lambda update-event-source-mapping --uuid {uuid} --enabled`"
            )


def look_at_dlqs(stack: Stack) -> Findings:
    """Whether messages have failed for good."""
    for queue in depths(stack):
        if queue.name not in DLQS:
            continue
        if not queue.total:
            yield ok(queue.name, "empty")
        elif queue.name == "UndeliveredDlq":
            do = "nothing is lost: `python -m ops redrive --empty-undelivered` once its cause is gone"
            yield warning(queue.name, f"{queue.total:,} in it", do)
        else:
            do = "mend the cause (the function's errors), then `python -m ops redrive`"
            yield problem(queue.name, f"{queue.total:,} in it", do)


def look_at_alarms(stack: Stack) -> Findings:
    """Which alarms are on, and whether somebody hears of them."""
    names = {physical: name for name, physical in stack.resources.items() if name.endswith("Alarm")}
    pages = (
        stack.connection.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNames=list(names))
    )
    alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
    on = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
    for alarm in on:
        name = names[alarm["AlarmName"]]
        told = alarm.get("AlarmDescription", alarm.get("StateReason", "on"))
        yield problem(
            name,
            f"on since {alarm['StateUpdatedTimestamp']:%Y-%m-%d %H:%M} UTC: {told}",
            f"docs/operations.md, Alarms, {name}",
        )
    if not on:
        silent = sum(alarm["StateValue"] == "INSUFFICIENT_DATA" for alarm in alarms)
        yield ok(
            "alarms", f"none of {len(alarms)} is on" + (f" ({silent} have no data yet)" if silent else "")
        )
    yield from _mail(stack)


def _mail(stack: Stack) -> Findings:
    address = stack.parameters.get("AlarmEmail")
    if not address:
        yield warning("alarm mail", "nobody is told of alarms", "deploy with AlarmEmail=you@example.com")
        return
    pages = stack.connection.client("sns").get_paginator("list_subscriptions_by_topic")
    subscriptions = [
        subscription
        for page in pages.paginate(TopicArn=stack.resource("AlarmTopic"))
        for subscription in page["Subscriptions"]
        if subscription["Endpoint"] == address
    ]
    if any(subscription["SubscriptionArn"].startswith("arn:") for subscription in subscriptions):
        yield ok("alarm mail", f"goes to {address}")
    else:
        yield warning(
            "alarm mail",
            f"{address} has not confirmed",
            "open AWS's mail there and confirm it; it expires after 2 days",
        )


def look_at_brakes(stack: Stack) -> Findings:
    """Whether somebody has stopped it."""
    if stack.paused:
        yield warning(
            "Paused", "true: files are prepared, no jobs are started", "deploy with Paused=false to go on"
        )
    else:
        yield ok("Paused", "false")


def look_at_key(stack: Stack) -> Findings:
    """Whether the customer key can be used, if there is one."""
    arn = stack.parameters.get("KmsKeyArn")
    if not arn:
        return
    state = stack.connection.client("kms").describe_key(KeyId=arn)["KeyMetadata"]["KeyState"]
    if state == "Enabled":
        yield ok("customer key", "enabled")
    else:
        yield problem("customer key", state, "docs/operations.md, The customer key")
