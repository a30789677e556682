"""What a plan takes for granted is what the template, the code and the ledger say."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from math import ceil
from pathlib import Path

import pytest
from samcli.yamlhelper import yaml_parse

from benchmarks.disk import DiskS3
from benchmarks.ended_job import file_work
from benchmarks.plan import code
from benchmarks.plan.requests import LEDGER_WRITES, of_drop, planned_by_service, requests_per_drop
from benchmarks.plan.workload import MEBIBYTE, Speeds, Stack, Work, Workload
from benchmarks.scoring import prepare, score
from dropscore import collect, dispatch
from dropscore import prepare as preparing
from dropscore.aws import ranged
from dropscore.aws.ledger import items
from dropscore.aws.ledger import jobs as ledger_jobs
from dropscore.domain import job as domain_job
from dropscore.domain import shards
from dropscore.domain.drop import DropState
from tests.service.builders import DONE, PREPARED, bring_to, ended, lease, planned_job
from tests.unit.builders import MODEL, NOW, source

TEMPLATE = yaml_parse((Path(__file__).parents[2] / "template.yaml").read_text())
MONTH = Work(Workload(1_000, 43_200), Stack(), Speeds())


@pytest.mark.parametrize(
    ("parameter", "planned"),
    [
        ("InstanceType", Stack().instance_type),
        ("MinInstances", Stack().fleet.least),
        ("MaxInstances", Stack().fleet.most),
        ("MaxConcurrentTransforms", Stack().max_concurrent_transforms),
        ("ShardMegabytes", Stack().shard_megabytes),
        ("JobMaxDrops", Stack().job_max_drops),
        ("JobWindowSeconds", Stack().job_window_seconds),
        ("MaxRunningJobs", Stack().max_running_jobs),
        ("MaxJobsPerDay", Stack().max_jobs_per_day),
        ("MaxJobHours", Stack().max_job_hours),
        ("BatchSize", Stack().batch_size),
        ("BatchWindowSeconds", Stack().batch_window_seconds),
        ("WorkRetentionDays", Stack().work_retention_days),
    ],
)
def test_the_stack_that_is_planned_for_is_the_templates(parameter, planned):
    assert TEMPLATE["Parameters"][parameter]["Default"] == planned


def test_the_functions_that_are_planned_for_are_the_templates():
    def concurrency(function, event):
        found = TEMPLATE["Resources"][function]["Properties"]["Events"][event]["Properties"]
        return _default(found["ScalingConfig"]["MaximumConcurrency"])

    def of_prepare(name):
        mine = TEMPLATE["Resources"]["PrepareFunction"]["Properties"]
        return _default(mine.get(name, TEMPLATE["Globals"]["Function"].get(name)))

    stack = Stack()
    assert concurrency("PrepareFunction", "Inbox") == stack.prepare_concurrency
    assert concurrency("CollectFunction", "Jobs") == stack.collect_concurrency
    assert of_prepare("MemorySize") == stack.memory_megabytes
    assert of_prepare("Timeout") == stack.timeout_seconds
    assert _default(of_prepare("EphemeralStorage")["Size"]) == stack.storage_megabytes


def _default(value):
    """A value of the template, or the default of the parameter that it names."""
    if isinstance(value, dict) and "Ref" in value:
        return TEMPLATE["Parameters"][value["Ref"]]["Default"]
    return value


def test_the_codes_numbers_are_the_codes():
    assert code.ROW_GROUP == shards.ROW_GROUP
    assert code.TAIL_BYTES == ranged.TAIL_BYTES
    assert code.PART_DROPS == domain_job.PART_DROPS
    assert code.AT_ONCE == dispatch.AT_ONCE
    assert code.CLAIM_AT_ONCE == ledger_jobs.CLAIM_AT_ONCE
    assert code.SPREAD == items.SPREAD
    assert preparing.WHILE_BUSY.total_seconds() == code.WHILE_BUSY_SECONDS
    needed = (preparing.NEEDED, collect.NEEDED, dispatch.NEEDED)
    assert needed == (code.PREPARE_NEEDED, code.COLLECT_NEEDED, code.DISPATCH_NEEDED)


def test_a_drops_files_are_read_and_written_as_often_as_planned(tmp_path):
    # GIVEN a month of a sensor
    month = prepare(tmp_path, 1)
    score(month)
    # WHEN it is collected, over buckets that count; preparing it is counted by what lies there
    s3 = DiskS3(tmp_path)
    file_work(s3).join(month.drop, month.job, month.outputs)
    prepared = [
        path for path in (tmp_path / "work").rglob("*") if path.is_file() and "transform" not in path.parts
    ]
    # THEN
    planned = of_drop(MONTH)
    assert s3.requests["PUT"] + len(prepared) == planned["PutObject"]
    assert s3.requests["GET"] == planned["GetObject"] - 1 - MONTH.reads


def test_a_file_has_as_many_shards_as_planned(tmp_path):
    months = 30
    stack = Stack(shard_megabytes=shards.SHARD_BYTES // MEBIBYTE)
    planned = Work(Workload(1, months * 43_200), stack, Speeds())
    assert prepare(tmp_path, months).shards == planned.shards


@pytest.mark.parametrize("many", [30, 130])
def test_the_ledger_is_asked_as_often_as_planned_and_its_items_are_no_larger(dynamodb, drops, jobs, many):
    # GIVEN a process that has brought a drop to its end, and so remembers the day
    bring_to(drops, DropState.SCORED, version="first", jobs=jobs)
    held = lease(jobs._table)
    asked = Counter()
    dynamodb.meta.events.register("before-call", lambda model, **_: asked.update([model.name]))
    # WHEN others go the whole way, in one job
    sources = [source(version=f"v{number}") for number in range(many)]
    opened = [drops.open(each, NOW, NOW + timedelta(minutes=5)) for each in sources]
    prepared = [drops.finish_preparing(drop, MODEL, PREPARED, NOW) for drop in opened]
    job = planned_job(map(domain_job.Member.of, prepared))
    assert jobs.plan(job, held, NOW, NOW + timedelta(minutes=1))
    claimed = jobs.claim(job, NOW)
    jobs.ask(job, NOW)
    ended(jobs, job, claimed)
    for drop in claimed:
        drops.note_announced(drops.score(drop, MODEL, DONE, NOW))
    # THEN those of the job are three: asked for, started, ended
    planned = requests_per_drop(MONTH, many)
    assert asked["UpdateItem"] == (LEDGER_WRITES - 1) * many + 3
    assert asked["TransactWriteItems"] / many == planned["TransactWriteItems"]
    assert asked["BatchGetItem"] == 2 * ceil(many / 100)
    item = jobs._table.get(f"drop#{claimed[0].drop_id}")
    assert len(json.dumps(item, default=str)) == pytest.approx(MONTH.speeds.drop_item_bytes, rel=0.25)


def test_requests_are_planned_for_every_service_that_the_functions_ask():
    # GIVEN a thousand drops in one job, as the benchmark `flow` has them
    work = Work(Workload(1_000, 1_440), Stack(), Speeds())
    # WHEN they are counted by service, and by operation
    services, operations = planned_by_service(work, 1_000), requests_per_drop(work, 1_000)
    # THEN
    assert sum(services.values()) == pytest.approx(sum(operations.values()))
    assert services["s3"] == pytest.approx(6, abs=0.01)
    assert services["dynamodb"] == pytest.approx(4.2, abs=0.1)


def test_rows_are_as_many_bytes_as_planned(tmp_path, monkeypatch):
    # GIVEN the generated month of a sensor, prepared, scored and collected
    monkeypatch.delenv("PRTG_PARQUET", raising=False)
    month = prepare(tmp_path, 1)
    score(month)
    file_work(DiskS3(tmp_path)).join(month.drop, month.job, month.outputs)

    def each(*files):
        return sum(file.stat().st_size for file in files) / month.rows

    # THEN
    speeds = Speeds()
    features = (tmp_path / "work" / "features").rglob("*.csv")
    assert each(*features) == pytest.approx(speeds.feature_bytes, rel=0.25)
    assert each(month.context_file) == pytest.approx(speeds.context_bytes, rel=0.25)
    assert each(*month.output_files) == pytest.approx(speeds.output_bytes, rel=0.25)
    assert each(month.result_file) == pytest.approx(speeds.result_bytes, rel=0.25)
