"""The commands about versions: register, approve, reject, list, show."""

import json
import sys
from typing import Annotated, Any

import typer

from dropscore.domain.spec import FeatureSpec
from training.aws import connect
from training.cli.options import (
    DEFAULT_GROUP,
    DEFAULT_REASON,
    Endpoint,
    Folder,
    Group,
    Image,
    Json,
    Number,
    Reason,
    Region,
    Yes,
)
from training.cli.output import Output
from training.data.prepared import Prepared
from training.model.metrics import FIT, ROWS, beside_baselines
from training.model.run import ARCHIVE
from training.registry.approval import Change, NeedsConfirmation, change
from training.registry.details import Details, describe, fetch_spec
from training.registry.packages import ModelVersion, Registry, scoring


def _open(group: str, endpoint_url: str | None, region: str | None) -> Registry:
    aws = connect(endpoint_url, region)
    return Registry(aws.sagemaker, aws.s3, group)


def register(  # noqa: PLR0913 - an argument for each option
    folder: Folder,
    bucket: Annotated[str, typer.Option(envvar="MODELS_BUCKET", help="The stack's ModelsBucketName.")],
    *,
    group: Group = DEFAULT_GROUP,
    approve: Annotated[bool, typer.Option("--approve", help="Approve it at once.")] = False,
    yes: Yes = False,
    image: Image = None,
    endpoint_url: Endpoint = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Upload model.tar.gz and feature_spec.json and register them as a new version of the group."""
    output, registry = Output(as_json), _open(group, endpoint_url, region)
    version = registry.register(folder / ARCHIVE, Prepared(folder).spec, bucket, image=image)
    if approve:
        found = change(registry, version.number)
        _confirm(found, yes=yes)
        version = registry.decide(version.number, "Approved", DEFAULT_REASON)
    output.say(f"version {version.number} of {group}: {version.status}\n{version.arn}")
    output.finish({"group": group, "version": version.number, "status": version.status, "arn": version.arn})


def approve(  # noqa: PLR0913 - an argument for each option
    version: Number,
    group: Group = DEFAULT_GROUP,
    reason: Reason = DEFAULT_REASON,
    *,
    yes: Yes = False,
    endpoint_url: Endpoint = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Approve a version: the newest approved one scores every drop from then on.

    Asks first when its metrics are worse than those of the version that it replaces.
    """
    output, registry = Output(as_json), _open(group, endpoint_url, region)
    found = change(registry, version)
    _confirm(found, yes=yes)
    decided = registry.decide(version, "Approved", reason)
    output.say(f"version {decided.number} of {group}: {decided.status}")
    if found.newer:
        output.say(
            f"version {found.newer.number} is newer and approved, it goes on scoring: reject it to roll back"
        )
    scores = found.newer or decided
    output.finish({**_decided(group, decided), "scoring": scores.number, "worse": list(found.worse)})


def _confirm(found: Change, *, yes: bool) -> None:
    """Ask before a change for the worse; nobody to ask counts as a no."""
    doubts = found.doubts
    if doubts is None or yes:
        return
    if not sys.stdin.isatty():
        raise NeedsConfirmation(f"{doubts}: pass --yes to approve it all the same")
    if not typer.confirm(f"{doubts}.\nApprove it all the same?", err=True):
        raise NeedsConfirmation(f"version {found.new.version.number} was not approved")


def reject(
    version: Number,
    group: Group = DEFAULT_GROUP,
    reason: Reason = DEFAULT_REASON,
    *,
    endpoint_url: Endpoint = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Reject a version, which rolls it back: the approved one before it scores, from the next drop on."""
    output, registry = Output(as_json), _open(group, endpoint_url, region)
    decided = registry.decide(version, "Rejected", reason)
    scores = scoring(registry.versions())
    output.say(f"version {decided.number} of {group}: {decided.status}")
    output.say(
        f"version {scores.number} scores from now on" if scores else "no version is approved: drops wait"
    )
    output.finish({**_decided(group, decided), "scoring": scores.number if scores else None})


def _decided(group: str, version: ModelVersion) -> dict[str, Any]:
    return {"group": group, "version": version.number, "status": version.status}


def list_versions(
    group: Group = DEFAULT_GROUP,
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1)] = 20,
    *,
    endpoint_url: Endpoint = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Show the versions of the group, the newest first; the topmost approved one scores."""
    output, registry = Output(as_json), _open(group, endpoint_url, region)
    versions = registry.versions()
    scores = scoring(versions)
    shown = [describe(registry, version) for version in versions[:limit]]
    if not versions:
        output.say(f"group {group} has no version yet: register one")
    else:
        header = ("version", "status", "created", "AE-mean", "RMSE", "R2", "commit", "")
        output.table([header, *(_row(details, scores) for details in shown)])
    if len(versions) > limit:
        output.say(f"and {len(versions) - limit} older ones: --limit {len(versions)}")
    output.finish(
        {
            "group": group,
            "scoring": scores.number if scores else None,
            "versions": [details.document() for details in shown],
        }
    )


def _row(details: Details, scores: ModelVersion | None) -> tuple[str, ...]:
    """A version as `list` shows it."""
    version, metrics = details.version, details.metrics
    created = f"{version.created:%Y-%m-%d %H:%M:%S}" if version.created else ""
    numbers = (f"{metrics[name]:.4g}" if name in metrics else "" for name in ("AE-mean", "RMSE", FIT))
    commit = details.recorded.get("git_commit", "")
    short = commit[:8] + ("-dirty" if commit.endswith("-dirty") else "")
    remarks = ["scores" if scores == version else "", details.remark]
    notes = ", ".join(filter(None, remarks))
    return (str(version.number), version.status, created, *numbers, short, notes)


def show(
    version: Number,
    group: Group = DEFAULT_GROUP,
    *,
    endpoint_url: Endpoint = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Show a version: metrics beside the baselines', feature spec, data hash, git commit, libraries."""
    output, registry = Output(as_json), _open(group, endpoint_url, region)
    versions = registry.versions()
    details = describe(registry, registry.version(version, versions))
    spec = fetch_spec(registry, details)
    scores = scoring(versions) == details.version
    output.table(_facts(details, spec, scores=scores))
    output.say("")
    output.table(_metrics(details))
    document = details.document()
    output.finish({"group": group, "scores": scores, **document, "feature_spec": json.loads(spec.to_bytes())})


def _facts(details: Details, spec: FeatureSpec, *, scores: bool) -> list[tuple[str, ...]]:
    """What there is to say of a version besides its metrics."""
    known = details.document()
    status = f"{details.version.status}{', scores the next drop' if scores else ''}"
    clock = f"{spec.timestamp or 'none'}{f', in {spec.timezone}' if spec.timezone else ''}"
    facts = {
        "version": str(details.version.number),
        "status": f"{status} ({details.reason})" if details.reason else status,
        "created": str(known["created"] or ""),
        "package": details.version.arn,
        "predicts": f"{spec.target} from {', '.join(spec.features)}",
        "timestamp": clock,
        "keys": ", ".join(spec.keys),
        "training data": f"sha256 {known['data_sha256'] or 'not recorded'}",
        "feature spec": f"sha256 {known['feature_spec_sha256']}, {known['feature_spec_uri']}",
        "model": f"sha256 {known['model_data_sha256'] or 'not recorded'}, {details.model_data_url}",
        "git commit": str(known["git_commit"] or "not recorded"),
        "libraries": ", ".join(f"{name} {number}" for name, number in details.libraries.items()),
    }
    return list(facts.items())


def _metrics(details: Details) -> list[tuple[str, ...]]:
    """The metrics of a version beside those of its baselines."""
    metrics = details.metrics
    counts = [(name, f"{metrics[name]:.0f}", "", "") for name in ROWS if name in metrics]
    return [*beside_baselines(metrics), *counts]
