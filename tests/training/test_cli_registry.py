"""`python -m training` against the embedded AWS: register, approve, reject, list, show."""

import json
import os
import pty
import shutil
from pathlib import Path

import pytest

from dropscore.domain.spec import sha256_hex
from local.server_process import ServerProcess
from tests.command_line import run_here
from tests.training.test_archive import with_members
from training.__main__ import main

ROOT = Path(__file__).parents[2]
BUCKET = "the-models"
GROUPS = ("the-group", "worse", "rolled-back", "older")


@pytest.fixture(scope="module")
def aws():
    """An embedded AWS that has groups and a bucket."""
    with ServerProcess() as server:
        server.client("s3").create_bucket(Bucket=BUCKET)
        for group in GROUPS:
            server.client("sagemaker").create_model_package_group(ModelPackageGroupName=group)
        yield server


@pytest.fixture(scope="module")
def run(aws):
    """Run the command line against it; `group` for another group, `stdin` for somebody at a keyboard."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "functions"),
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_REGION": aws.region,
        "AWS_ACCESS_KEY_ID": aws.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": aws.credentials.secret_access_key,
    }

    def training(*arguments, group="the-group", stdin=None):
        variables = {**environment, "MODEL_PACKAGE_GROUP": group}
        return run_here(main, *arguments, environment=variables, stdin=stdin)

    return training


@pytest.fixture(scope="module")
def worse(trained, tmp_path_factory):
    """The trained model, whose metrics say that it is twice as bad."""
    folder = tmp_path_factory.mktemp("worse")
    shutil.copy(trained.spec, folder)
    metrics = {name: value and value * 2 for name, value in trained.metrics.items() if name != "R2"}
    change = {"metrics.json": json.dumps({**metrics, "R2": -1.0}).encode()}
    with_members(trained.archive, folder / "model.tar.gz", change)
    return folder


def typed(text):
    """A terminal at which somebody has typed something."""
    ours, theirs = pty.openpty()
    os.write(ours, text.encode())
    return theirs


def test_a_model_goes_from_registered_to_approved_to_rejected(run, trained):
    folder = trained.archive.parent

    registered = run("register", folder, "--bucket", BUCKET)
    assert (registered.returncode, registered.stderr) == (0, "")
    assert "version 1 of the-group: PendingManualApproval" in registered.stdout
    assert run("approve", 1).stdout == "version 1 of the-group: Approved\n"
    assert "Approved" in run("register", folder, "--bucket", BUCKET, "--approve").stdout
    rejected = run("reject", 2, "--reason", "too slow")
    assert rejected.stdout == "version 2 of the-group: Rejected\nversion 1 scores from now on\n"

    listed = [line.split()[:2] for line in run("list").stdout.splitlines()]
    assert listed == [["version", "status"], ["2", "Rejected"], ["1", "Approved"]]
    assert run("list").stdout.splitlines()[2].endswith("scores")
    told = json.loads(run("list", "--json").stdout)
    assert (told["scoring"], [one["version"] for one in told["versions"]]) == (1, [2, 1])
    assert told["versions"][0]["reason"] == "too slow"


def test_show_has_metrics_spec_hashes_commit_and_libraries(run, trained):
    folder = trained.archive.parent
    number = json.loads(run("register", folder, "--bucket", BUCKET, "--json").stdout)["version"]

    shown, told = run("show", number).stdout, json.loads(run("show", number, "--json").stdout)

    origin = json.loads((folder / "model" / "model.json").read_text())
    assert told["metrics"] == {name: value for name, value in trained.metrics.items() if value is not None}
    assert told["data_sha256"] == origin["data_sha256"]
    assert told["git_commit"] == origin["git_commit"]
    assert told["libraries"] == origin["libraries"]
    assert told["feature_spec_sha256"] == sha256_hex(trained.spec.read_bytes())
    assert told["feature_spec"]["baseline"] == json.loads(trained.spec.read_bytes())["baseline"]
    for words in ("target from minutes, hour, load", origin["data_sha256"], "sklearn 1.9.0", "training-mean"):
        assert words in shown


def test_a_change_for_the_worse_is_confirmed_by_a_person_or_by_yes(run, trained, worse):
    here = {"group": "worse"}
    run("register", trained.archive.parent, "--bucket", BUCKET, "--approve", **here)
    refused = run("register", worse, "--bucket", BUCKET, "--approve", **here)
    assert refused.returncode == 1
    assert "version 2 is worse than version 1, which it replaces (AE-at-50th-percentile" in refused.stderr
    assert "pass --yes" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1

    again = run("approve", 2, "--json", **here)
    assert (again.returncode, list(json.loads(again.stdout))) == (1, ["error"])
    said_no = run("approve", 2, stdin=typed("n\n"), **here)
    assert said_no.returncode == 1
    assert said_no.stderr.endswith("error: version 2 was not approved\n")
    assert json.loads(run("list", "--json", **here).stdout)["scoring"] == 1

    assert run("approve", 2, stdin=typed("y\n"), **here).returncode == 0
    run("reject", 2, **here)
    approved = json.loads(run("approve", 2, "--yes", "--json", **here).stdout)
    assert (approved["scoring"], "RMSE" in approved["worse"]) == (2, True)


def test_approving_an_older_version_says_that_the_newer_one_goes_on_scoring(run, trained):
    here = {"group": "older"}
    for _ in range(2):
        run("register", trained.archive.parent, "--bucket", BUCKET, **here)
    run("approve", 2, **here)

    done = run("approve", 1, **here)

    assert "version 2 is newer and approved, it goes on scoring" in done.stdout


def test_rejecting_the_only_approved_version_says_that_drops_wait(run, trained):
    here = {"group": "rolled-back"}
    run("register", trained.archive.parent, "--bucket", BUCKET, "--approve", **here)

    assert "no version is approved: drops wait" in run("reject", 1, **here).stdout


def test_a_feature_spec_that_was_replaced_is_not_shown_as_the_versions_own(run, aws, trained):
    registered = json.loads(run("register", trained.archive.parent, "--bucket", BUCKET, "--json").stdout)
    uri = json.loads(run("show", registered["version"], "--json").stdout)["feature_spec_uri"]
    key = uri.split("/", 3)[3]
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"{}")

    done = run("show", registered["version"])

    assert done.returncode == 1
    assert "it was replaced, and cannot score" in done.stderr
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=trained.spec.read_bytes())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("approve", "99"), "has no version 99"),
        (("show", "99"), "has no version 99"),
        (("list", "--group", "other"), "check your credentials, the region, --bucket and --group"),
    ],
)
def test_what_aws_refuses_is_one_line(run, arguments, said):
    done = run(*arguments)

    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
