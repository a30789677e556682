"""The answers of the API as it documents them: what they have in common, jobs and model versions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from dropscore.aws.ledger.items import stamp
from dropscore.domain.job import Job, JobState, Outcome
from dropscore.domain.model import Listed, Package

Moment = Annotated[
    datetime,
    PlainSerializer(stamp, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-04T05:06:07.890Z"]}),
]

_PRINCIPAL = re.compile(r"arn:[\w-]+:(?:iam|sts)::\d*:[\w+=,.@/-]*[\w/]")


def public(reason: str | None) -> str | None:
    """A reason without the ARNs of roles, which AWS's refusals name: readers have no use for them."""
    return _PRINCIPAL.sub("a role of the stack", reason) if reason else reason


class Answer(BaseModel):
    """Base of them: no field is ever missing.

    What a field means is said in `Field`: a docstring below it would be looked for in the source at each cold
    start. And what an answer takes is built when the first one is made: most are never asked for.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)


class JobLinks(Answer):
    """Where to go on from a job. Addresses are relative to the API's own."""

    self: str
    drops: Sequence[str]


class JobDetail(Answer):
    """A job: one batch transform over the rows of one or many drops."""

    job: str
    state: JobState = Field(description="DONE and FAILED are final.")
    reason: str | None
    model_group: str
    model_version: int
    model_package_arn: str
    planned_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    outcome: Outcome | None = Field(description="How SageMaker says that it ended.")
    failure_reason: str | None = Field(description="SageMaker's own words.")
    outputs: int | None = Field(description="How many outputs it left; null until it has ended.")
    scored_date: str | None = Field(
        description="The date that its results are filed under; drops that an earlier job left keep its date."
    )
    drops: Sequence[str] = Field(description="The ids of its members.")
    links: JobLinks

    @classmethod
    def of(cls, job: Job) -> Self:
        """All that is known of a job."""
        ids = [member.drop_id for member in job.members]
        return cls(
            job=job.name,
            state=job.state,
            reason=public(job.reason),
            model_group=job.model.group,
            model_version=job.model.version,
            model_package_arn=job.model.package_arn,
            planned_at=job.planned_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            outcome=job.outcome,
            failure_reason=public(job.failure_reason),
            outputs=job.outputs if job.outcome else None,
            scored_date=job.scored_date,
            drops=ids,
            links=JobLinks(self=f"jobs/{job.name}", drops=[f"drops/{drop_id}" for drop_id in ids]),
        )


class ScoresNow(Answer):
    """Which version scores the drops that arrive now."""

    model_version: int | None
    reason: str | None = Field(description="Why none scores.")


class RegisteredModel(Answer):
    """A version of the model."""

    model_version: int
    model_package_arn: str
    status: str = Field(
        description="SageMaker's approval status: PendingManualApproval, Approved or Rejected."
    )
    created_at: Moment
    metrics: dict[str, float] = Field(description="What it was measured at when it was trained, by name.")
    feature_spec_sha256: str | None
    held: str | None = Field(description="Why drops are not scored by it until the operator releases it.")

    @classmethod
    def of(cls, listed: Listed, package: Package | None, held: str | None) -> Self:
        """A version as it was listed, and its package unless it is gone."""
        return cls(
            model_version=listed.version,
            model_package_arn=listed.arn,
            status=listed.status,
            created_at=listed.created_at,
            metrics=package.metrics if package else {},
            feature_spec_sha256=package.metadata.get("feature_spec_sha256") if package else None,
            held=held,
        )


class ModelPage(Answer):
    """A page of the model's versions, the newest first."""

    model_group: str
    scores_now: ScoresNow
    models: Sequence[RegisteredModel]
    next_cursor: str | None = Field(description="Where the next page begins; null at the end.")


class Health(Answer):
    """The API reaches the ledger."""

    status: Literal["ok"]
