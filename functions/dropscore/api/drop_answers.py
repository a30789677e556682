"""The answers about drops and their rows, as the API documents them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from dropscore.api.answers import Answer, Moment, public
from dropscore.domain.drop import MAX_STEPS, Drop, DropState

_NEXT = "Where the next page begins; null at the end. A page may be short, even empty, before the end."
_ONCE_COUNTED = "null unless the state is SCORED, or REJECTED once they were counted"


class DropLinks(Answer):
    """Where to go on from a drop. Addresses are relative to the API's own."""

    self: str
    predictions: str | None = Field(description="Null unless the drop is SCORED.")
    rejects: str | None = Field(description="Null unless the drop is SCORED or REJECTED.")

    @classmethod
    def of(cls, drop: Drop) -> Self:
        """The links of a drop."""
        here = f"drops/{drop.drop_id}"
        scored, settled = drop.state is DropState.SCORED, _settled(drop)
        return cls(
            self=here,
            predictions=f"{here}/predictions" if scored else None,
            rejects=f"{here}/rejects" if settled else None,
        )


class DropSummary(Answer):
    """A drop: one version of one Parquet object that arrived in the inbox."""

    drop_id: str
    source_key: str = Field(description="The key that the object arrived under.")
    state: DropState = Field(description="SCORED, REJECTED and FAILED are final.")
    reason: str | None = Field(description="Why it is in its state, where there is something to say.")
    arrived_at: Moment
    finished_at: Moment | None
    rows_in: int | None = Field(description="Rows of the file; null until they have been counted.")
    rows_scored: int | None = Field(description=f"Rows with a prediction; {_ONCE_COUNTED}.")
    rows_rejected: int | None = Field(
        description=f"Rows without a prediction, all of them where the drop is REJECTED; {_ONCE_COUNTED}."
    )
    model_version: int | None = Field(
        description="The version of the model that scores it; null until it is known."
    )
    transform_job: str | None = Field(description="The job that it is or was a member of.")
    links: DropLinks

    @classmethod
    def of(cls, drop: Drop) -> Self:
        """The summary of a drop."""
        return cls(**_summary(drop), links=DropLinks.of(drop))


class DropPage(Answer):
    """A page of drops."""

    drops: Sequence[DropSummary]
    next_cursor: str | None = Field(description=_NEXT)


class Step(Answer):
    """A drop came to a state."""

    state: DropState
    at: Moment
    reason: str | None


class DropLineage(Answer):
    """What a drop's result was made from, and by what; null where it has not come so far."""

    model_group: str | None
    model_version: int | None
    model_package_arn: str | None
    feature_spec_uri: str | None
    feature_spec_sha256: str | None
    transform_job: str | None
    code_version: str | None = Field(description="The version of Dropscore that wrote the result.")
    result_uri: str | None
    rejects_uri: str | None

    @classmethod
    def of(cls, drop: Drop) -> Self:
        """The lineage of a drop."""
        model = drop.model
        return cls(
            model_group=model.group if model else None,
            model_version=model.version if model else None,
            model_package_arn=model.package_arn if model else None,
            feature_spec_uri=model.spec_uri if model else None,
            feature_spec_sha256=model.spec_sha256 if model else None,
            transform_job=drop.job,
            code_version=drop.code_version,
            result_uri=drop.result_uri,
            rejects_uri=drop.rejects_uri,
        )


class PredictionErrors(Answer):
    """How far the predictions are from the actuals, in the target's unit."""

    model_config = ConfigDict(from_attributes=True)

    rows: int = Field(description="Rows that have an actual.")
    mean_absolute: float
    median_absolute: float = Field(description="Within 0.2 % of an error that occurred.")
    p95_absolute: float = Field(
        description="95 of 100 rows are as near or nearer; within 0.2 % of an error that occurred."
    )
    root_mean_square: float


class DropDetailLinks(DropLinks):
    """Where to go on from a drop. Addresses are relative to the API's own."""

    download: str | None = Field(
        description="The whole result as a Parquet file. Null unless the drop is SCORED."
    )
    job: str | None

    @classmethod
    def of(cls, drop: Drop) -> Self:
        """The links of a drop."""
        links = DropLinks.of(drop)
        download = f"{links.predictions}?download=parquet" if links.predictions else None
        return cls(**links.model_dump(), download=download, job=f"jobs/{drop.job}" if drop.job else None)


