"""The commands about the real-time endpoint: up, down, status."""

from typing import Annotated

import typer

from training.aws import connect
from training.cli.options import DEFAULT_GROUP, Endpoint, Group, Json, Region
from training.cli.output import Output, waiting
from training.endpoint.parts import Size
from training.endpoint.realtime import Patience, RealtimeEndpoint, State

app = typer.Typer(
    help="""Predictions in real time: a serverless endpoint for the approved version.

    \b
    python -m training endpoint up --bucket MODELS --role ROLE    serve it, or what has been approved since
    python -m training endpoint status                            which version serves, which is approved
    python -m training endpoint down                              delete it, and what was made for it

    MODELS and ROLE are the stack's outputs ModelsBucketName and EndpointRoleArn. The latter is there, and so
    is POST /predict, when the stack's RealtimeEndpoint is enabled. While nobody asks it costs nothing; the
    first request after a while waits for it to start.""",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Option(envvar="ENDPOINT_NAME", help="The stack's EndpointName.")]
Minutes = Annotated[float, typer.Option(help="How long to wait for SageMaker.", min=0.1)]
Poll = Annotated[float, typer.Option(help="How often to ask how it goes.", min=0.05)]

DEFAULT_NAME = "dropscore"


def _open(
    name: str,
    group: str,
    endpoint_url: str | None,
    region: str | None,
    minutes: float = 0,
    poll: float = 5,
) -> RealtimeEndpoint:
    aws = connect(endpoint_url, region)
    return RealtimeEndpoint(aws.sagemaker, aws.s3, name, group, Patience(minutes * 60, poll))


@app.command()
def up(  # noqa: PLR0913 - an argument for each option
    *,
    bucket: Annotated[str, typer.Option(envvar="MODELS_BUCKET", help="The stack's ModelsBucketName.")],
    role: Annotated[str, typer.Option(envvar="ENDPOINT_ROLE_ARN", help="The stack's EndpointRoleArn.")],
    name: Name = DEFAULT_NAME,
    group: Group = DEFAULT_GROUP,
    memory_mb: Annotated[int, typer.Option(help="1024 to 6144 in steps of 1024; CPU grows with it.")] = 2048,
    max_concurrency: Annotated[
        int, typer.Option(help="Requests at once; more are answered 503.", min=1, max=200)
    ] = 5,
    minutes: Minutes = 15,
    poll_seconds: Poll = 5,
    endpoint_url: Endpoint = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Serve the newest approved version. The one before it serves until the new one is healthy."""
    output = Output(as_json)
    endpoint = _open(name, group, endpoint_url, region, minutes, poll_seconds)
    before = endpoint.state()
    with waiting() as report:
        state = endpoint.up(bucket, role, Size(memory_mb, max_concurrency), report)
    has_changed = state.config != before.config
    new = "serves" if has_changed else "serves already, nothing was changed:"
    output.say(f"endpoint {name} {new} version {state.version} of {group}")
    output.finish({**_document(name, group, state), "changed": has_changed})


@app.command()
def down(  # noqa: PLR0913 - an argument for each option
    *,
    name: Name = DEFAULT_NAME,
    group: Group = DEFAULT_GROUP,
    minutes: Minutes = 15,
    poll_seconds: Poll = 5,
    endpoint_url: Endpoint = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Delete the endpoint, its configurations and models. Model versions and scoring of drops stay."""
    output = Output(as_json)
    with waiting() as report:
        deleted = _open(name, group, endpoint_url, region, minutes, poll_seconds).down(report)
    for what in deleted:
        output.say(f"deleted {what}")
    if not deleted:
        output.say(f"there is no endpoint {name}")
    output.finish({"endpoint": name, "deleted": deleted})


@app.command()
def status(
    *,
    name: Name = DEFAULT_NAME,
    group: Group = DEFAULT_GROUP,
    endpoint_url: Endpoint = None,
    region: Region = None,
    as_json: Json = False,
) -> None:
    """Show how the endpoint is, which version serves, and which is approved."""
    output, endpoint = Output(as_json), _open(name, group, endpoint_url, region)
    state, approved = endpoint.state(), endpoint.approved()
    output.table(_facts(name, state, approved))
    output.finish({**_document(name, group, state), "approved_version": approved})


def _facts(name: str, state: State, approved: int | None) -> list[tuple[str, ...]]:
    since = f" since {state.since:%Y-%m-%d %H:%M:%S}" if state.since else ""
    facts = [("endpoint", name), ("status", f"{state.status or 'there is none'}{since}")]
    if state.version is not None:
        facts.append(("serves", f"version {state.version}"))
    if state.failure_reason:
        facts.append(("failed", state.failure_reason))
    news = ": `python -m training endpoint up` puts it in service" if approved != state.version else ""
    facts.append(("approved", f"version {approved}{news}" if approved else "no version"))
    return [*facts]


def _document(name: str, group: str, state: State) -> dict[str, object]:
    return {
        "endpoint": name,
        "group": group,
        "status": state.status,
        "version": state.version,
        "config": state.config,
        "failure_reason": state.failure_reason,
        "since": state.since.isoformat() if state.since else None,
    }
