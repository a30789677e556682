"""The embedded stack, kept up: what ``make local`` runs."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from urllib.request import urlopen

import typer

from local.demo.sensor_month import write_sensor_month
from local.errors import LocalError
from local.stack import LocalStack
from ops.page import PageProxy

OUTPUTS_FILE = Path(".local") / "outputs.json"
# Known names, so that commands in a shell's history keep working; and short windows, since a person is
# waiting.
PARAMETERS = {
    "InboxBucketName": "dropscore-inbox",
    "WorkBucketName": "dropscore-work",
    "ResultsBucketName": "dropscore-results",
    "ModelsBucketName": "dropscore-models",
    "JobWindowSeconds": "5",
    "BatchWindowSeconds": "1",
    "RealtimeEndpoint": "enabled",
}

HOW_TO = """\
Dropscore is up at {endpoint}. Drop a file into it from another terminal:

  export AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION={region} \\
         AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret}
  aws s3 cp FILE.parquet s3://{inbox}/
  aws s3 ls --recursive s3://{results}/predictions/

See what becomes of it at {page}
The API behind that page: {api}

A file to try it with: {sample}
What it is made of is in {outputs}. Ctrl-C ends it, and everything in it."""

Seed = Callable[[LocalStack], object]


class ServerGoneError(LocalError):
    """The embedded server ended by itself; the message ends with the last lines of its log."""


def serve(
    port: int,
    parameters: Mapping[str, str],
    seed: Seed,
    outputs_file: Path = OUTPUTS_FILE,
    page_port: int = 0,
) -> None:
    """Keep the stack up until interrupted.

    Parameters
    ----------
    port
        Loopback port; 0 for a free one.
    parameters
        Template parameters beside ``PARAMETERS``.
    seed
        Puts a model into the stack; it is ready when that is done.
    outputs_file
        Gets the stack's outputs and how to reach it; there as long as the stack is.
    page_port
        Loopback port of the results page; 0 for a free one.

    Raises
    ------
    LocalError
        When the stack cannot be brought up, or ends by itself.
    """
    _refuse_a_second(outputs_file)
    # A shell may have told its background jobs to ignore SIGINT.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _interrupt)
    typer.echo("Starting the embedded AWS, deploying template.yaml and training a model ...")
    try:
        with LocalStack({**PARAMETERS, **parameters}, port) as stack:
            seed(stack)
            sample = write_sensor_month(outputs_file.parent / "sample")
            with PageProxy(stack.results_api(), page_port).running() as page:
                write_outputs(stack, page, outputs_file)
                try:
                    typer.echo(_how_to(stack, page, outputs_file, sample))
                    _wait(stack)
                finally:
                    outputs_file.unlink(missing_ok=True)
    except KeyboardInterrupt:
        typer.echo("\nThe embedded AWS has ended.")


def _refuse_a_second(outputs_file: Path) -> None:
    """Leave a stack alone that is up and told others where; take away what a killed one has left.

    Raises
    ------
    LocalError
        One is up.
    """
    try:
        endpoint = json.loads(outputs_file.read_text())["EndpointUrl"]
        with urlopen(f"{endpoint}/_ministack/health", timeout=2):  # noqa: S310 - loopback, as we wrote it ourselves
            pass
    except (OSError, ValueError, KeyError):
        outputs_file.unlink(missing_ok=True)
    else:
        raise LocalError(f"the embedded AWS is up already at {endpoint} ({outputs_file}): stop it first")


def write_outputs(stack: LocalStack, page: str, target: Path) -> None:
    """Write the stack's outputs, its endpoint, its page and credentials, all at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    reached = {
        "EndpointUrl": stack.endpoint_url,
        "ResultsPageUrl": page,
        "Region": stack.region,
        "AccessKeyId": stack.credentials.access_key_id,
        "SecretAccessKey": stack.credentials.secret_access_key,
    }
    unfinished.write_text(json.dumps({**stack.outputs, **reached}, indent=2) + "\n")
    unfinished.rename(target)


def _how_to(stack: LocalStack, page: str, outputs_file: Path, sample: Path) -> str:
    return HOW_TO.format(
        endpoint=stack.endpoint_url,
        region=stack.region,
        key=stack.credentials.access_key_id,
        secret=stack.credentials.secret_access_key,
        inbox=stack.outputs["InboxBucketName"],
        results=stack.outputs["ResultsBucketName"],
        page=page,
        api=stack.outputs["ResultsApiUrl"],
        sample=sample,
        outputs=outputs_file,
    )


def _wait(stack: LocalStack) -> None:
    """Until interrupted, or until the server ends by itself."""
    stack.wait()
    raise ServerGoneError(f"the embedded AWS ended by itself: start it again\n{stack.log_tail()}")


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt
