"""What shows that a grant is needed: a setup with all rights, then an act without the one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from tests.doors.house import NOTHING_LOGGED, House

Act = Callable[[], str]
"""Does what needs the grant, as often as it is called; all that was said about it."""

BY_HEAD = r"\(403\) when calling the HeadObject operation"
"""What S3 says to a HEAD: an answer without a body names no action."""


@dataclass(frozen=True)
class Exercise:
    """How a grant is shown to be needed.

    Attributes
    ----------
    begin
        Sets the scene and answers the act.
    evidence
        What the act says without the grant, as a pattern; None: that its action is not authorized.
    again
        Whether the act is done once more with the grant. Where that would take a job with a container, the
        flow tests show that it works.
    """

    begin: Callable[[House], Act]
    evidence: str | None = None
    again: bool = True


def polling(function: str, action: str) -> Exercise:
    """Lambda refuses a mapping whose function's role lacks what polling takes."""

    def begin(house: House) -> Act:
        def act() -> str:
            try:
                house.functions.update_event_source_mapping(UUID=house.mapping_of(function), BatchSize=10)
            except ClientError as error:
                return str(error)
            return ""

        return act

    return Exercise(
        begin, f"InvalidParameterValueException.* does not have permissions to call {action} on SQS"
    )


def logging(function: str) -> Exercise:
    """An invocation writes a log."""
    return Exercise(lambda house: lambda: house.call(function, {"Records": []}), NOTHING_LOGGED)


def ledger(role: str, *actions: str) -> list[str]:
    """Names of a role's grants on the ledger's table."""
    return [f"{role} Ledger dynamodb:{action} LedgerTable" for action in actions]
