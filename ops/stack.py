"""The deployed stack, as CloudFormation describes it: parameters, outputs and the names of its resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from dropscore.aws.clients import error_code
from dropscore.aws.ledger import Table
from dropscore.domain.source import DEFAULT_SUFFIXES, read_suffixes
from ops.connection import Connection
from ops.errors import NoStack

GONE = "DELETE_COMPLETE"


@dataclass(frozen=True)
class Stack:
    """A stack.

    Attributes
    ----------
    status
        CloudFormation's, and `status_reason` where it gives one.
    parameters, outputs
        As deployed.
    resources
        Physical names, by logical name.
    """

    connection: Connection
    name: str
    status: str
    status_reason: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    resources: Mapping[str, str]

    def resource(self, name: str) -> str:
        """The physical name of a resource.

        Raises
        ------
        NoStack
            The stack lacks it: it was not deployed whole.
        """
        try:
            return self.resources[name]
        except KeyError as error:
            raise NoStack(
                f"stack {self.name} ({self.status}) has no {name}: deploy it with this repository's template"
            ) from error

    def number(self, parameter: str) -> int:
        """A parameter that is a whole number."""
        return int(self.parameters[parameter])

    @property
    def inbox(self) -> str:
        """The bucket that files are dropped into."""
        return self.resource("InboxBucket")

    @property
    def suffixes(self) -> tuple[str, ...]:
        """How the keys of drops end; a stack of before there was `InboxSuffixes` has the default."""
        named = self.parameters.get("InboxSuffixes")
        return read_suffixes(named) if named else DEFAULT_SUFFIXES

    @property
    def group(self) -> str:
        """The model package group."""
        return self.parameters["ModelPackageGroupName"]

    @property
    def paused(self) -> bool:
        """Whether no new jobs are started."""
        return self.parameters.get("Paused") == "true"

    def ledger(self) -> Table:
        """The ledger's table."""
        return Table(self.connection.client("dynamodb"), self.resource("LedgerTable"))


def find_stack(connection: Connection) -> Stack:
    """The stack that the commands are about.

    Raises
    ------
    NoStack
        There is none of that name here.
    """
    found = look_for_stack(connection)
    if found is None:
        where = connection.endpoint_url or connection.region
        raise NoStack(
            f"there is no stack {connection.stack_name} in {where}: --stack-name and --region name "
            "another, --local is the one of `make local`, `make deploy` makes one"
        )
    return found


def look_for_stack(connection: Connection) -> Stack | None:
    """The stack, or None where there is none of that name."""
    cloudformation = connection.client("cloudformation")
    try:
        (told,) = cloudformation.describe_stacks(StackName=connection.stack_name)["Stacks"]
    except ClientError as error:
        if error_code(error) == "ValidationError":  # "Stack with id … does not exist"
            return None
        raise
    if told["StackStatus"] == GONE:
        return None
    return Stack(
        connection=connection,
        name=connection.stack_name,
        status=told["StackStatus"],
        status_reason=told.get("StackStatusReason", ""),
        parameters=_named(told.get("Parameters", []), "Parameter"),
        outputs=_named(told.get("Outputs", []), "Output"),
        resources=_resources(cloudformation, connection.stack_name),
    )


def _named(pairs: list[dict[str, Any]], what: str) -> dict[str, str]:
    return {pair[f"{what}Key"]: pair[f"{what}Value"] for pair in pairs}


def _resources(cloudformation: Any, name: str) -> dict[str, str]:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource.get("PhysicalResourceId")
    }
