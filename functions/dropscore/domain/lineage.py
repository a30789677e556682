"""Lineage: what a result was made from, and by what."""

from __future__ import annotations

from dataclasses import dataclass

from dropscore.domain.drop import Drop, ModelVersion
from dropscore.domain.keys import result_key


@dataclass(frozen=True)
class Lineage:
    """Where one result comes from.

    Attributes
    ----------
    job
        The transform job; empty for a result without rows, which needs none.
    scored_date
        `yyyy-mm-dd`: with drop and model version it fixes the result's key.
    timestamp_type
        The type that the timestamps came in; empty where there were none.
    timestamps_read_as
        `features.Extraction.timestamps_read_as`; empty also where an earlier version has prepared the drop.
    code_version
        Of Dropscore.
    """

    drop: Drop
    model: ModelVersion
    job: str
    scored_date: str
    timestamp_type: str
    timestamps_read_as: str
    code_version: str

    @property
    def key(self) -> str:
        """Where the result lies in the results bucket."""
        return result_key(self.model, self.scored_date, self.drop.drop_id)

    @property
    def metadata(self) -> dict[str, str]:
        """What the result's Parquet key-value metadata say."""
        source, model = self.drop.source, self.model
        return {
            "drop_id": self.drop.drop_id,
            "source_bucket": source.bucket,
            "source_key": source.key,
            "source_version": source.version,
            "model_group": model.group,
            "model_version": str(model.version),
            "model_package_arn": model.package_arn,
            "feature_spec_uri": model.spec_uri,
            "feature_spec_sha256": model.spec_sha256,
            "transform_job": self.job,
            "scored_date": self.scored_date,
            "ts_source_type": self.timestamp_type,
            "ts_read_as": self.timestamps_read_as,
            "code_version": self.code_version,
        }
