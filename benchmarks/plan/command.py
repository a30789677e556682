"""`python -m benchmarks plan`: its options, and what they change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.plan.costs import PRICES, Prices
from benchmarks.plan.planning import Plan
from benchmarks.plan.workload import Profile, Speeds, Stack, Work, Workload
from dropscore.domain.fleet import Fleet

_STACK, _SPEEDS = Stack(), Speeds()


def plan(  # noqa: PLR0913, PLR0917 - each is an option
    files_per_day: Annotated[int, typer.Option(min=1, help="Files that arrive on a day.")],
    rows_per_file: Annotated[int, typer.Option(min=1, help="Rows of each.")] = 43_200,
    profile: Annotated[Profile, typer.Option(help="When they arrive.")] = Profile.EVEN,
    instance_type: Annotated[str, typer.Option(help="InstanceType.")] = _STACK.instance_type,
    instances: Annotated[
        int, typer.Option(min=1, help="MaxInstances: of a job; as many as its volume is worth.")
    ] = _STACK.fleet.most,
    job_max_drops: Annotated[int, typer.Option(min=1, help="JobMaxDrops.")] = _STACK.job_max_drops,
    job_window: Annotated[float, typer.Option(min=0, help="JobWindowSeconds.")] = _STACK.job_window_seconds,
    max_running_jobs: Annotated[int, typer.Option(min=1, help="MaxRunningJobs.")] = _STACK.max_running_jobs,
    max_jobs_per_day: Annotated[int, typer.Option(min=1, help="MaxJobsPerDay.")] = _STACK.max_jobs_per_day,
    quota: Annotated[
        int | None, typer.Option(help="Instances that the account has for transform jobs.")
    ] = None,
    prepare_concurrency: Annotated[
        int, typer.Option(min=1, help="PrepareConcurrency.")
    ] = _STACK.prepare_concurrency,
    collect_concurrency: Annotated[
        int, typer.Option(min=1, help="CollectConcurrency.")
    ] = _STACK.collect_concurrency,
    start_minutes: Annotated[
        float, typer.Option(min=0, help="From CreateTransformJob to the first record.")
    ] = _SPEEDS.start_seconds / 60,
    rows_per_second: Annotated[
        float, typer.Option(min=1, help="That the model scores on one CPU.")
    ] = _SPEEDS.rows_per_second,
    seed: Annotated[int, typer.Option(help="Of when files arrive; the same seed, the same plan.")] = 0,
    prices: Annotated[
        Path, typer.Option(help="A price list like this one.", show_default="benchmarks/prices.json")
    ] = PRICES,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the plan into this file.")] = None,
) -> None:
    """What a number of files a day comes to: minutes, jobs, dollars, and what breaks first."""
    stack = replace(
        _STACK,
        instance_type=instance_type,
        fleet=Fleet(1, instances),
        job_max_drops=job_max_drops,
        job_window_seconds=job_window,
        max_running_jobs=max_running_jobs,
        max_jobs_per_day=max_jobs_per_day,
        quota=quota,
        prepare_concurrency=prepare_concurrency,
        collect_concurrency=collect_concurrency,
    )
    speeds = replace(_SPEEDS, start_seconds=start_minutes * 60, rows_per_second=rows_per_second)
    work = Work(Workload(files_per_day, rows_per_file, profile, seed), stack, speeds)
    made = Plan.of(work, Prices.read(prices))
    made.show(Console())
    if json_file:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(made.json, indent=1) + "\n")
