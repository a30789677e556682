"""What SageMaker checks of a transform job beyond the shape of the request."""

from __future__ import annotations

from local.sagemaker.errors import ValidationError
from local.sagemaker.instance.column_path import ColumnPath, ColumnPathError
from local.sagemaker.instance.location import parse_location
from local.sagemaker.neighbours import has_objects_under, role_allows
from local.sagemaker.store import Document, Model

MOST_PAYLOAD_MB = 100
DEFAULT_PAYLOAD_MB = 6
JOINED_TYPES = ("text/csv", "application/json", "application/jsonlines")


def require_consistent(wanted: Document) -> None:
    """Refuse settings that exclude each other.

    Sources: CreateTransformJob in the SageMaker API reference (MaxConcurrentTransforms times
    MaxPayloadInMB), "Associate Prediction Results with Input Records" in the developer guide (JoinSource
    and filters).

    Raises
    ------
    ValidationError
        Naming the settings.
    """
    payload = wanted.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB)
    at_once = max(wanted.get("MaxConcurrentTransforms", 1), 1)
    if payload > MOST_PAYLOAD_MB or payload * at_once > MOST_PAYLOAD_MB:
        raise ValidationError(
            f"MaxPayloadInMB ({payload}) multiplied by MaxConcurrentTransforms ({at_once}) must not exceed "
            f"{MOST_PAYLOAD_MB} MB"
        )
    processing = wanted.get("DataProcessing", {})
    for name in ("InputFilter", "OutputFilter"):
        try:
            ColumnPath.parse(processing.get(name, "$"))
        except ColumnPathError as problem:
            raise ValidationError(f"DataProcessing.{name}: {problem}") from problem
    if processing.get("JoinSource", "None") == "Input":
        _require_joinable(wanted)


def _require_joinable(wanted: Document) -> None:
    content, accept = wanted["TransformInput"].get("ContentType"), wanted["TransformOutput"].get("Accept")
    if content not in JOINED_TYPES or accept not in JOINED_TYPES or content != accept:
        raise ValidationError(
            f"JoinSource Input needs the same ContentType and Accept, one of {', '.join(JOINED_TYPES)}; "
            f"found ContentType {content} and Accept {accept}"
        )
    split = wanted["TransformInput"].get("SplitType", "None")
    assemble = wanted["TransformOutput"].get("AssembleWith", "None")
    if split != "Line" or assemble != "Line":
        raise ValidationError(
            "JoinSource Input needs SplitType Line and AssembleWith Line; "
            f"found SplitType {split} and AssembleWith {assemble}"
        )


def require_input(wanted: Document, model: Model, region: str) -> None:
    """Refuse an input location where the role finds no object.

    Raises
    ------
    ValidationError
        In the service's words.
    """
    uri = wanted["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
    require_objects(uri, model.role_arn, region)


def require_objects(uri: str, role_arn: str, region: str) -> None:
    """Refuse a prefix, or a manifest, that a role does not find.

    Raises
    ------
    ValidationError
        In the service's words.
    """
    bucket, prefix = parse_location(uri)
    listable = role_allows(role_arn, "s3:ListBucket", f"arn:aws:s3:::{bucket}", region)
    if not listable or not has_objects_under(bucket, prefix):
        raise ValidationError(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the '
            f"bucket exists in the selected region ({region}), that objects exist under that S3 prefix, and "
            f'that the role "{role_arn}" has "s3:ListBucket" permissions on bucket "{bucket}".'
        )