class DropDetail(DropSummary):
    """All that is known of a drop."""

    source_bucket: str
    source_version: str = Field(description="S3's version id; in a bucket without versions the ETag.")
    prepared_at: Moment | None
    attempt: int = Field(description="How often its preparation was begun.")
    tries: int = Field(description="How many jobs it has been a member of.")
    history: Sequence[Step] = Field(
        description="The states that it has come to, the first one first; "
        f"of more than {MAX_STEPS} the first and the latest."
    )
    lineage: DropLineage
    errors: PredictionErrors | None = Field(description="Null unless the drop is SCORED and has actuals.")
    links: DropDetailLinks

    @classmethod
    def of(cls, drop: Drop) -> Self:
        """All that is known of a drop."""
        return cls(
            **_summary(drop),
            source_bucket=drop.source.bucket,
            source_version=drop.source.version,
            prepared_at=drop.prepared_at,
            attempt=drop.attempt,
            tries=drop.tries,
            history=[Step(state=step.state, at=step.at, reason=public(step.reason)) for step in drop.history],
            lineage=DropLineage.of(drop),
            errors=PredictionErrors.model_validate(drop.errors) if drop.errors else None,
            links=DropDetailLinks.of(drop),
        )


def _any_columns(schema: dict[str, Any]) -> None:
    """Which columns there are depends on the result, and on what was asked for."""
    schema.pop("required")
    schema["additionalProperties"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}


class Prediction(BaseModel):
    """A row with its prediction; the result's key columns, as strings, come beside these."""

    model_config = ConfigDict(defer_build=True, json_schema_extra=_any_columns)

    row: int = Field(description="The number of the row in the source file, from 0.")
    ts: str | None = Field(description="With microseconds; in UTC, with `Z`, where the source has a zone.")
    prediction: float
    actual: float | None = Field(description="What the source file says, where it is a finite number.")


class PredictionPage(Answer):
    """A page of predictions, in the order of the rows."""

    drop_id: str
    predictions: Sequence[Prediction]
    next_cursor: str | None = Field(description=_NEXT)


class DownloadLink(Answer):
    """Where the whole result is (`download=link`)."""

    drop_id: str
    url: str = Field(description="A presigned URL of S3: whoever has it can read the file.")
    expires_at: Moment


class Reject(Answer):
    """A row that could not be scored."""

    row: int = Field(description="The number of the row in the source file, from 0.")
    column: str = Field(description="The column that is at fault.")
    reason: str


class RejectPage(Answer):
    """A page of rejected rows."""

    drop_id: str
    state: DropState
    reason: str | None = Field(description="Why the whole drop is REJECTED.")
    rejects: Sequence[Reject]
    next_cursor: str | None = Field(description=_NEXT)


def _settled(drop: Drop) -> bool:
    """Whether it is settled which rows could be scored: of a FAILED drop none was, nor was any refused."""
    return drop.state in (DropState.SCORED, DropState.REJECTED)


def _summary(drop: Drop) -> dict[str, object]:
    """The fields of `DropSummary` but its links."""
    counted = drop.state in (DropState.PREPARED, DropState.SCORING, DropState.SCORED)
    counted = counted or (drop.state is DropState.FAILED and drop.prepared_at is not None)
    counted = counted or (drop.state is DropState.REJECTED and drop.rows_in > 0)
    return {
        "drop_id": drop.drop_id,
        "source_key": drop.source.key,
        "state": drop.state,
        "reason": public(drop.reason),
        "arrived_at": drop.arrived_at,
        "finished_at": drop.finished_at,
        "rows_in": drop.rows_in if counted else None,
        "rows_scored": drop.rows_scored if counted and _settled(drop) else None,
        "rows_rejected": drop.rows_rejected if counted and _settled(drop) else None,
        "model_version": drop.model.version if drop.model else None,
        "transform_job": drop.job,
    }
