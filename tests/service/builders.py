"""Builders for the adapters' tests: the ledger's table, stubbed clients, drops on their way."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.stub import Stubber
from samcli.yamlhelper import yaml_parse

from dropscore.aws.ledger import DispatchLease
from dropscore.domain.drop import Counts, Drop, DropState
from dropscore.domain.job import Job, JobState, Member, Outcome, Plan
from dropscore.domain.outcome import FileOutcome
from tests.unit.builders import MODEL, NOW, source

SOON = NOW + timedelta(minutes=5)
COUNTS = Counts(10, 9, 1)
PREPARED = FileOutcome(COUNTS, shards=2, feature_bytes=321)
DONE = FileOutcome(COUNTS, result_uri="s3://r/p", rejects_uri="s3://r/r", code_version="1.2")
LEDGER = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


@lru_cache
def _ledger():
    """What the stack's template says of the table's keys and index."""
    template = yaml_parse((Path(__file__).parents[2] / "template.yaml").read_text())
    said = template["Resources"]["LedgerTable"]["Properties"]
    return {name: said[name] for name in LEDGER}


def create_ledger_table(client):
    """The table as the stack's template makes it."""
    client.create_table(TableName="ledger", **_ledger())


@lru_cache
def _client(service):
    """Made once a service: it is what takes longest."""
    session = boto3.session.Session("testing", "testing", region_name="eu-central-1")
    return session.client(service, config=Config(retries={"total_max_attempts": 1}))


@contextmanager
def stubbed(service):
    """A client that answers what it is told to, and accepts nothing else; every answer must be asked for."""
    client = _client(service)
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def bring_to(drops, state, *, version="v1", now=NOW, jobs=None) -> Drop:
    """A drop that has gone the way to `state` in the ledger."""
    drop = drops.open(source(version=version), now, now + timedelta(minutes=5))
    match state:
        case DropState.WAITING:
            return drops.wait(drop, "no model", now)
        case DropState.REJECTED:
            return drops.reject(drop, "bad file", None, None, now)
        case DropState.PREPARED | DropState.SCORING | DropState.SCORED | DropState.FAILED:
            drop = drops.finish_preparing(drop, MODEL, PREPARED, now)
    if state in (DropState.SCORING, DropState.SCORED, DropState.FAILED):
        drop, _ = claimed(jobs, [drop])
    if state is DropState.SCORED:
        return drops.score(drop, MODEL, DONE, now)
    return drops.fail(drop, "failed twice", now) if state is DropState.FAILED else drop


def planned_job(members, now=NOW) -> Job:
    plan = Plan(MODEL, tuple(sorted(members)))
    return Job(plan.job_name("dropscore"), JobState.PLANNED, MODEL, plan.members, now)


def lease(table, now=NOW) -> DispatchLease:
    """The dispatch lease, whoever had it."""
    table.change("dispatch", {"owner": None, "lease_until": None}, None)
    return DispatchLease.acquire(table, "me", now, now + timedelta(minutes=5))


def claimed(jobs, drops, now=NOW):
    """The first of the drops, as a member of a job that has claimed them all, and that job."""
    job = planned_job(map(Member.of, drops), now)
    assert jobs.plan(job, lease(jobs._table), now, now + timedelta(minutes=5))
    first = drops[0].drop_id
    return next(d for d in jobs.claim(job, now) if d.drop_id == first), job


def ended(jobs, job, drops, now=NOW) -> Job:
    """The job, started with the drops and ended Completed."""
    return jobs.end(jobs.start(job, drops, now), Outcome.COMPLETED, None, len(drops), now)
