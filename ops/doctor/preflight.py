"""What has to be there before a stack can be: tools, an account, free names."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from dropscore.aws.clients import error_code
from ops.connection import REPOSITORY, Connection
from ops.doctor.finding import Findings, ok, problem, warning
from ops.stack import Stack

BUCKETS = ("Inbox", "Work", "Results", "Models")
PYTHON = "3.12"
MISSING = frozenset({"404", "NoSuchBucket", "NotFound"})


def look_at_tools() -> Findings:
    """Python and SAM, which build and deploy."""
    python = platform.python_version()
    if python.startswith(f"{PYTHON}."):
        yield ok("Python", python)
    else:
        yield problem(
            "Python",
            f"{python}, the functions run on {PYTHON}",
            f"install Python {PYTHON}, then `make setup`",
        )
    if (REPOSITORY / ".venv" / "bin" / "sam").exists() or shutil.which("sam"):
        yield ok("SAM", "there")
    else:
        yield problem("SAM", "missing", "`make setup` installs it")


def look_at_account(connection: Connection) -> Findings:
    """Whose account this is."""
    if not connection.signed_in:
        yield problem(
            "account", "there are no AWS credentials", "sign in as for the AWS CLI, or set AWS_PROFILE"
        )
        return
    try:
        told = connection.client("sts").get_caller_identity()
    except ClientError as error:
        yield problem("account", f"{error_code(error)}: AWS does not take your credentials", "sign in again")
        return
    where = f" at {connection.endpoint_url}" if connection.endpoint_url else ""
    yield ok("account", f"{told['Account']}, as {told['Arn']}{where}")
    yield ok("region", connection.region)


def look_at_names(connection: Connection, parameters: Mapping[str, str]) -> Findings:
    """Whether the names that a new stack would take are free."""
    for what in BUCKETS:
        name = parameters.get(f"{what}BucketName")
        about = f"name of {what}Bucket"
        if not name:
            yield ok(about, "CloudFormation chooses one")
        else:
            yield from _bucket_name(connection.client("s3"), f"{what}BucketName", name)
    yield from _group_name(connection, parameters["ModelPackageGroupName"])


def _bucket_name(s3: Any, parameter: str, name: str) -> Findings:
    about = f"{parameter} {name}"
    try:
        s3.head_bucket(Bucket=name)
    except ClientError as error:
        if error_code(error) in MISSING:
            yield ok(about, "free")
        else:
            yield problem(
                about, "taken by another account, or in another region", f"choose another {parameter}"
            )
        return
    do = f"choose another {parameter}, or import it into the stack; an earlier stack keeps its buckets"
    yield problem(about, "there is one of yours already, and the stack would make it", do)


def _group_name(connection: Connection, name: str) -> Findings:
    about = f"ModelPackageGroupName {name}"
    try:
        connection.client("sagemaker").describe_model_package_group(ModelPackageGroupName=name)
    except ClientError as error:
        if error_code(error) != "ValidationException":
            raise
        yield ok(about, "free")
        return
    do = "choose another ModelPackageGroupName, or import it into the stack; an earlier stack keeps its group"
    yield problem(about, "there is one already, and the stack would make it", do)


def look_at_stack(connection: Connection, stack: Stack | None) -> Findings:
    """Whether CloudFormation has the stack, whole."""
    about = f"stack {connection.stack_name}"
    if stack is None:
        yield warning(about, "not deployed yet", "`make deploy`; another is named by --stack-name")
        return
    status = stack.status
    if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}:
        yield ok(about, status)
    elif status == "ROLLBACK_COMPLETE":
        do = f"`aws cloudformation delete-stack --stack-name {stack.name}`, mend the cause, then deploy again"
        yield problem(about, f"{status}: {_cause(connection, stack)}", do)
    elif status.endswith("ROLLBACK_COMPLETE"):
        yield warning(
            about,
            f"{status}: {_cause(connection, stack)}",
            "it is as before its last update: mend the cause, then deploy",
        )
    elif status.endswith("IN_PROGRESS"):
        yield warning(about, status, "wait for CloudFormation, some minutes, then ask again")
    else:
        yield problem(about, f"{status}: {_cause(connection, stack)}", "mend the cause, then deploy")


def _cause(connection: Connection, stack: Stack) -> str:
    """What CloudFormation says of the first resource that failed in what it did last."""
    events = connection.client("cloudformation").describe_stack_events(StackName=stack.name)["StackEvents"]
    failed = [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in events
        if event["ResourceStatus"].endswith("_FAILED")
        and "cancelled" not in event.get("ResourceStatusReason", "cancelled")
    ]
    return failed[-1] if failed else stack.status_reason or "CloudFormation gives no reason"
