"""`train --where sagemaker` with the SDK itself; the embedded SageMaker runs what the SDK sends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.server_process import ServerProcess
from tests.training.builders import read, sensor_table
from tests.training.test_remote import PYTHON, needs_sdk
from training.data.prepared import Prepared, write_prepared
from training.data.split import Split, split
from training.model.archive import check

ROOT = Path(__file__).parents[2]
BUCKET = "the-work"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def rights():
    """The policy that docs/training.md gives for the training job's role, for this bucket."""
    text = (ROOT / "docs" / "training.md").read_text()
    (policy,) = (part for part in text.split("```json\n")[1:] if '"Statement"' in part)
    return policy.partition("```")[0].replace("BUCKET", BUCKET)


@pytest.fixture(scope="module")
def environment():
    """An embedded AWS with a bucket, and a role that may do what the documentation says and nothing else."""
    with ServerProcess() as aws:
        aws.client("s3").create_bucket(Bucket=BUCKET)
        iam = aws.client("iam")
        role = iam.create_role(RoleName="training", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName="training", PolicyName="training", PolicyDocument=rights())
        yield {
            "ROLE": role,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "functions"),
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_REGION": aws.region,
            "AWS_ACCESS_KEY_ID": aws.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": aws.credentials.secret_access_key,
            "DROPSCORE_SAGEMAKER_PYTHON": str(PYTHON),
        }


@needs_sdk
@pytest.mark.slow
def test_a_model_trained_on_sagemaker_is_the_one_trained_here(environment, trained, write_sensor, tmp_path):
    folder = tmp_path / "prepared"
    write_prepared(split(read([write_sensor(table=sensor_table(400))]), Split.RANDOM, seed=0), folder)
    options = ("--where", "sagemaker", "--bucket", BUCKET, "--role", environment["ROLE"], "--json")

    done = subprocess.run(
        [sys.executable, "-m", "training", "train", folder, *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Uploading the channels, creating the training job ...")
    assert json.loads(done.stdout)["metrics"] == trained.metrics
    here, there = (
        check(path, Prepared(folder).spec.read_bytes()) for path in (trained.archive, folder / "model.tar.gz")
    )
    assert here == there
