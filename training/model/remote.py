"""One training run on SageMaker: the same train.py, in the same image that serves the model."""

import json
import os
import subprocess
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dropscore.domain.model import split_s3_uri
from training.aws import Clients, Report, connect
from training.data.prepared import Prepared
from training.errors import TrainingError
from training.model.archive import METRICS, check
from training.model.image import image_uri
from training.model.metrics import all_names, regular_expression
from training.model.run import ARCHIVE, REPOSITORY, SCRIPT, TrainedModel, hyperparameters

JOB_NAME = "dropscore-training"
STARTER = Path(__file__).with_name("sagemaker_job.py")
SDK_PYTHON = REPOSITORY / ".venv-sagemaker" / "bin" / "python"
POLL_SECONDS = 15.0
START_LIMIT_SECONDS = 900


@dataclass(frozen=True)
class RemoteRequest:
    """What a training job needs to know.

    Attributes
    ----------
    bucket
        For channels, code and model. Not ModelsBucket: that takes writes with If-None-Match only, which
        SageMaker does not send.
    role
        ARN of the job's role.
    instance_type
        Of its one instance.
    max_run_minutes
        Then SageMaker stops it.
    max_wait_minutes
        On spot capacity: for capacity and run together. None: on demand.
    image
        URI of the scikit-learn image; None: that of the region.
    """

    bucket: str
    role: str
    instance_type: str
    max_run_minutes: int
    max_wait_minutes: int | None = None
    image: str | None = None

    def check(self) -> None:
        """Refuse what SageMaker would refuse, before anything is uploaded.

        Raises
        ------
        TrainingError
            Something is missing or contradicts itself; the message says what to pass.
        """
        if not self.bucket or not self.role:
            raise TrainingError("--where sagemaker needs --bucket and --role")
        if not self.role.startswith("arn:"):
            raise TrainingError(f"--role {self.role!r} is no ARN: pass arn:aws:iam::…:role/…")
        if self.max_wait_minutes is not None and self.max_wait_minutes < self.max_run_minutes:
            raise TrainingError(
                f"--max-wait-minutes {self.max_wait_minutes} is less than --max-run-minutes"
                f" {self.max_run_minutes}: it covers both"
            )


def train_remotely(
    prepared: Prepared, request: RemoteRequest, endpoint_url: str | None, region: str | None, report: Report
) -> TrainedModel:
    """Fit a model to prepared data in a training job, and fetch it.

    Parameters
    ----------
    prepared
        The folder with both channels and the spec; ``model.tar.gz`` is written beside them.
    request
        Where, and on what.
    endpoint_url
        Another AWS than the real one.
    region
        By default the AWS CLI's.
    report
        Is told the job's status, now and then.

    Returns
    -------
    TrainedModel
        As if it had been trained here.

    Raises
    ------
    TrainingError
        The SDK is not installed, the job could not be started, or it failed or was stopped; with the reason.
    PackageRefused
        What it made could not be served.
    botocore.exceptions.ClientError
        AWS refused.
    """
    request.check()
    aws = connect(endpoint_url, region)
    wish = wish_of(prepared, request, aws.region)
    report("Uploading the channels, creating the training job", 0.0)
    job = start(wish, endpoint_url)
    uri = wait_for(aws, job, report)
    return fetch(aws, uri, prepared)


def wish_of(prepared: Prepared, request: RemoteRequest, region: str) -> dict[str, Any]:
    """The request in the words of `sagemaker_job.start`.

    Raises
    ------
    TrainingError
        The folder is not a prepared one, or no image is known for the region.
    """
    return {
        "region": region,
        "bucket": request.bucket,
        "role": request.role,
        "name": JOB_NAME,
        "image": request.image or image_uri(region),
        "instance_type": request.instance_type,
        "spot": request.max_wait_minutes is not None,
        "max_run_seconds": request.max_run_minutes * 60,
        "max_wait_seconds": (request.max_wait_minutes or 0) * 60,
        "source": str(SCRIPT.parent),
        "train": str(prepared.train.resolve()),
        "test": str(prepared.test.resolve()),
        "hyperparameters": hyperparameters(prepared),
        "metrics": {name: regular_expression(name) for name in all_names()},
    }


def start(wish: dict[str, Any], endpoint_url: str | None, python: Path | None = None) -> str:
    """Start the job with the SDK, in the SDK's environment.

    Returns
    -------
    str
        The job's name.

    Raises
    ------
    TrainingError
        The SDK is not installed there, or it did not start the job; with the last line that it said.
    """
    python = python or Path(os.environ.get("DROPSCORE_SAGEMAKER_PYTHON") or SDK_PYTHON)
    if not python.is_file():
        raise TrainingError(
            f"the SageMaker SDK is not installed ({python} is missing): run `make setup-sagemaker` once, it"
            " takes 1 GB; or train with --where local"
        )
    environment = {**os.environ, **({"AWS_ENDPOINT_URL": endpoint_url} if endpoint_url else {})}
    try:
        done = subprocess.run(
            [str(python), "-I", str(STARTER)],
            input=json.dumps(wish),
            env=environment,
            capture_output=True,
            text=True,
            timeout=START_LIMIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TrainingError(
            f"no training job within {START_LIMIT_SECONDS} s, and it may still come: look for"
            f" {wish['name']}-… in SageMaker before you try again"
        ) from error
    if done.returncode != 0:
        raise TrainingError(
            f"the training job was not started: {(done.stderr.strip().splitlines() or ['no message'])[-1]}"
        )
    return str(json.loads(done.stdout.strip().splitlines()[-1])["job"])


def wait_for(aws: Clients, job: str, report: Report, poll_seconds: float = POLL_SECONDS) -> str:
    """Wait until a job has ended.

    Parameters
    ----------
    aws
        Asks how it is.
    job
        Its name.
    report
        Is told so each time, in SageMaker's words.
    poll_seconds
        How long to wait before asking again.

    Returns
    -------
    str
        Where its model.tar.gz lies.

    Raises
    ------
    TrainingError
        It failed or was stopped; with SageMaker's reason.
    botocore.exceptions.ClientError
        AWS refused.
    """
    started = time.monotonic()
    while True:
        found = aws.sagemaker.describe_training_job(TrainingJobName=job)
        status = found["TrainingJobStatus"]
        if status == "Completed":
            return found["ModelArtifacts"]["S3ModelArtifacts"]
        if status in {"Failed", "Stopped"}:
            reason = found.get("FailureReason") or f"secondary status {found['SecondaryStatus']}"
            raise TrainingError(
                f"training job {job} ended {status}: {reason.splitlines()[0]}; its log is the stream"
                f" {job}/… of /aws/sagemaker/TrainingJobs"
            )
        report(f"{job}: {found['SecondaryStatus']}", time.monotonic() - started)
        time.sleep(poll_seconds)


def fetch(aws: Clients, uri: str, prepared: Prepared) -> TrainedModel:
    """Download what a job made, and make sure that it can be served.

    Raises
    ------
    PackageRefused
        It could not be.
    botocore.exceptions.ClientError
        AWS refused.
    """
    bucket, key = split_s3_uri(uri)
    archive = prepared.folder / ARCHIVE
    aws.s3.download_file(bucket, key, str(archive))
    check(archive, prepared.spec.read_bytes())
    with tempfile.TemporaryDirectory() as folder, tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
        metrics = json.loads(Path(folder, METRICS).read_text(encoding="utf-8"))
    return TrainedModel(archive, prepared.spec, metrics)
