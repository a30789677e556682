"""Training jobs: what the program gets, what becomes of what it makes, and how jobs end."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.builders import IMAGE, eventually, principal, unique

SCRIPT = """
import json, os, sys

variables = {name: value for name, value in os.environ.items() if name.startswith("SM_")}
seen = {"arguments": sys.argv[1:], "variables": variables, "names": sorted(os.environ)}
for channel in json.loads(os.environ["SM_CHANNELS"]):
    folder = os.environ["SM_CHANNEL_" + channel.upper()]
    seen[channel] = {name: open(os.path.join(folder, name)).read() for name in sorted(os.listdir(folder))}
print("loss: 3.5")
print("loss: 1.25")
print("other: 7e-3")
with open(os.path.join(os.environ["SM_MODEL_DIR"], "seen.json"), "w") as file:
    json.dump(seen, file)
"""
METRICS = [{"Name": "loss", "Regex": "loss: (.*)"}, {"Name": "none", "Regex": "none: (.*)"}]


def packed(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return archive.getvalue()


def put(aws: Any, key: str, body: bytes) -> str:
    aws.client("s3").put_object(Bucket=aws.outputs["Work"], Key=key, Body=body)
    return f"s3://{aws.outputs['Work']}/{key}"


def channel(aws: Any, name: str, **files: bytes) -> dict[str, Any]:
    prefix = f"in/{unique()}/"
    for file, body in files.items():
        put(aws, f"{prefix}{file}", body)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{aws.outputs['Work']}/{prefix}"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def request(aws: Any, script: str = SCRIPT, **more: Any) -> dict[str, Any]:
    """A job in script mode, whose hyperparameters are JSON."""
    address = put(aws, f"in/{unique()}/sourcedir.tar.gz", packed({"train.py": script.encode()}))
    own = {"sagemaker_program": "train.py", "sagemaker_submit_directory": address}
    hyperparameters = {**own, "features": "a b", "depth": 3, **more.pop("hyperparameters", {})}
    return {
        "TrainingJobName": unique("training"),
        "RoleArn": aws.outputs["TransformRole"],
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": METRICS,
            **more.pop("algorithm", {}),
        },
        "HyperParameters": {name: json.dumps(value) for name, value in hyperparameters.items()},
        "InputDataConfig": [channel(aws, "train", a=b"1", b=b"2"), channel(aws, "test", c=b"3")],
        "OutputDataConfig": {"S3OutputPath": f"s3://{aws.outputs['Work']}/out/models/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        **more,
    }


def create(aws: Any, wanted: dict[str, Any]) -> str:
    aws.client("sagemaker").create_training_job(**wanted)
    return wanted["TrainingJobName"]


def ended(aws: Any, name: str) -> dict[str, Any]:
    """The job's description once it has ended."""

    def probe() -> dict[str, Any] | None:
        job = aws.client("sagemaker").describe_training_job(TrainingJobName=name)
        return None if job["TrainingJobStatus"] in {"InProgress", "Stopping"} else job

    return eventually(probe, seconds=60)


def log_of(aws: Any, name: str) -> str:
    logs, group = aws.client("logs"), "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    place = {"logGroupName": group, "logStreamName": streams[0]["logStreamName"]}
    return "\n".join(event["message"] for event in logs.get_log_events(**place)["events"])


def model_of(aws: Any, job: dict[str, Any]) -> dict[str, bytes]:
    """What the job's model archive holds."""
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{aws.outputs['Work']}/")
    body = aws.client("s3").get_object(Bucket=aws.outputs["Work"], Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive.getmembers() if m.isfile()}


@pytest.fixture(scope="module")
def trained(embedded: Any) -> dict[str, Any]:
    """A job that has ended well."""
    wanted = request(embedded, Tags=[{"Key": "k", "Value": "v"}], Environment={"MINE": "1"})
    return ended(embedded, create(embedded, wanted))


