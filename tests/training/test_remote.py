"""Training on SageMaker: the exact request, what is made of the job's end, and what is refused before.

The SDK itself is exercised against a fake AWS on the loopback interface, where it is installed
(`make setup-sagemaker`). Watching the job and fetching its model go through botocore's stubs and
moto, always.
"""

import json
import os
import re
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.stub import Stubber
from botocore.validate import ParamValidator
from moto import mock_aws

from tests.training.loopback import FakeAws
from tests.training.test_archive import with_members
from training.aws import Clients
from training.data.prepared import Prepared
from training.errors import PackageRefused, TrainingError
from training.model import remote
from training.model.archive import check
from training.model.metrics import all_names, regular_expression
from training.model.remote import SDK_PYTHON, RemoteRequest, fetch, start, train_remotely, wait_for, wish_of

PYTHON = Path(os.environ.get("DROPSCORE_SAGEMAKER_PYTHON") or SDK_PYTHON)
ROLE = "arn:aws:iam::123456789012:role/training"
REQUEST = RemoteRequest("the-work", ROLE, "ml.m5.large", max_run_minutes=60)
JOB = "dropscore-training-20260101000000"
needs_sdk = pytest.mark.skipif(
    not PYTHON.is_file(), reason="the SageMaker SDK is not installed: make setup-sagemaker (1 GB)"
)


@pytest.fixture
def prepared(trained):
    return Prepared(trained.spec.parent)


