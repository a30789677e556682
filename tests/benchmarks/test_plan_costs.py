"""Dollars by the price list, the limits by the documents, and the command."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.plan.costs import NoPrice, Prices, of_day
from benchmarks.plan.flow import Totals
from benchmarks.plan.limits import limits
from benchmarks.plan.workload import Profile, Speeds, Stack, Work, Workload

DAY = Totals(
    arrived=1_000_000,
    scored=1_000_000,
    left=0,
    jobs=1_000,
    dispatches=2_000,
    looked_at=0,
    prepares=10_000,
    collects=41_000,
    dispatch_seconds=0,
    prepare_seconds=400_000,
    collect_seconds=200_000,
    instance_seconds=3_600_000,
)
WORK = Work(Workload(1_000_000, 1_440), Stack(job_max_drops=1_000), Speeds())


def test_instances_functions_and_events_cost_what_the_list_says():
    dollars = of_day(WORK, DAY, Prices.read())
    assert dollars["SageMaker instances"] == pytest.approx(1_000 * 0.115)
    assert dollars["EventBridge"] == pytest.approx(1.0)
    seconds = 600_000 + 1_440 * 1.5
    assert dollars["Lambda time"] == pytest.approx(
        seconds * (1_769 / 1_024 * 0.0000166667 + 1.5 * 0.0000000309)
    )


def test_a_day_of_other_prices_costs_as_much_more():
    prices = Prices.read()
    twice = replace(prices, dollars={name: 2 * each for name, each in prices.dollars.items()})
    assert sum(of_day(WORK, DAY, twice).values()) == pytest.approx(
        2 * sum(of_day(WORK, DAY, prices).values())
    )


def test_an_instance_type_without_a_price_is_told():
    work = replace(WORK, stack=Stack(instance_type="ml.t9.huge"))
    with pytest.raises(NoPrice, match=r"the price list has no sagemaker ml\.t9\.huge"):
        of_day(work, DAY, Prices.read())


def test_every_price_says_its_unit_and_where_it_is_from():
    prices = json.loads((Prices.read.__func__.__defaults__[0]).read_text())["prices"]
    for name, entry in prices.items():
        assert entry["status"] in {"aws", "second hand", "assumed"}, name
        assert entry["dollars"] > 0, name
        assert entry["unit"], name
        assert entry["page"].startswith("https://aws.amazon.com/"), name
        assert entry["seen_in"], name


def test_the_tightest_limit_comes_first():
    found = limits(Work(Workload(10_000, 1_440), Stack(), Speeds()))
    assert found[0].name == "MaxJobsPerDay"
    assert found[0].files_per_day == 400 * 1_000
    sizes = [limit.files_per_day for limit in found]
    assert sizes == sorted(sizes)


def test_every_limit_of_a_service_says_who_says_so():
    services = [limit for limit in limits(WORK) if ":" in limit.name]
    assert len(services) >= 8
    assert all(limit.source for limit in services)


def test_what_refuses_takes_less_where_files_come_in_an_hour():
    def of(profile):
        found = limits(replace(WORK, workload=replace(WORK.workload, profile=profile)))
        return {limit.name: limit.files_per_day for limit in found}

    even, nightly = of(Profile.EVEN), of(Profile.NIGHTLY)
    assert nightly["S3: writes below predictions/<day>"] == even["S3: writes below predictions/<day>"] / 24
    assert nightly["MaxJobsPerDay"] == even["MaxJobsPerDay"]


def test_the_command_prints_a_plan_and_writes_it(tmp_path):
    file = tmp_path / "plan.json"
    ran = CliRunner().invoke(
        app, ["plan", "--files-per-day", "2000", "--rows-per-file", "1440", "--json", str(file)]
    )
    assert ran.exit_code == 0, ran.output
    assert "minutes from arrival to result: p50" in ran.output
    assert "What breaks first" in ran.output
    told = json.loads(file.read_text())
    assert told["files_per_day"] == 2_000
    assert told["minutes"]["p50"] <= told["minutes"]["max"]
    assert told["dollars_per_million_files"] > 0


def test_the_command_says_when_a_backlog_grows():
    ran = CliRunner().invoke(app, ["plan", "--files-per-day", "900000"])
    assert "the backlog grows" in ran.output
    assert "minutes from arrival" not in ran.output


def test_the_command_says_when_a_job_would_be_stopped():
    ran = CliRunner().invoke(
        app, ["plan", "--files-per-day", "500", "--rows-per-file", "4000000", "--rows-per-second", "10000"]
    )
    assert "more than MaxJobHours" in ran.output