def test_a_job_leaves_its_model_its_metrics_and_its_log(aws: Any, trained: dict[str, Any]) -> None:
    name = trained["TrainingJobName"]

    assert (trained["TrainingJobStatus"], trained["SecondaryStatus"]) == ("Completed", "Completed")
    assert trained["ModelArtifacts"]["S3ModelArtifacts"] == (
        f"s3://{aws.outputs['Work']}/out/models/{name}/output/model.tar.gz"
    )
    assert [(one["MetricName"], one["Value"]) for one in trained["FinalMetricDataList"]] == [("loss", 1.25)]
    assert log_of(aws, name).splitlines() == ["loss: 3.5", "loss: 1.25", "other: 7e-3"]
    steps = [step["Status"] for step in trained["SecondaryStatusTransitions"]]
    assert steps == ["Starting", "Training", "Completed"]
    assert trained["TrainingTimeInSeconds"] >= 1


def test_the_script_gets_channels_arguments_and_the_toolkits_variables(
    aws: Any, trained: dict[str, Any]
) -> None:
    seen = json.loads(model_of(aws, trained)["seen.json"])

    assert seen["arguments"] == ["--depth", "3", "--features", "a b"]
    assert (seen["train"], seen["test"]) == ({"a": "1", "b": "2"}, {"c": "3"})
    assert seen["variables"]["SM_HP_DEPTH"] == "3"
    assert json.loads(seen["variables"]["SM_HPS"]) == {"depth": 3, "features": "a b"}
    assert "MINE" in seen["names"]
    assert not [name for name in seen["names"] if name.startswith(("PYTHONPATH", "AWS_ACCESS", "AWS_SECRET"))]


def test_a_name_can_be_used_once_for_ever(aws: Any, trained: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match=r"ResourceInUse.*Training job names must be unique"):
        create(aws, request(aws, TrainingJobName=trained["TrainingJobName"].upper()))


def test_a_script_that_fails_fails_the_job_with_its_last_words(aws: Any) -> None:
    job = ended(aws, create(aws, request(aws, "raise SystemExit('no column y')")))

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Failed", "Failed")
    reason = job["FailureReason"].splitlines()
    assert reason[:3] == [
        "AlgorithmError: ExecuteUserScriptError:",
        "ExitCode 1",
        'ErrorMessage "no column y"',
    ]
    assert job["FailureReason"].endswith(", exit code: 1")
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == ""


def test_what_a_program_leaves_as_failure_is_the_reason(aws: Any) -> None:
    script = (
        "open(__import__('os').environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('too few rows'); exit(3)"
    )

    assert ended(aws, create(aws, request(aws, script)))["FailureReason"] == (
        "AlgorithmError: too few rows, exit code: 3"
    )


def test_a_channels_prefix_may_end_with_the_folders_name(aws: Any) -> None:
    # as the SDK writes it
    wanted = request(aws)
    for one in wanted["InputDataConfig"]:
        source = one["DataSource"]["S3DataSource"]
        source["S3Uri"] = source["S3Uri"].removesuffix("/")

    seen = json.loads(model_of(aws, ended(aws, create(aws, wanted)))["seen.json"])

    assert (seen["train"], seen["test"]) == ({"a": "1", "b": "2"}, {"c": "3"})


def test_a_job_without_its_script_fails(aws: Any) -> None:
    job = ended(aws, create(aws, request(aws, hyperparameters={"sagemaker_program": "other.py"})))

    assert "other.py is not in sagemaker_submit_directory" in job["FailureReason"]


def test_an_entry_point_of_its_own_finds_the_images_folders(aws: Any) -> None:
    driver = (
        b"set -e\ncat /opt/ml/input/config/hyperparameters.json > /opt/ml/model/seen.json\necho loss: 2\n"
    )
    wanted = request(
        aws,
        algorithm={
            "ContainerEntrypoint": ["/bin/bash"],
            "ContainerArguments": ["-c", "bash /opt/ml/input/data/sm_drivers/run.sh"],
        },
    )
    wanted["HyperParameters"] = {"features": "a b"}
    wanted["InputDataConfig"].append(channel(aws, "sm_drivers", **{"run.sh": driver}))

    job = ended(aws, create(aws, wanted))

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert json.loads(model_of(aws, job)["seen.json"]) == {"features": "a b"}
    assert job["FinalMetricDataList"][0]["Value"] == 2


SLEEPING = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep({})'])\n"


