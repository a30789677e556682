"""A plan: what the simulation, the limits and the prices come to, as a table for people and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.plan.costs import Prices, of_day
from benchmarks.plan.flow import Flow, Flowed
from benchmarks.plan.limits import Limit, limits
from benchmarks.plan.requests import requests_per_drop
from benchmarks.plan.workload import DAY, Work

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}

MILLION, BILLION = 1e6, 1e9


@dataclass(frozen=True)
class Plan:
    """What a workload comes to on a stack.

    Attributes
    ----------
    work
        What was asked for.
    flowed
        A simulated day.
    limits
        The tightest first.
    dollars
        Of that day, by item.
    prices
        The list that they are from.
    """

    work: Work
    flowed: Flowed
    limits: list[Limit]
    dollars: dict[str, float]
    prices: Prices

    @classmethod
    def of(cls, work: Work, prices: Prices) -> Plan:
        """Simulate it, and count."""
        flowed = Flow(work).run()
        return cls(work, flowed, limits(work), of_day(work, flowed.day, prices), prices)

    @property
    def drops_per_job(self) -> float:
        """On average."""
        return self.flowed.day.scored / max(1.0, self.flowed.day.jobs)

    @property
    def minutes(self) -> dict[str, float] | None:
        """From arrival to result, by percentile; None where the backlog grows."""
        if self.flowed.left_over or not self.flowed.latencies:
            return None
        return {name: self.flowed.percentile(share) / 60 for name, share in PERCENTILES.items()}

    @property
    def problems(self) -> list[str]:
        """What does not go as one would want it."""
        work, found = self.work, []
        if self.flowed.left_over:
            found.append(f"the backlog grows: {self.flowed.left_over:,} files a day are left over")
        if self.flowed.capped:
            found.append("MaxJobsPerDay is reached: files wait until midnight UTC")
        hours = (work.speeds.start_seconds + work.job_seconds(work.drops_per_job)) / 3_600
        if hours > work.stack.max_job_hours:
            found.append(f"a full job takes {hours:.1f} hours, more than MaxJobHours: it would be stopped")
        for what, seconds in (("prepare", work.prepare_seconds), ("collect", work.collect_seconds)):
            if seconds > work.stack.timeout_seconds:
                found.append(
                    f"a file takes {what} {seconds:.0f} s, more than its timeout: it would be rejected"
                )
        return found

    @property
    def json(self) -> dict[str, Any]:
        """Everything."""
        work, day = self.work, self.flowed.day
        return {
            "files_per_day": work.workload.files_per_day,
            "rows_per_file": work.workload.rows_per_file,
            "profile": work.workload.profile.value,
            "minutes": self.minutes,
            "left_over_per_day": self.flowed.left_over,
            "problems": self.problems,
            "jobs_per_day": day.jobs,
            "drops_per_job": self.drops_per_job,
            "busy_instances": day.instance_seconds / DAY,
            "prepare_concurrency": {"average": day.prepare_seconds / DAY, "peak": self.flowed.prepare_peak},
            "collect_concurrency": {"average": day.collect_seconds / DAY, "peak": self.flowed.collect_peak},
            "requests_per_drop": requests_per_drop(work, self.drops_per_job),
            "limits": [vars(limit) for limit in self.limits],
            "dollars_per_day": self.dollars,
            "dollars_per_million_files": self.per_million_files,
            "dollars_per_billion_rows": self.per_billion_rows,
            "region": self.prices.region,
        }

    @property
    def per_million_files(self) -> float:
        """Dollars."""
        return sum(self.dollars.values()) / max(1.0, self.flowed.day.scored) * MILLION

    @property
    def per_billion_rows(self) -> float:
        """Dollars."""
        return self.per_million_files / MILLION / self.work.workload.rows_per_file * BILLION

    def show(self, console: Console) -> None:
        """Print it."""
        workload, day = self.work.workload, self.flowed.day
        console.print(
            f"{workload.files_per_day:,} files a day of {workload.rows_per_file:,} rows, {workload.profile}",
            highlight=False,
        )
        for problem in self.problems:
            console.print(f"PROBLEM: {problem}", highlight=False)
        if self.minutes:
            said = ", ".join(f"{name} {minutes:.1f}" for name, minutes in self.minutes.items())
            console.print(f"minutes from arrival to result: {said}", highlight=False)
        console.print(
            f"jobs a day: {day.jobs:,.0f}, of {self.drops_per_job:,.0f} drops; "
            f"instances busy: {day.instance_seconds / DAY:.1f}",
            highlight=False,
        )
        for name, seconds, peak in (
            ("prepare", day.prepare_seconds, self.flowed.prepare_peak),
            ("collect", day.collect_seconds, self.flowed.collect_peak),
        ):
            console.print(f"{name}: {seconds / DAY:.1f} at once, at most {peak}", highlight=False)
        console.print(self._limits_table())
        console.print(self._costs_table())

    def _limits_table(self) -> Table:
        table = Table(title="What breaks first", title_justify="left")
        for name in ("at most, files a day", "what", "lever"):
            table.add_column(name, justify="right" if name.startswith("at") else "left")
        for limit in self.limits:
            short = limit.files_per_day < self.work.workload.files_per_day
            style = "bold" if short else ""
            mark = " !" if short else "  "
            table.add_row(f"{limit.files_per_day:,.0f}{mark}", limit.name, limit.lever, style=style)
        return table

    def _costs_table(self) -> Table:
        title = f"Dollars, {self.prices.region}; what is stored, for a month"
        table = Table(title=title, title_justify="left")
        for name in ("item", "a day", "a million files", "a billion rows"):
            table.add_column(name, justify="left" if name == "item" else "right")
        scored = max(1.0, self.flowed.day.scored)
        rows = scored * self.work.workload.rows_per_file
        total = sum(self.dollars.values())
        for name, dollars in [*self.dollars.items(), ("all", total)]:
            each = dollars / scored * MILLION, dollars / rows * BILLION
            table.add_row(name, f"{dollars:,.2f}", *(f"{amount:,.2f}" for amount in each))
        return table
