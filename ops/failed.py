"""FAILED drops, and model versions that are held: what only an operator can bring back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dropscore.aws.registry import Registry
from dropscore.domain.catalogue import Arrived, InState
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.model import Listed
from ops.errors import BadChoice
from ops.ledger import Ledger
from ops.stack import Stack

VERSIONS_LOOKED_AT = 50
"""The newest versions of the group, among which one that is held is looked for."""

_JOB = re.compile(r"in job \S+: ")


def failed_drops(stack: Stack, arrived: Arrived, prefix: str) -> list[Drop]:
    """FAILED drops that arrived then and whose key begins with the prefix, the newest first."""
    pages = Ledger(stack.ledger()).select(InState(DropState.FAILED), arrived)
    return [drop for page in pages for drop in page if drop.source.key.startswith(prefix)]


def reasons(drops: Sequence[Drop]) -> list[tuple[str, int]]:
    """Why drops failed, and how many for that reason, the most first; jobs' names make no difference."""
    return Counter(_JOB.sub("in its job: ", drop.reason or "no reason") for drop in drops).most_common()


@dataclass(frozen=True)
class HeldVersion:
    """A model version whose drops are not scored."""

    version: int
    arn: str
    reason: str


def held_versions(stack: Stack) -> list[HeldVersion]:
    """Those of the newest versions that are held."""
    records = Ledger(stack.ledger()).versions
    return [
        HeldVersion(listed.version, listed.arn, reason)
        for listed in _versions(stack)
        if (reason := records.get(listed.arn).held)
    ]


def arn_of(stack: Stack, version: int) -> str:
    """The ARN of a version of the stack's group.

    Raises
    ------
    BadChoice
        It is not among the newest.
    """
    for listed in _versions(stack):
        if listed.version == version:
            return listed.arn
    raise BadChoice(f"group {stack.group} has no version {version} among its newest {VERSIONS_LOOKED_AT}")


def _versions(stack: Stack) -> tuple[Listed, ...]:
    registry = Registry(stack.connection.client("sagemaker"), stack.group)
    return registry.versions(VERSIONS_LOOKED_AT, None).versions