def sleepers(mark: str) -> list[str]:
    """Processes whose command line has the mark."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in entry.read_bytes():
                found.append(entry.parent.name)
        except OSError:
            continue
    return found


def test_a_job_that_takes_too_long_is_stopped_with_all_that_it_has_started(aws: Any) -> None:
    mark = "time.sleep(58.125)"
    wanted = request(aws, SLEEPING.format("58.125"), StoppingCondition={"MaxRuntimeInSeconds": 1})

    job = ended(aws, create(aws, wanted))

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    eventually(lambda: not sleepers(mark))


def test_a_job_can_be_stopped(aws: Any) -> None:
    mark = "time.sleep(59.125)"
    name = create(aws, request(aws, SLEEPING.format("59.125")))
    eventually(lambda: sleepers(mark))

    aws.client("sagemaker").stop_training_job(TrainingJobName=name)

    job = ended(aws, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert [step["Status"] for step in job["SecondaryStatusTransitions"]][-2:] == ["Stopping", "Stopped"]
    eventually(lambda: not sleepers(mark))
    with pytest.raises(ClientError, match="in status Stopped"):
        aws.client("sagemaker").stop_training_job(TrainingJobName=name)


def refused(aws: Any, match: str, **more: Any) -> None:
    with pytest.raises(ClientError, match=match):
        create(aws, {**request(aws), **more})


def test_what_cannot_work_is_refused(aws: Any) -> None:
    nothing = channel(aws, "train")
    own = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}

    refused(aws, "ValidationException.*No S3 objects found under", InputDataConfig=[nothing])
    refused(aws, "Could not assume role", RoleArn=aws.outputs["UntrustingRole"])
    refused(aws, "trains on one instance", ResourceConfig={**own, "InstanceCount": 2})
    refused(aws, "enum value set", ResourceConfig={**own, "InstanceType": "ml.none.large"})
    refused(aws, "regular expression pattern", TrainingJobName="a_b")
    refused(aws, "MaxWaitTimeInSeconds", EnableManagedSpotTraining=True)
    refused(
        aws,
        "MaxWaitTimeInSeconds",
        StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
    )
    aws.change_faults(instance_quota=0)
    refused(aws, "ResourceLimitExceeded.*'ml.m5.large for training job usage' is 0 Instances")


def test_jobs_can_be_made_to_fail_and_wait(aws: Any) -> None:
    aws.change_faults(fail_jobs=1, failure_reason="InternalServerError: no capacity")

    assert ended(aws, create(aws, request(aws)))["FailureReason"] == "InternalServerError: no capacity"


def test_an_unknown_job_is_said_to_be_unknown(aws: Any) -> None:
    for call in ("describe_training_job", "stop_training_job"):
        with pytest.raises(ClientError, match=r"ValidationException.*Requested resource not found"):
            getattr(aws.client("sagemaker"), call)(TrainingJobName="nobody")


def test_jobs_are_listed(aws: Any, trained: dict[str, Any]) -> None:
    name = trained["TrainingJobName"]

    def listed(**more: str) -> list[str]:
        answer = aws.client("sagemaker").list_training_jobs(NameContains=name, **more)
        return [job["TrainingJobName"] for job in answer["TrainingJobSummaries"]]

    assert (listed(), listed(StatusEquals="Completed"), listed(StatusEquals="Failed")) == ([name], [name], [])


def test_creating_a_job_takes_rights_on_the_job_its_role_and_its_tags(aws: Any) -> None:
    training = {"Action": "sagemaker:CreateTrainingJob", "Resource": "*"}
    passing = {"Action": "iam:PassRole", "Resource": aws.outputs["TransformRole"]}
    tags = [{"Key": "k", "Value": "v"}]

    for statements, more, action in (
        ([passing], {}, "sagemaker:CreateTrainingJob"),
        ([training], {}, "iam:PassRole"),
        ([training, passing], {"Tags": tags}, "sagemaker:AddTags"),
    ):
        client = principal(aws, *statements).client("sagemaker")
        with pytest.raises(ClientError, match=f"not authorized to perform: {action}"):
            client.create_training_job(**request(aws, **more))
