"""The smoke test, from its cost to its end: each item in its turn, and all that they made removed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dropscore.domain.drop import DropState
from ops.errors import BadChoice
from ops.ledger import Ledger
from ops.prices import INSTANCE_HOUR, JOB_MINUTES, PRICES_OF
from ops.smoke import items_api, items_aws, items_scoring
from ops.smoke.cleaning import Cleaned, clean
from ops.smoke.frame import Item, Patience, Seen, Smoke, State, see
from ops.stack import Stack
from training.registry.packages import Registry
from training.registry.packages import scoring as scoring_version

ITEMS: Mapping[str, Item] = {
    "health": items_api.health,
    "signed-list": items_api.signed_list,
    "head": items_api.head,
    "preflight": items_api.preflight,
    "conditional-writes": items_aws.conditional_writes,
    "conditional-multipart": items_aws.conditional_multipart,
    "model": items_scoring.model,
    "scoring": items_scoring.scoring,
    "stopped-job": items_scoring.stopped_job,
    "endpoint": items_api.endpoint,
    "rollback": items_scoring.rollback,
    "output-keys": items_scoring.output_keys,
    "quoting": items_scoring.quoting,
    "start-minutes": items_scoring.start_minutes,
    "job-log": items_scoring.job_log,
    "athena": items_aws.athena,
    "athena-unfiltered": items_aws.athena_unfiltered,
    "rule-metrics": items_aws.rule_metrics,
    "metrics": items_aws.metrics,
    "access-denied": items_aws.access_denied,
}
"""In their order: what needs the version approved comes together, what is waited for long comes last."""

MAX_JOBS = len(items_scoring.FILES) + 2
"""One for each file, where files do not gather; the one that is stopped, and the one after it."""

CENT = 0.01


@dataclass
class Run:
    """What the test has seen so far.

    Attributes
    ----------
    items
        By name; `seconds` says how long it took.
    cleaned
        None before the end.
    """

    stack: str
    region: str
    run: str
    started: datetime
    items: dict[str, Seen] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    cleaned: Cleaned | None = None
    interrupted: bool = False

    @property
    def failed(self) -> bool:
        """Whether an item has failed, or something could not be removed."""
        left = self.cleaned.left if self.cleaned else []
        return bool(left) or any(seen.state is State.FAILED for seen in self.items.values())

    def document(self) -> dict[str, Any]:
        """For `smoke.json`."""
        return {
            "stack": self.stack,
            "region": self.region,
            "run": self.run,
            "started": self.started.isoformat(),
            "interrupted": self.interrupted,
            "items": {
                name: {
                    "state": seen.state.value,
                    "saw": seen.saw,
                    "seconds": self.seconds[name],
                    **({"details": dict(seen.details)} if seen.details else {}),
                }
                for name, seen in self.items.items()
            },
            "cleaned": asdict(self.cleaned) if self.cleaned else None,
        }


def refuse(stack: Stack, *, replace_approved: bool) -> None:
    """Leave a stack alone that works: while the test's version is approved, it scores all that arrives.

    Raises
    ------
    BadChoice
        A version is approved, drops are open, or no job would be started.
    """
    if stack.paused:
        raise BadChoice("the stack is paused, no job would start: deploy it with Paused=false first")
    if replace_approved:
        return
    registry = Registry(stack.connection.client("sagemaker"), stack.connection.client("s3"), stack.group)
    approved = scoring_version(registry.versions())
    ledger, now = Ledger(stack.ledger()), datetime.now(UTC)
    open_states = [state for state in DropState if not state.final]
    waiting = {state: ledger.count(state, now - timedelta(days=1), 1).number for state in open_states}
    found = [f"version {approved.number} is approved"] if approved else []
    found += [f"drops are {state}" for state, number in waiting.items() if number]
    if found:
        raise BadChoice(
            f"{', '.join(found)}: for some 20 minutes every drop would be scored, or rejected, by the smoke"
            " test's model. Use a stack of its own; or pass --replace-approved, and score again what is named"
            " at the end"
        )


def cost(stack: Stack) -> str:
    """What the test costs at most, in one sentence."""
    kind, instances = stack.parameters["InstanceType"], int(stack.parameters["MinInstances"])
    jobs = f"up to {MAX_JOBS} transform jobs, each {instances} x {kind} for some {JOB_MINUTES} minutes"
    hourly = INSTANCE_HOUR.get(kind)
    if hourly is None:
        return f"It starts {jobs}; the price of {kind} is not known here. All else costs cents."
    dollars = MAX_JOBS * instances * JOB_MINUTES / 60 * hourly
    return (
        f"It starts {jobs}: about {max(dollars, CENT):.2f} dollars at {hourly:g} an hour ({PRICES_OF})."
        " All else costs cents."
    )


def run(
    stack: Stack,
    folder: Path,
    on_item: Callable[[str, Seen], None] = lambda *_: None,
    patience: Patience | None = None,
    items: Mapping[str, Item] = ITEMS,
) -> Run:
    """Run the items and remove what they made.

    Parameters
    ----------
    folder
        An empty one of this machine.
    on_item
        Is told of each item when it has ended.
    patience
        For its waits.
    items
        By name.

    Returns
    -------
    Run
        Of all items; those that Ctrl-C left out are skipped.
    """
    name = f"smoke-{secrets.token_hex(4)}"
    smoke = Smoke(stack, name, folder, datetime.now(UTC), patience or Patience())
    done = Run(stack.name, stack.connection.region, name, smoke.started)
    for what, item in items.items():
        began, seen = time.monotonic(), Seen(State.SKIPPED, "interrupted")
        try:
            seen = seen if done.interrupted else see(item, smoke)
        except KeyboardInterrupt:
            done.interrupted = True
        done.items[what], done.seconds[what] = seen, round(time.monotonic() - began, 1)
        on_item(what, seen)
    done.cleaned = clean(smoke)
    return done
