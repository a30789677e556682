"""Whether the account's quotas let jobs and functions run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dropscore.aws.transforms import REQUEST_QUOTA
from ops.connection import Connection
from ops.doctor.finding import Findings, ok, problem, warning
from ops.doctor.wanted import functions, instances

ALL_INSTANCES = "Number of instances across all transform jobs"
"""SageMaker's quota for all instance types together, as Service Quotas calls it."""

COMFORT = 40
"""Functions at once, beyond those that score, with which readers of the results API are not in the way."""

NOT_ASKED = "not asked: the embedded stack has no quotas"


def instance_quota(instance_type: str) -> str:
    """What Service Quotas calls the number of instances of a type that transform jobs may take."""
    return f"{instance_type} for transform job usage"


def look_at_quotas(connection: Connection, parameters: Mapping[str, str]) -> Findings:
    """How many instances transform jobs may take, beside how many the stack would."""
    wanted, kind = instances(parameters), parameters["InstanceType"]
    if connection.embedded:
        yield ok("quota", f"{NOT_ASKED} ({instance_quota(kind)}: {wanted} wanted on AWS)")
        return
    names = {instance_quota(kind), ALL_INSTANCES}
    found = _values(connection.client("service-quotas"), names)
    for name in sorted(names):
        yield from _judge(name, found.get(name), wanted)


def _judge(name: str, value: float | None, wanted: int) -> Findings:
    about = f"quota {name}"
    if value is None and name == ALL_INSTANCES:
        return
    if value is None:
        yield problem(about, "Service Quotas knows none of that name here", "choose another InstanceType")
    elif value < 1:
        do = f"{REQUEST_QUOTA}, {wanted} of `{name}`; until then files wait, or choose another InstanceType"
        yield problem(about, "0: no job can start", do)
    elif value < wanted:
        found = f"{value:.0f}, and MaxRunningJobs times its instances is {wanted}: some jobs wait for others"
        yield warning(about, found, f"{REQUEST_QUOTA}, or a smaller MaxRunningJobs")
    else:
        yield ok(about, f"{value:.0f}, {wanted} wanted")


def _values(client: Any, names: set[str]) -> dict[str, float]:
    """The quotas' values by name; AWS's defaults for those that the account has no value of its own for.

    ListServiceQuotas leaves out a quota whose applied value is not available (Service Quotas API reference).
    They are found by name, since their codes differ from type to type; SageMaker has over two thousand, a
    hundred a page.
    """
    found: dict[str, float] = {}
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        for page in client.get_paginator(operation).paginate(
            ServiceCode="sagemaker", PaginationConfig={"PageSize": 100}
        ):
            told = {quota["QuotaName"]: float(quota["Value"]) for quota in page["Quotas"]}
            found = {**{name: told[name] for name in names & told.keys()}, **found}
            if names <= found.keys():
                return found
    return found


def look_at_concurrency(connection: Connection, parameters: Mapping[str, str]) -> Findings:
    """How many functions may run at once in the account, beside how many the stack would."""
    limits = connection.client("lambda").get_account_settings()["AccountLimit"]
    free, wanted = int(limits["UnreservedConcurrentExecutions"]), functions(parameters)
    about, ask = "Lambda concurrency", "request more of `Concurrent executions`: Service Quotas, AWS Lambda"
    if free < wanted:
        found = f"{free} at once; prepare, collect and sweep take {wanted}"
        yield problem(about, found, f"{ask}; or lower PrepareConcurrency or CollectConcurrency")
    elif free < wanted + COMFORT:
        found = f"{free} at once; prepare, collect and sweep take {wanted}, each reader at the time one more"
        yield warning(about, found, ask)
    else:
        yield ok(about, f"{free} at once")
