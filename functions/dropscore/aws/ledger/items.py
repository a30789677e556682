"""The ledger's items: how drops, jobs and their places in the index are written down."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from dropscore.aws.ledger.expressions import Item
from dropscore.domain.accuracy import ErrorStatistics
from dropscore.domain.drop import Drop, DropState, ModelVersion, Step
from dropscore.domain.errors import shortened
from dropscore.domain.job import Job, JobState, Member, Outcome
from dropscore.domain.source import Source

INDEX = "work"
"""The index of what is not finished: hash `work` = `<what>#<day>#<0-7>`, range `due`."""

SPREAD = 8
"""Index partitions per day, so that no one partition takes every write."""


def drop_pk(drop_id: str) -> str:
    """The key of a drop's item."""
    return f"drop#{drop_id}"


def job_pk(name: str) -> str:
    """The key of a job's item."""
    return f"job#{name}"


def version_pk(package_arn: str) -> str:
    """The key of a model version's item."""
    return f"version#{package_arn}"


def stamp(moment: datetime) -> str:
    """A moment as the ledger writes it: UTC, milliseconds, sorts as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def moment(text: str) -> datetime:
    """The inverse of `stamp`."""
    return datetime.fromisoformat(text)


def partition(what: str, day: date, spread: int) -> str:
    """An index partition: what waits there, the day it came, one of `SPREAD`."""
    return f"{what}#{day.isoformat()}#{spread % SPREAD}"


def drop_partition(what: str, drop_id: str, arrived_at: datetime) -> str:
    """The index partition of a drop."""
    return partition(what, arrived_at.date(), int(drop_id[0], 16))


def job_partition(name: str, planned_at: datetime) -> str:
    """The index partition of a job."""
    return partition("job", planned_at.date(), int(name[-1], 16))


REASONS = ("reason", "failure_reason", "called_off", "held")
"""Attributes that quote what files, SageMaker or S3 say, which can be of any length; an item has 400 KB."""


def bounded(changes: Item) -> Item:
    """The changes, their `REASONS` shortened."""
    return {**changes, **{name: shortened(changes[name]) for name in REASONS if changes.get(name)}}


def source_attributes(source: Source) -> Item:
    """The attributes that say where a drop came from."""
    return {
        "drop_id": source.drop_id,
        "source_bucket": source.bucket,
        "source_key": source.key,
        "source_version": source.version,
        "source_versioned": source.versioned,
        "sequencer": source.sequencer,
    }


def model_attributes(model: ModelVersion) -> Item:
    """The attributes that say which model version scores."""
    return {
        "model_group": model.group,
        "model_version": model.version,
        "model_package_arn": model.package_arn,
        "feature_spec_uri": model.spec_uri,
        "feature_spec_sha256": model.spec_sha256,
    }


def errors_attribute(errors: ErrorStatistics | None) -> Item | None:
    """Error statistics, the floats as text: DynamoDB's numbers end at 1E126, and boto3 takes no floats."""
    if errors is None:
        return None
    return {name: repr(value) if isinstance(value, float) else value for name, value in vars(errors).items()}


MODEL_ATTRIBUTES = (
    "model_group",
    "model_version",
    "model_package_arn",
    "feature_spec_uri",
    "feature_spec_sha256",
)


def drop_of(item: Item) -> Drop:
    """The drop that an item stands for.

    What earlier versions wrote is read as this one writes it: of a REJECTED drop they counted the rows that
    could have been scored, and reasons had more bytes.
    """
    state, rows_in = DropState(item["state"]), int(item.get("rows_in", 0))
    rejected = state is DropState.REJECTED
    item = bounded(item)
    return Drop(
        drop_id=item["drop_id"],
        state=state,
        source=Source(
            item["source_bucket"],
            item["source_key"],
            item["source_version"],
            item.get("sequencer"),
            bool(item["source_versioned"]),
        ),
        arrived_at=moment(item["arrived_at"]),
        attempt=int(item.get("attempt", 0)),
        tries=int(item.get("tries", 0)),
        lone_failures=int(item.get("lone_failures", 0)),
        aws_failures=int(item.get("aws_failures", 0)),
        cohort=item.get("cohort", ""),
        crashes=int(item.get("crashes", 0)),
        read_failures=int(item.get("read_failures", 0)),
        reason=item.get("reason"),
        lease_until=_maybe(item, "lease_until"),
        released=bool(item.get("released", False)),
        model=_model_of(item),
        job=item.get("job"),
        prepared_at=_maybe(item, "prepared_at"),
        finished_at=_maybe(item, "finished_at"),
        rows_in=rows_in,
        shards=int(item.get("shards", 0)),
        rows_accepted=int(item.get("rows_accepted", 0)),
        feature_bytes=int(item.get("feature_bytes", 0)),
        rows_rejected=rows_in if rejected else int(item.get("rows_rejected", 0)),
        rows_scored=0 if rejected else int(item.get("rows_scored", 0)),
        result_uri=item.get("result_uri"),
        rejects_uri=item.get("rejects_uri"),
        announced=bool(item.get("announced", False)),
        errors=_errors_of(item),
        code_version=item.get("code_version"),
        result_dates=item.get("result_dates", {}),
        history=tuple(
            Step(DropState(step["state"]), moment(step["at"]), step.get("reason"))
            for step in item.get("history", ())
        ),
    )


def job_item(job: Job) -> Item:
    """A PLANNED job as its first item."""
    return {
        "pk": job_pk(job.name),
        "job": job.name,
        "state": job.state.value,
        **model_attributes(job.model),
        "members": [str(member) for member in job.members],
        "instances": job.instances,
        "planned_at": stamp(job.planned_at),
        "work": job_partition(job.name, job.planned_at),
        "due": stamp(job.planned_at),
    }


def job_of(item: Item) -> Job:
    """The job that an item stands for."""
    model = _model_of(item)
    if model is None:
        raise AssertionError(f"job {item['job']} has no model version")
    return Job(
        name=item["job"],
        state=JobState(item["state"]),
        model=model,
        members=tuple(Member.parse(text) for text in item["members"]),
        planned_at=moment(item["planned_at"]),
        instances=int(item.get("instances", 1)),
        asked_until=_maybe(item, "asked_until"),
        called_off=item.get("called_off"),
        started_at=_maybe(item, "started_at"),
        finished_at=_maybe(item, "finished_at"),
        scored_date=item.get("scored_date"),
        outcome=Outcome(item["outcome"]) if "outcome" in item else None,
        failure_reason=item.get("failure_reason"),
        outputs=int(item.get("outputs", 0)),
        ended_at=_maybe(item, "ended_at"),
        fanned_out_at=_maybe(item, "fanned_out_at"),
        parts_done=frozenset(int(part) for part in item.get("parts_done", ())),
        reason=item.get("reason"),
    )


def _model_of(item: Item) -> ModelVersion | None:
    if "model_package_arn" not in item:
        return None
    return ModelVersion(
        item["model_group"],
        int(item["model_version"]),
        item["model_package_arn"],
        item["feature_spec_uri"],
        item["feature_spec_sha256"],
    )


def _errors_of(item: Item) -> ErrorStatistics | None:
    errors = item.get("errors")
    if errors is None:
        return None
    numbers = {name: float(value) for name, value in errors.items() if name != "rows"}
    return ErrorStatistics(rows=int(errors["rows"]), **numbers)


def _maybe(item: dict[str, Any], name: str) -> datetime | None:
    return moment(item[name]) if name in item else None