@pytest.fixture
def aws():
    """A SageMaker that answers what it was told, and moto's S3 with a bucket."""
    with mock_aws():
        session = boto3.Session(region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
        s3 = session.client("s3")
        s3.create_bucket(Bucket="the-work", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        sagemaker = session.client("sagemaker")
        with Stubber(sagemaker) as answers:
            yield Clients(sagemaker, s3, "eu-west-1"), answers
            answers.assert_no_pending_responses()


def started(prepared, request, monkeypatch):
    """What the SDK sends for a request: the fake AWS, and the one request that creates the job."""
    for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    with FakeAws() as fake:
        job = start(wish_of(prepared, request, "eu-west-1"), fake.url, PYTHON)
    (create,) = (sent for operation, sent in fake.calls if operation == "CreateTrainingJob")
    return fake, job, create


@needs_sdk
@pytest.mark.slow
def test_the_request_is_the_one_that_was_wished_for(prepared, monkeypatch):
    fake, job, create = started(prepared, REQUEST, monkeypatch)

    folder = f"training/dropscore-training/{job}/input"
    assert create["TrainingJobName"] == job
    assert re.fullmatch(r"dropscore-training-\d{14}", job)
    assert create["RoleArn"] == ROLE
    assert create["ResourceConfig"] == {
        "InstanceType": "ml.m5.large",
        "InstanceCount": 1,
        "VolumeSizeInGB": 30,
    }
    assert create["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600}
    assert "EnableManagedSpotTraining" not in create
    assert create["OutputDataConfig"]["S3OutputPath"] == "s3://the-work/training"
    algorithm = create["AlgorithmSpecification"]
    assert algorithm["TrainingImage"] == (
        "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
    )
    assert algorithm["TrainingInputMode"] == "File"
    assert algorithm["MetricDefinitions"] == [
        {"Name": name, "Regex": regular_expression(name)} for name in all_names()
    ]
    channels = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in create["InputDataConfig"]
    }
    assert channels == {
        name: f"s3://the-work/{folder}/{name}" for name in ("train", "test", "code", "sm_drivers")
    }
    for name, path in (("train", prepared.train), ("test", prepared.test)):
        assert fake.objects[f"/the-work/{folder}/{name}/{name}.csv"] == (path / f"{name}.csv").read_bytes()
    script = Path(__file__).parents[2] / "training" / "container" / "train.py"
    assert fake.objects[f"/the-work/{folder}/code/train.py"] == script.read_bytes()
    assert {key.split("/")[1] for key in fake.objects} == {"the-work"}


@needs_sdk
@pytest.mark.slow
def test_the_request_is_valid_by_botocores_model_of_sagemaker(prepared, monkeypatch):
    _, _, create = started(prepared, replace(REQUEST, max_wait_minutes=90), monkeypatch)

    shape = ServiceModel(Loader().load_service_model("sagemaker", "service-2")).shape_for(
        "CreateTrainingJobRequest"
    )
    assert not ParamValidator().validate(create, shape).has_errors()
    assert create["EnableManagedSpotTraining"] is True
    assert create["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 5400}
    assert all(len(value) <= 2500 for value in create["HyperParameters"].values())


@needs_sdk
@pytest.mark.slow
def test_the_sdks_driver_in_the_container_starts_train_py_with_our_arguments(prepared, monkeypatch, tmp_path):
    """The driver that the SDK sends along turns hyperparameters into arguments; ours must come out whole."""
    fake, _, create = started(prepared, REQUEST, monkeypatch)
    for key, content in fake.objects.items():
        if "/sm_drivers/" in key and not key.endswith(".pyc"):
            place = tmp_path / key.partition("/sm_drivers/")[2]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    reads_environment = (
        "import json, os, sys; sys.path[:0] = ['distributed_drivers', 'scripts', '.']; import environment;"
        " from common.utils import safe_deserialize; sent = json.load(sys.stdin);"
        " os.environ['SM_HPS'] = json.dumps({k: safe_deserialize(v) for k, v in sent.items()});"
        " os.environ['SM_ENTRY_SCRIPT'] = 'train.py'; import basic_script_driver as driver;"
        " print(json.dumps(driver.create_commands()))"
    )

    done = subprocess.run(
        [PYTHON, "-c", reads_environment],
        cwd=tmp_path,
        input=json.dumps(create["HyperParameters"]),
        capture_output=True,
        text=True,
        check=True,
    )

    _, script, *arguments = json.loads(done.stdout.splitlines()[-1])
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    assert script == "train.py"
    assert json.loads(given["--features"]) == ["minutes", "hour", "load"]
    assert given["--target"] == "target"
    assert json.loads(given["--record"]) == json.loads(create["HyperParameters"]["record"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bucket": ""}, "--bucket and --role"),
        ({"role": "training"}, "is no ARN"),
        ({"max_wait_minutes": 59}, "it covers both"),
    ],
)
def test_what_sagemaker_would_refuse_is_refused_before(change, said):
    with pytest.raises(TrainingError, match=said):
        replace(REQUEST, **change).check()


def test_without_the_sdk_it_is_said_how_to_get_it(prepared, tmp_path):
    with pytest.raises(TrainingError, match="make setup-sagemaker"):
        start(wish_of(prepared, REQUEST, "eu-west-1"), None, tmp_path / "python")


def test_what_the_sdk_says_is_handed_on_in_one_line(prepared, tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho Traceback >&2\necho 'ClientError: no such role' >&2\nexit 1\n")
    python.chmod(0o755)

    with pytest.raises(TrainingError, match=r"was not started: ClientError: no such role$"):
        start(wish_of(prepared, REQUEST, "eu-west-1"), None, python)


def told(status, **more):
    arn = f"arn:aws:sagemaker:eu-west-1:123456789012:training-job/{JOB}"
    return {
        "TrainingJobName": JOB,
        "TrainingJobArn": arn,
        "TrainingJobStatus": status,
        "SecondaryStatus": "Starting",
        "ModelArtifacts": {"S3ModelArtifacts": ""},
        "AlgorithmSpecification": {"TrainingInputMode": "File"},
        "ResourceConfig": {"VolumeSizeInGB": 30},
        "StoppingCondition": {},
        "CreationTime": 0,
        **more,
    }


def test_a_job_is_watched_until_it_is_completed(aws):
    aws, answers = aws
    uri = f"s3://the-work/training/output/{JOB}/output/model.tar.gz"
    for answer in (
        told("InProgress", SecondaryStatus="Training"),
        told("Completed", ModelArtifacts={"S3ModelArtifacts": uri}),
    ):
        answers.add_response("describe_training_job", answer, {"TrainingJobName": JOB})

    told_of = []
    assert wait_for(aws, JOB, lambda status, _: told_of.append(status), poll_seconds=0.0) == uri
    assert told_of == [f"{JOB}: Training"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (told("Failed", FailureReason="AlgorithmError: exit code 1\nmore"), "ended Failed: AlgorithmError"),
        (told("Stopped", SecondaryStatus="MaxWaitTimeExceeded"), "ended Stopped: .* MaxWaitTimeExceeded"),
    ],
)
def test_a_job_that_gave_no_model_is_an_error_with_its_reason(aws, answer, said):
    aws, answers = aws
    answers.add_response("describe_training_job", answer)

    with pytest.raises(TrainingError, match=said):
        wait_for(aws, JOB, lambda *_: None)


def test_what_the_job_made_is_fetched_and_checked(aws, trained, tmp_path):
    aws, _ = aws
    aws.s3.put_object(Bucket="the-work", Key="model.tar.gz", Body=trained.archive.read_bytes())
    (tmp_path / "feature_spec.json").write_bytes(trained.spec.read_bytes())

    model = fetch(aws, "s3://the-work/model.tar.gz", Prepared(tmp_path))

    assert model.metrics == trained.metrics
    assert check(model.archive, model.spec.read_bytes()).libraries["numpy"] == "2.5.1"


def test_a_model_is_wished_for_watched_and_fetched(aws, trained, tmp_path, monkeypatch):
    """The whole way but for the SDK, in whose place a program takes the wish and names a job."""
    aws, answers = aws
    shutil.copytree(trained.spec.parent, tmp_path / "prepared", ignore=shutil.ignore_patterns("model*"))
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ntest -f "$2" && cat >"$0.wish" && echo \'{{"job": "{JOB}"}}\'\n')
    python.chmod(0o755)
    monkeypatch.setenv("DROPSCORE_SAGEMAKER_PYTHON", str(python))
    monkeypatch.setattr(remote, "connect", lambda *_: aws)
    aws.s3.put_object(Bucket="the-work", Key="model.tar.gz", Body=trained.archive.read_bytes())
    done = told("Completed", ModelArtifacts={"S3ModelArtifacts": "s3://the-work/model.tar.gz"})
    answers.add_response("describe_training_job", done, {"TrainingJobName": JOB})

    model = train_remotely(Prepared(tmp_path / "prepared"), REQUEST, None, None, lambda *_: None)

    wish = json.loads((tmp_path / "python.wish").read_text())
    assert wish["image"].startswith("141502667606.dkr.ecr.eu-west-1.amazonaws.com/")
    assert (Path(wish["source"]) / "train.py").is_file()
    assert (model.archive, model.metrics) == (tmp_path / "prepared" / "model.tar.gz", trained.metrics)


def test_what_the_job_made_is_refused_where_it_could_not_be_served(aws, trained, tmp_path):
    aws, _ = aws
    broken = with_members(trained.archive, tmp_path / "broken.tar.gz", {"code/inference.py": None})
    assert tarfile.is_tarfile(broken)
    aws.s3.put_object(Bucket="the-work", Key="model.tar.gz", Body=broken.read_bytes())
    (tmp_path / "feature_spec.json").write_bytes(trained.spec.read_bytes())

    with pytest.raises(PackageRefused, match=r"has no code/inference\.py"):
        fetch(aws, "s3://the-work/model.tar.gz", Prepared(tmp_path))
