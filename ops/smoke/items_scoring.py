"""Items of the smoke test: a model version, four files, and all that their jobs show of SageMaker."""

from __future__ import annotations

import io
import re
from datetime import datetime
from functools import partial
from typing import Any

import pyarrow.parquet as pq

from dropscore.aws.ledger.drops import INDEXED_STATES
from dropscore.domain.drop import Drop, DropState
from dropscore.domain.job import Job, Outcome
from dropscore.domain.keys import OUTPUT_SUFFIX, base_name, outputs_prefix
from dropscore.domain.source import Source, why_no_drop
from ops.errors import NothingToSee
from ops.smoke.frame import Seen, Smoke, failed, ok
from ops.smoke.tiny_model import parquet, right_answer, train_tiny_model
from training.registry.packages import scoring as scoring_version

MANY = 100_000
FILES = {"one-row": (1, 0.0), "two-rows": (2, 0.0), "many-rows": (MANY, 0.0), "negative": (3, -1.5)}
"""Rows, and the first feature of the first one: cases that a container or a filter may take amiss."""

CLOSE = 1e-6
FIRST_BYTES = 200
JOB_LOGS = "/aws/sagemaker/TransformJobs"
INSTALLING = "Installing build dependencies"
"""What pip says when it asks a package index, which `SERVING_ENVIRONMENT` forbids."""

_PLAIN = re.compile(rb"\d+,-?\d[^\r\n\"]*\n")
_READABLE = re.compile(rb"\"?\d+\"?,\"?-?\d[^\r\n]*(\r?\n|\Z)")


def model(smoke: Smoke) -> Seen:
    """A version is trained here, registered and approved: the newest approved one scores."""
    trained = train_tiny_model(smoke.folder)
    registry, bucket = smoke.registry, smoke.stack.resource("ModelsBucket")
    folder = registry.folder(trained.archive.read_bytes(), trained.spec.read_bytes())
    smoke.made.prefixes.append((bucket, f"{folder}/"))
    smoke.replaced = scoring_version(registry.versions())
    smoke.made.version = registry.register(trained.archive, trained.spec, bucket)
    number = smoke.made.version.number
    ledger, states = smoke.ledger, INDEXED_STATES
    smoke.open_before = tuple(drop.drop_id for state in states for drop in ledger.open_drops(state))
    registry.decide(number, "Approved", f"smoke test {smoke.run}; rejected at its end")
    scores = scoring_version(registry.versions())
    instead = f" instead of version {smoke.replaced.number}" if smoke.replaced else ""
    if scores is None or scores.number != number:
        return failed(f"version {number} is approved, and {scores and scores.number} scores")
    return ok(f"version {number} registered and approved: it scores{instead}", version=number)


def scoring(smoke: Smoke) -> Seen:
    """Four files become four results: every row once, each prediction the model's."""
    _ = smoke.version
    rows = {name: min(count, smoke.stack.number("MaxRowsPerDrop")) for name, (count, _) in FILES.items()}
    for name, (_, first) in FILES.items():
        put(smoke, name, parquet(rows[name], first))
    limit = smoke.patience.score + float(smoke.stack.parameters["JobWindowSeconds"])
    smoke.patience.until(lambda: _all_final(smoke, list(FILES)), limit)
    drops = smoke.drops()
    wrong = [text for name in FILES if (text := _wrong(smoke, name, drops.get(name), rows[name]))]
    details = {name: _account(drop) for name, drop in drops.items()}
    if wrong:
        return failed("; ".join(wrong), drops=details)
    jobs = {drop.job for drop in drops.values()}
    return ok(f"{len(FILES)} files, {sum(rows.values()):,} rows, {len(jobs)} jobs: all SCORED", drops=details)


def put(smoke: Smoke, name: str, body: bytes) -> str:
    """Drop a file of the test; the drop's id."""
    bucket, key = smoke.stack.inbox, f"smoke/{smoke.run}/{name}.parquet"
    if why_no_drop(key, smoke.stack.suffixes):
        key = f"{key}{smoke.stack.suffixes[0]}"
    smoke.made.prefixes.append((bucket, key))
    version = smoke.client("s3").put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]
    smoke.made.drops[name] = Source(bucket, key, version).drop_id
    return smoke.made.drops[name]


def _all_final(smoke: Smoke, names: list[str]) -> bool:
    drops = smoke.drops()
    return all(name in drops and drops[name].state.final for name in names)


