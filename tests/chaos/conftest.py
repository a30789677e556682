"""One storm for all tests here; what it has left is theirs to judge."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterator
from random import Random

import pytest

from local.demo.model import install_sample_model
from local.stack import BUILT_TEMPLATE, LocalStack
from tests.chaos.aftermath import Aftermath, deaths
from tests.chaos.arrivals import Arrivals
from tests.chaos.files import make_files
from tests.chaos.processes import Family
from tests.chaos.storm import Killer, Operator, Recurring, Weather
from tests.chaos.variant import FUNCTION_SECONDS, with_short_patience
from tests.flow.flow import Flow, wait_for

SEED = os.environ.get("SEED", "0")
USUAL_FILES = 60
FILES = int(os.environ.get("FILES", USUAL_FILES))
WINDOW_SECONDS = 1
MOST_DROPS = max(20, FILES // 20)
PARAMETERS = {
    "BatchSize": "10",
    "BatchWindowSeconds": "1",
    "JobWindowSeconds": str(WINDOW_SECONDS),
    "JobMaxDrops": str(MOST_DROPS),
}
# Shorter than two leases, so that no drop's preparation dies three times, for which it would be blamed.
STORM_SECONDS = min(7.0 + max(0, FILES - USUAL_FILES) * 0.27, 125.0)
# A message that dies whenever the storm receives it is received a fifth time, its last, only in the calm.
VISIBILITY_SECONDS = max(FUNCTION_SECONDS + 1, math.ceil(STORM_SECONDS / 3.8))
KILL_SECONDS = (0.2, min(0.5 + FILES / 200, 3.0))
FIRST_KILL_SECONDS = 2.0
JOB_SECONDS = 2.0
QUOTA = 2
TROUBLE = {
    "CreateTransformJob": 3 + FILES // 30,
    "CreateModel": 2,
    "DescribeTransformJob": 2 + FILES // 50,
    "drop_events": 1 + FILES // 100,
    "duplicate_events": 1 + FILES // 100,
}
CALM_LIMIT = 240 + FILES * 0.6

logger = logging.getLogger(__name__)


@pytest.fixture(scope="package", params=[SEED], ids=[f"SEED={SEED}-FILES={FILES}"])
def aftermath(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Aftermath]:
    template = with_short_patience(BUILT_TEMPLATE, tmp_path_factory.mktemp("template"), VISIBILITY_SECONDS)
    with LocalStack(PARAMETERS, template_file=template) as stack:
        family = Family(stack.pid)
        yield live_through(Flow(stack, install_sample_model(stack)), family, request.param)
    wait_for(lambda: not family.living(), lambda: f"still there: {family.living()}", limit=5)


def live_through(flow: Flow, family: Family, seed: str) -> Aftermath:
    """A storm, and the calm after it until nothing is left to do."""
    arrivals = Arrivals(flow, make_files(FILES, chances(seed, "files")), chances(seed, "arrivals"))
    killer = Killer(family, chances(seed, "victims"))
    weather = Weather(flow.stack, chances(seed, "weather"), TROUBLE)
    operator = Operator(flow)
    flow.stack.change_faults(instance_quota=QUOTA, job_delay_seconds=JOB_SECONDS)
    began = time.monotonic()
    with (
        Recurring(weather.change, chances(seed, "changes"), 0.3, 1),
        Recurring(operator.sweep, chances(seed, "sweeps"), 1, 2) as sweeps,
    ):
        with Recurring(killer.strike, chances(seed, "kills"), *KILL_SECONDS, first=FIRST_KILL_SECONDS):
            arrivals.come(STORM_SECONDS)
        flow.stack.change_faults(job_delay_seconds=0)
        operator.storms = False
        left = Aftermath(flow, family, arrivals.dropped)
        wait_for(lambda: sweeps.goes_on() and left.at_rest(), left.unrest, CALM_LIMIT)
    seconds = time.monotonic() - began
    left.struck = {
        **weather.struck,
        **killer.struck,
        **deaths(flow.stack.log_file.read_text()),
        "sweeps died": operator.died,
        "told twice": arrivals.told_twice,
    }
    again = sum(drop.attempt > 1 for drop in left.drops.values())
    logger.info("%.0f s, %d jobs, %d drops prepared again: %s", seconds, len(left.jobs), again, left.struck)
    return left


def chances(seed: str, what: str) -> Random:
    """Chances of its own for everything: threads that shared them would draw in another order every time."""
    return Random(f"{seed} {what}")  # noqa: S311 - a test's
