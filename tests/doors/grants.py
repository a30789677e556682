"""What the template grants, taken apart: each action on each resource, for each role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.template.translated import Translated, translated


@dataclass(frozen=True)
class Grant:
    """One action on one resource that one role may do.

    Attributes
    ----------
    policy
        Logical id of the managed policy, or name of the role's own.
    managed
        Whether the policy is a managed one.
    place
        The resource's place in its statement.
    """

    role: str
    policy: str
    managed: bool
    sid: str
    action: str
    resource: str
    place: int

    @property
    def name(self) -> str:
        return f"{self.role} {self.sid} {self.action} {self.resource}"


def grants() -> dict[str, Grant]:
    """Every grant to every role of the template, by name."""
    stack = translated(with_key=True, true=("HasRealtimeEndpoint",))
    found = [grant for role in stack.of_type("AWS::IAM::Role") for grant in _of_role(stack, role)]
    named = {grant.name: grant for grant in found}
    assert len(named) == len(found), "two grants have one name"
    return named


def _of_role(stack: Translated, role: str) -> Iterator[Grant]:
    properties = stack.properties(role)
    for policy in properties.get("Policies", []):
        yield from _of_document(role, policy["PolicyName"], policy["PolicyDocument"], managed=False)
    for attached in properties.get("ManagedPolicyArns", []):
        document = stack.properties(attached["Ref"])["PolicyDocument"]
        yield from _of_document(role, attached["Ref"], document, managed=True)


def _of_document(role: str, policy: str, document: dict[str, Any], *, managed: bool) -> Iterator[Grant]:
    for statement in document["Statement"]:
        for action in as_list(statement["Action"]):
            for place, resource in enumerate(as_list(statement["Resource"])):
                yield Grant(role, policy, managed, statement["Sid"], action, _short(resource), place)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _short(resource: Any) -> str:
    """A resource as a reader names it: by its logical id, or by the end of its ARN."""
    if isinstance(resource, str):
        return resource
    if "Ref" in resource:
        return resource["Ref"]
    if "Fn::GetAtt" in resource:
        return resource["Fn::GetAtt"][0]
    text = re.sub(r"\$\{(?:AWS::)?(\w+)(\.Arn)?\}", r"\1", resource["Fn::Sub"])
    return text.split(":", 5)[-1]


def without(document: dict[str, Any], grant: Grant) -> dict[str, Any]:
    """The policy document of a running stack, less a grant."""
    statements = []
    for statement in document["Statement"]:
        statements += _less(statement, grant) if statement["Sid"] == grant.sid else [statement]
    return {**document, "Statement": statements}


def _less(statement: dict[str, Any], grant: Grant) -> list[dict[str, Any]]:
    """A statement, less an action on one of its resources: at most two statements."""
    actions, resources = as_list(statement["Action"]), as_list(statement["Resource"])
    other_actions = [action for action in actions if action != grant.action]
    other_resources = [resource for place, resource in enumerate(resources) if place != grant.place]
    left = []
    if other_actions:
        left.append({**statement, "Action": other_actions})
    if other_resources:
        left.append(
            {**statement, "Sid": f"{grant.sid}Rest", "Action": [grant.action], "Resource": other_resources}
        )
    return left
