"""The embedded stack, kept up: what ``make local`` runs."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from urllib.request import urlopen

import typer

from local.bridge import bridge_address
from local.demo.sensor_month import write_sensor_month
from local.errors import LocalError
from local.samples.names import Names
from local.signposts import FOLDER, OUTPUTS, remove_signposts, write_sample_events, write_signposts
from local.stack import LocalStack
from ops.page import PageProxy

# Known names, so that commands in a shell's history keep working, and the sample events say what is so; and
# short windows, since a person is waiting.
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

  unset AWS_PROFILE AWS_SESSION_TOKEN
  export AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION={region} \\
         AWS_ACCESS_KEY_ID={key} AWS_SECRET_ACCESS_KEY={secret}
  aws s3 cp FILE.parquet s3://{inbox}/
  aws s3 ls --recursive s3://{results}/predictions/

A file to try it with: {sample}
See what becomes of it at {page}
The API behind that page: {api}

Run one function by hand, in this folder:

  make invoke FUNCTION=PrepareFunction EVENT=events/s3-put.json
{containers}
Every event and its answer: events/README.md. How to reach the stack, for programs: {folder}/stack.json.
Ctrl-C ends it, and everything in it."""

IN_A_CONTAINER = """\
  sam local invoke PrepareFunction -e events/s3-put.json      (in a container, with the variables above)

Containers reach the stack at {endpoint}; {folder}/env.json says so to sam.
"""
NO_CONTAINERS = """
Containers (sam local) do not reach it: for that, set DOCKER_HOST before `make local`.
"""

Seed = Callable[[LocalStack], object]


class ServerGoneError(LocalError):
    """The embedded server ended by itself; the message ends with the last lines of its log."""


def serve(
    port: int,
    parameters: Mapping[str, str],
    seeds: Mapping[str, Seed],
    folder: Path = FOLDER,
    page_port: int = 0,
) -> None:
    """Keep the stack up until interrupted.

    Parameters
    ----------
    port
        Loopback port; 0 for a free one.
    parameters
        Template parameters beside ``PARAMETERS``.
    seeds
        What puts a model and samples into the stack, by what a person is told meanwhile; it is ready when all
        of that is done.
    folder
        Gets what others need to reach the stack (``local.signposts``), there as long as the stack is.
    page_port
        Loopback port of the results page; 0 for a free one.

    Raises
    ------
    LocalError
        When the stack cannot be brought up, or ends by itself.
    """
    _refuse_a_second(folder)
    # A shell may have told its background jobs to ignore SIGINT.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, _interrupt)
    stack = LocalStack({**PARAMETERS, **parameters}, port, bridge=bridge_address())
    try:
        with _step("Starting the embedded AWS and deploying template.yaml"):
            stack.start()
        for what, seed in seeds.items():
            with _step(what):
                names = seed(stack)
            if isinstance(names, Names):
                write_sample_events(names, folder)
        _show(stack, folder, page_port)
    except KeyboardInterrupt:
        typer.echo("\nEnding the embedded AWS ...")
    finally:
        for ending in (signal.SIGINT, signal.SIGTERM):  # a second Ctrl-C must not leave half of it behind
            signal.signal(ending, signal.SIG_IGN)
        remove_signposts(folder)
        stack.stop()
    typer.echo("It has ended; nothing of it is left but the sample file.")


def _show(stack: LocalStack, folder: Path, page_port: int) -> None:
    """Say how to reach the stack, and keep it up."""
    sample = write_sensor_month(folder / "sample")
    with PageProxy(stack.results_api(), page_port).running() as page:
        write_signposts(stack, page, folder)
        typer.echo(_how_to(stack, page, folder, sample))
        _wait(stack)


@contextmanager
def _step(what: str) -> Iterator[None]:
    """Say what is done, and how long it took."""
    typer.echo(f"{what} ...", nl=False)
    began = time.monotonic()
    yield
    typer.echo(f" {time.monotonic() - began:.0f} s")


def _refuse_a_second(folder: Path) -> None:
    """Leave a stack alone that is up and told others where; take away what a killed one has left.

    Raises
    ------
    LocalError
        One is up.
    """
    outputs_file = folder / OUTPUTS
    try:
        endpoint = json.loads(outputs_file.read_text())["EndpointUrl"]
        with urlopen(f"{endpoint}/_ministack/health", timeout=2):  # noqa: S310 - loopback, as we wrote it ourselves
            pass
    except (OSError, ValueError, KeyError):
        remove_signposts(folder)
    else:
        raise LocalError(f"the embedded AWS is up already at {endpoint} ({outputs_file}): stop it first")


def _how_to(stack: LocalStack, page: str, folder: Path, sample: Path) -> str:
    reached = stack.container_endpoint_url
    containers = NO_CONTAINERS if reached == stack.endpoint_url else IN_A_CONTAINER
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
        folder=folder,
        containers=containers.format(endpoint=reached, folder=folder),
    )


def _wait(stack: LocalStack) -> None:
    """Until interrupted, or until the server ends by itself."""
    stack.wait()
    raise ServerGoneError(f"the embedded AWS ended by itself: start it again\n{stack.log_tail()}")


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt
