"""schemathesis against a running API: all its checks, with real ids and cursors where it would only guess."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple

import requests
import schemathesis
from schemathesis import hooks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import Status, events, from_schema
from schemathesis.engine.recorder import RecordedScenario
from schemathesis.generation.case import Case

from tests.openapi.real import Reality

REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


@dataclass
class Outcome:
    """What came of a campaign.

    Attributes
    ----------
    answers
        How many cases of each operation had each status.
    refused
        How many requests of each operation were answered 401 or 403: those of the check `ignored_auth`.
    checks
        How often each check was made.
    failures, errors
        What schemathesis has to say; nothing if all is well.
    """

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def cases(self) -> int:
        return self.answers.total()

    @property
    def bad(self) -> list[str]:
        """What must not be."""
        return [*self.errors, *self.failures]

    def add(self, other: Outcome) -> None:
        """Count another campaign in."""
        self.answers += other.answers
        self.refused += other.refused
        self.checks += other.checks
        self.failures += other.failures
        self.errors += other.errors
        self.seconds += other.seconds

    def share(self, operation: str, *statuses: int) -> float:
        """Of the cases of an operation, how many had one of the statuses."""
        all_of_it = sum(count for (label, _), count in self.answers.items() if label == operation)
        return sum(self.answers[operation, status] for status in statuses) / max(1, all_of_it)

    def table(self) -> str:
        """A line for each operation of the document: how many cases had which status."""
        labels = sorted({label for label, _ in self.answers if label.startswith("GET ")})
        lines = []
        for label in labels:
            counts = sorted((status, count) for (of, status), count in self.answers.items() if of == label)
            lines.append(f"  {label:34} " + ", ".join(f"{status}: {count}" for status, count in counts))
        return "\n".join(lines)


def run(
    reality: Reality, auth: requests.auth.AuthBase, seed: int, max_examples: int, tell: Callable[[str], Any]
) -> Outcome:
    """Generate cases for every operation of the API's own document, and check each answer.

    Parameters
    ----------
    seed
        The same seed makes the same cases of the same document.
    max_examples
        Cases of each operation in each phase that takes chances.
    tell
        Hears about each phase.
    """
    outcome = Outcome()
    document = reality.session.get(reality.url + "openapi.json", timeout=120).json()
    # Not from_url: it would leave the address of the document itself untried.
    schema = schemathesis.openapi.from_dict(document, config=_config(reality.url, seed, max_examples))
    schema.auth.set_from_requests(auth)
    began = time.monotonic()
    with _hooked(reality, outcome):
        for event in from_schema(schema).execute():
            _note(event, outcome, tell)
    outcome.seconds = time.monotonic() - began
    return outcome


def _config(url: str, seed: int, max_examples: int) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "base-url": url.rstrip("/"),
            "continue-on-failure": True,
            "request-timeout": 30,
            "generation": {"max-examples": max_examples, "database": "none"},
            "cache": {"enabled": False},
        }
    )


@contextmanager
def _hooked(reality: Reality, outcome: Outcome) -> Iterator[None]:
    """Change cases before they are sent, and count the answers."""
    kept: dict[str, Kept] = {}

    def before_call(context: Any, case: Case, kwargs: dict[str, Any]) -> None:
        del context, kwargs
        _make_real(case, reality, kept)

    def after_call(context: Any, case: Case, response: Any) -> None:
        del context
        outcome.answers[f"{case.method} {case.path}", response.status_code] += 1
        if etag := response.headers.get("etag"):
            asked = (dict(case.path_parameters or {}), dict(case.query or {}), case.headers.get("accept"))
            again = case.path in kept and kept[case.path].asked_again
            kept[case.path] = Kept(*asked, etag[0], again)

    schemathesis.hook(before_call)
    schemathesis.hook(after_call)
    try:
        yield
    finally:
        hooks.unregister(before_call)
        hooks.unregister(after_call)


class Kept(NamedTuple):
    """What a client has been given with an ETag, and what it had asked for."""

    path: dict[str, Any]
    query: dict[str, Any]
    accept: str | None
    etag: str
    asked_again: bool


def _make_real(case: Case, reality: Reality, kept: dict[str, Kept]) -> None:
    """Let what is valid be real, too; leave what is wrong on purpose as it is."""
    # A case must stay the same whenever schemathesis repeats it, so the dice know nothing else.
    dice = random.Random(repr((case.method, case.path, case.path_parameters, case.query)))  # noqa: S311
    wrong = {place for place in ParameterLocation if case.meta and case.meta.is_negative_at(place)}
    if case.path in reality.paged and not wrong and dice.random() < 0.25:
        known = dice.choice(reality.paged[case.path])
        case.path_parameters, case.query = dict(known.path), dict(known.query)
    else:
        if case.path_parameters and ParameterLocation.PATH not in wrong:
            case.path_parameters = reality.path(case.path_parameters, dice)
        if case.query and ParameterLocation.QUERY not in wrong:
            case.query = dict(reality.query(case.path_parameters, case.query, dice))
    if wrong and dice.random() < 0.1:
        case.headers["accept"] = "image/png"
    elif dice.random() < 0.5:
        case.headers["accept"] = reality.accept(case.path, case.query, dice)
    if case.path in kept and not wrong and (dice.random() < 0.2 or not kept[case.path].asked_again):
        known = kept[case.path] = kept[case.path]._replace(asked_again=True)
        case.path_parameters, case.query = dict(known.path), dict(known.query)
        case.headers["if-none-match"] = known.etag
        case.headers.pop("accept", None)  # what was chosen above goes with another query
        if known.accept:
            case.headers["accept"] = known.accept


def _note(event: events.EngineEvent, outcome: Outcome, tell: Callable[[str], Any]) -> None:
    match event:
        case events.PhaseFinished():
            tell(f"{event.phase.name.value}: {event.status.value}, {outcome.cases} cases so far")
        case events.ScenarioFinished():
            _note_checks(event.recorder, outcome)
        case events.NonFatalError():
            outcome.errors.append(f"{event.label}: {event.value!r}")
        case events.FatalError():
            outcome.errors.append(repr(event.exception))


def _note_checks(recorder: RecordedScenario, outcome: Outcome) -> None:
    for name, interaction in recorder.interactions.items():
        if interaction.response and interaction.response.status_code in REFUSALS:
            case = recorder.cases[name].value
            outcome.refused[f"{case.method} {case.path}"] += 1
    for node in itertools.chain.from_iterable(recorder.checks.values()):
        outcome.checks[node.name] += 1
        if node.status is not Status.SUCCESS and node.failure_info:
            failure = node.failure_info.failure
            said = f"{failure.operation}: {failure.title}: {failure.message}\n{node.failure_info.code_sample}"
            if said not in outcome.failures:
                outcome.failures.append(said)
