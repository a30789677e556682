"""`python -m training` against the embedded AWS: register, approve, reject, list."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.server_process import ServerProcess

ROOT = Path(__file__).parents[2]
GROUP, BUCKET = "the-group", "the-models"


@pytest.fixture(scope="module")
def run():
    """Run the command line against an embedded AWS that has a group and a bucket."""
    with ServerProcess() as aws:
        aws.client("s3").create_bucket(Bucket=BUCKET)
        aws.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "functions"),
            "AWS_ENDPOINT_URL": aws.endpoint_url,
            "AWS_REGION": aws.region,
            "AWS_ACCESS_KEY_ID": aws.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": aws.credentials.secret_access_key,
            "MODEL_PACKAGE_GROUP": GROUP,
        }

        def training(*arguments):
            command = [sys.executable, "-m", "training", *map(str, arguments)]
            return subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
            )

        yield training


def test_a_model_goes_from_registered_to_approved_to_rejected(run, trained):
    folder = trained.archive.parent

    registered = run("register", folder, "--bucket", BUCKET)
    assert (registered.returncode, registered.stderr) == (0, "")
    assert f"version 1 of {GROUP}: PendingManualApproval" in registered.stdout
    assert run("approve", 1).stdout == f"version 1 of {GROUP}: Approved\n"
    assert "Approved" in run("register", folder, "--bucket", BUCKET, "--approve").stdout
    assert run("reject", 2, "--reason", "worse").stdout == f"version 2 of {GROUP}: Rejected\n"

    listed = [line.split()[:2] for line in run("list").stdout.splitlines()]
    assert listed == [["2", "Rejected"], ["1", "Approved"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("approve", "99"), "has no version 99"),
        (("list", "--group", "other"), "check your credentials, the region, --bucket and --group"),
    ],
)
def test_what_aws_refuses_is_one_line(run, arguments, said):
    done = run(*arguments)

    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