def _wrong(smoke: Smoke, name: str, drop: Drop | None, rows: int) -> str | None:
    """What is wrong with a file's end, or None."""
    if drop is None:
        return f"{name}: the ledger has not heard of it"
    if drop.state is not DropState.SCORED or drop.model is None or drop.result_uri is None:
        return f"{name}: {drop.state}{f' ({drop.reason})' if drop.reason else ''}"
    if (drop.rows_in, drop.rows_scored, drop.rows_rejected) != (rows, rows, 0):
        return f"{name}: {rows:,} rows put, {drop.rows_scored:,} scored, {drop.rows_rejected:,} rejected"
    if drop.model.version != smoke.version.number:
        return f"{name}: scored by version {drop.model.version}, not {smoke.version.number}"
    first = FILES[name][1]
    bucket, key = drop.result_uri.removeprefix("s3://").split("/", 1)
    result = pq.read_table(io.BytesIO(smoke.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()))
    found = zip(result["row"].to_pylist(), result["prediction"].to_pylist(), strict=True)
    for expected, (row, prediction) in enumerate(found):
        right = right_answer(first + row % 4_000 * 0.25, row % 7 - 3.0)
        if row != expected or abs(prediction - right) > CLOSE:
            return f"{name}: row {row} has {prediction}, the model says {right} of row {expected}"
    return None


def _account(drop: Drop) -> dict[str, Any]:
    return {
        "drop_id": drop.drop_id,
        "state": drop.state.value,
        "reason": drop.reason,
        "rows_in": drop.rows_in,
        "rows_scored": drop.rows_scored,
        "rows_rejected": drop.rows_rejected,
        "shards": drop.shards,
        "job": drop.job,
    }


def output_keys(smoke: Smoke) -> Seen:
    """The `.out` objects: one for each shard, found by its base name; where they lie, and how they begin."""
    keys = {key.rsplit("/", 1)[-1]: key for key in _outputs(smoke)}
    wanted = {
        base_name(drop.drop_id, drop.attempt, number) + OUTPUT_SUFFIX
        for drop in smoke.scored().values()
        for number in range(drop.shards)
    }
    begins = {
        keys[name]: _begin(smoke, keys[name]).decode(errors="replace") for name in sorted(wanted & set(keys))
    }
    if missing := sorted(wanted - set(keys)):
        return failed(
            f"{len(missing)} of {len(wanted)} shards have no output, such as {missing[0]}", keys=begins
        )
    return ok(f"{len(wanted)} shards, as many outputs, such as {min(begins)}", keys=begins)


def quoting(smoke: Smoke) -> Seen:
    """How SageMaker writes CSV after its filters: quotes, line ends."""
    smoke.jobs()
    begins = [_begin(smoke, key) for key in _outputs(smoke)]
    if wrong := [begin for begin in begins if not _READABLE.match(begin)]:
        return failed(f"an output begins with {wrong[0]!r}, which collect may not read")
    styles = {
        "quoted": sum(begin.startswith(b'"') for begin in begins),
        "plain": sum(bool(_PLAIN.match(begin)) for begin in begins),
        "crlf": sum(b"\r\n" in begin for begin in begins),
        "blank_lines": sum(b"\n\n" in begin for begin in begins),
        "no_final_newline": sum(len(begin) < FIRST_BYTES and not begin.endswith(b"\n") for begin in begins),
    }
    told = ", ".join(f"{count} {name}" for name, count in styles.items() if count)
    return ok(f"of {len(begins)} outputs: {told}", **styles)


def _outputs(smoke: Smoke) -> list[str]:
    """The keys of all outputs of the test's jobs."""
    listing = smoke.client("s3").get_paginator("list_objects_v2")
    bucket = smoke.stack.resource("WorkBucket")
    pages = [
        page for job in smoke.jobs() for page in listing.paginate(Bucket=bucket, Prefix=outputs_prefix(job))
    ]
    ids = {drop.drop_id for drop in smoke.scored().values()}
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return [key for key in keys if any(drop_id in key for drop_id in ids)]


def _begin(smoke: Smoke, key: str) -> bytes:
    asked = {"Bucket": smoke.stack.resource("WorkBucket"), "Key": key, "Range": f"bytes=0-{FIRST_BYTES - 1}"}
    return bytes(smoke.client("s3").get_object(**asked)["Body"].read())


def start_minutes(smoke: Smoke) -> Seen:
    """How long jobs take to start, and for how long they are billed."""
    times = {}
    for job in smoke.jobs():
        told = smoke.client("sagemaker").describe_transform_job(TransformJobName=job)
        created, started, ended = (
            told.get(name) for name in ("CreationTime", "TransformStartTime", "TransformEndTime")
        )
        times[job] = {"start": _minutes(created, started), "billed": _minutes(started, ended)}
    told = "; ".join(f"{one['start']} minutes to start, {one['billed']} billed" for one in times.values())
    return ok(told, jobs=times)


def _minutes(since: datetime | None, until: datetime | None) -> float | None:
    return round((until - since).total_seconds() / 60, 2) if since and until else None


def job_log(smoke: Smoke) -> Seen:
    """The container's log: pip has asked no package index."""
    lines: dict[str, list[str]] = {}
    for job in smoke.jobs():
        lines[job] = smoke.patience.until(partial(_log_of, smoke, job), smoke.patience.log) or []
    if silent := [job for job, found in lines.items() if not found]:
        return failed(f"no log of {silent[0]} in {JOB_LOGS} within {smoke.patience.log:g} s")
    installing = [line for found in lines.values() for line in found if INSTALLING in line]
    count = sum(map(len, lines.values()))
    if installing:
        return failed(f"the container installs from a package index: {installing[0]}")
    return ok(f"{count:,} lines of {len(lines)} jobs, none says {INSTALLING!r}")


def _log_of(smoke: Smoke, job: str) -> list[str]:
    """The first lines of a job's streams (1 MB or 10,000 of each, GetLogEvents)."""
    logs = smoke.client("logs")
    try:
        streams = logs.describe_log_streams(logGroupName=JOB_LOGS, logStreamNamePrefix=f"{job}/")[
            "logStreams"
        ]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(
            logGroupName=JOB_LOGS, logStreamName=stream["logStreamName"], startFromHead=True
        )["events"]
    ]


def stopped_job(smoke: Smoke) -> Seen:
    """A job is stopped by hand: EventBridge tells, the ledger notes it, and its drop is scored by another."""
    _ = smoke.version
    drop_id = put(smoke, "stopped", parquet(1))
    limit = smoke.patience.score + float(smoke.stack.parameters["JobWindowSeconds"])
    job = smoke.patience.until(lambda: _running(smoke, drop_id), limit)
    if job is None:
        drop = smoke.drops().get("stopped")
        return failed(f"no job of it within {limit:g} s: {drop.state if drop else 'not heard of'}")
    sagemaker = smoke.client("sagemaker")
    try:
        sagemaker.stop_transform_job(TransformJobName=job)
    except sagemaker.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        raise NothingToSee(f"job {job} ended before it could be stopped") from error
    noted = smoke.patience.until(lambda: _noted(smoke, job), smoke.patience.stop)
    if noted is None or noted.ended_at is None or noted.outcome is not Outcome.STOPPED:
        return failed(f"the ledger says {noted and noted.outcome} of job {job}, which was stopped")
    ended = sagemaker.describe_transform_job(TransformJobName=job).get("TransformEndTime", noted.ended_at)
    after = (noted.ended_at - ended).total_seconds()
    told = smoke.patience.until(lambda: _told_by_event(smoke, job), smoke.patience.log)
    smoke.patience.until(lambda: _all_final(smoke, ["stopped"]), limit)
    end = smoke.drops()["stopped"]
    told_by = "by EventBridge's event" if told else f"without an event within {smoke.patience.log:g} s"
    seen = f"job stopped; the ledger noted it {after:.0f} s later, {told_by}; its drop: {end.state}"
    right = told and end.state is DropState.SCORED and end.job != job
    return ok(seen, job=job, seconds=after) if right else failed(seen, job=job, reason=end.reason)


def _running(smoke: Smoke, drop_id: str) -> str | None:
    """The job that the drop is in, once SageMaker has it."""
    drop = smoke.ledger.drops.get(drop_id)
    job = smoke.ledger.jobs.get(drop.job) if drop and drop.job else None
    return job.name if job and job.started_at else None


def _noted(smoke: Smoke, name: str) -> Job | None:
    job = smoke.ledger.jobs.get(name)
    return job if job and job.outcome else None


def _told_by_event(smoke: Smoke, job: str) -> bool:
    """Whether CollectFunction has heard of the job by an event: a log line of it carries the event's id."""
    found = smoke.client("logs").filter_log_events(
        logGroupName=smoke.stack.resource("CollectLogs"),
        filterPattern=f'"{job}"',
        startTime=int(smoke.started.timestamp() * 1000),
    )["events"]
    pattern = re.compile(r'"(correlation_id|message_id)":\s*"([^"]+)"')
    ids = [dict(pattern.findall(event["message"])) for event in found]
    return any(one.get("correlation_id") != one.get("message_id") for one in ids if "correlation_id" in one)


def rollback(smoke: Smoke) -> Seen:
    """The version is rejected: the one that scored before scores again."""
    number = smoke.version.number
    smoke.registry.decide(number, "Rejected", f"end of smoke test {smoke.run}")
    scores = scoring_version(smoke.registry.versions())
    before = smoke.replaced.number if smoke.replaced else None
    now = scores.number if scores else None
    seen = f"version {number} rejected: {f'version {now}' if now else 'none'} scores"
    return ok(seen, scores=now) if now == before else failed(f"{seen}, not version {before}, as before")
