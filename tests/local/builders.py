"""What the tests of the embedded AWS are made of."""

from __future__ import annotations

import io
import json
import tarfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from dropscore.domain.model import SERVING_ENVIRONMENT
from training.model.image import CONTAINER_ENVIRONMENT

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ENVIRONMENT = dict(CONTAINER_ENVIRONMENT)
ENVIRONMENT_BEFORE = {name: ENVIRONMENT[name] for name in ENVIRONMENT.keys() - SERVING_ENVIRONMENT.keys()}
"""What packages were registered with before containers were kept off the network."""
LIMIT_SECONDS = 240.0
SHARD = b"0,1.5,2\n1,2.5,3\n"

# A "model" that needs no scikit-learn to be loaded: it adds up the features of each row.
SUMMING = """
def model_fn(folder):
    return None

def input_fn(body, content_type):
    assert content_type == "text/csv", content_type
    return [[float(cell) for cell in line.split(",")] for line in body.splitlines() if line.strip()]

def predict_fn(rows, model):
    return [sum(row) for row in rows]

def output_fn(predictions, accept):
    assert accept == "text/csv", accept
    return "\\n".join(map(repr, predictions))
"""


def model_archive(code: str = SUMMING, **files: bytes) -> bytes:
    """A model.tar.gz with the code as code/inference.py and further files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in {"code/inference.py": code.encode(), **files}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def eventually[Result](probe: Callable[[], Result], seconds: float = LIMIT_SECONDS) -> Result:
    """What the probe returns once it is true; fails after a while."""
    deadline = time.monotonic() + seconds
    pause = time.sleep
    while not (result := probe()):
        assert time.monotonic() < deadline, "it did not happen in time"
        pause(0.05)
    return result


def unique(prefix: str = "toy") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class Principal:
    """An IAM user with a policy of its own."""

    aws: Any
    access_key_id: str
    secret_access_key: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.aws.endpoint_url,
            region_name=self.aws.region,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )


def principal(aws: Any, *statements: dict[str, Any]) -> Principal:
    """A user who may do what the statements say."""
    iam, name = aws.client("iam"), unique("user")
    iam.create_user(UserName=name)
    if statements:
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in statements]}
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Principal(aws, key["AccessKeyId"], key["SecretAccessKey"])


def put_model(aws: Any, archive: bytes) -> str:
    """Upload an archive where the toy stack's role may read it; its address."""
    key = f"models/{uuid.uuid4().hex}/model.tar.gz"
    aws.client("s3").put_object(Bucket=aws.outputs["Work"], Key=key, Body=archive)
    return f"s3://{aws.outputs['Work']}/{key}"


def register(aws: Any, address: str, group: str = "toy-group", **more: Any) -> str:
    """Register a model package; its ARN."""
    container = {"Image": IMAGE, "ModelDataUrl": address, "Environment": more.pop("environment", ENVIRONMENT)}
    request = {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        **more,
    }
    return aws.client("sagemaker").create_model_package(**request)["ModelPackageArn"]


def create_model(aws: Any, archive: bytes, **more: Any) -> str:
    """A model of an approved package; its name."""
    package = register(aws, put_model(aws, archive), **more)
    name = unique()
    aws.client("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=aws.outputs["TransformRole"],
        Containers=[{"ModelPackageName": package}],
    )
    return name


def put_shards(aws: Any, **shards: bytes) -> str:
    """Upload input objects under a prefix of their own; the prefix's address."""
    prefix = f"in/{uuid.uuid4().hex}/"
    for name, body in shards.items():
        aws.client("s3").put_object(Bucket=aws.outputs["Work"], Key=f"{prefix}{name}.csv", Body=body)
    return f"s3://{aws.outputs['Work']}/{prefix}"


def job_request(aws: Any, model: str, source: str, **more: Any) -> dict[str, Any]:
    """A transform job as Dropscore starts it."""
    name = more.pop("name", unique())
    return {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": more.pop("kind", "S3Prefix"), "S3Uri": source}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://{aws.outputs['Work']}/out/{name}",
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "DataProcessing": {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
        "BatchStrategy": "MultiRecord",
        **more,
    }


def start_job(aws: Any, model: str, source: str, **more: Any) -> str:
    """Start a job; its name."""
    request = job_request(aws, model, source, **more)
    aws.client("sagemaker").create_transform_job(**request)
    return request["TransformJobName"]


def finished(aws: Any, name: str) -> dict[str, Any]:
    """The job's description once it has ended."""

    def ended() -> dict[str, Any] | None:
        job = aws.client("sagemaker").describe_transform_job(TransformJobName=name)
        return None if job["TransformJobStatus"] in {"InProgress", "Stopping"} else job

    return eventually(ended)


def run_job(aws: Any, model: str, source: str, **more: Any) -> dict[str, Any]:
    """Start a job and wait for its end."""
    return finished(aws, start_job(aws, model, source, **more))


def outputs_of(aws: Any, job: dict[str, Any]) -> dict[str, bytes]:
    """A job's output objects by base name."""
    s3, bucket = aws.client("s3"), aws.outputs["Work"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"out/{job['TransformJobName']}/").get("Contents", [])
    return {
        entry["Key"].rpartition("/")[2]: s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        for entry in listed
    }


class EventLog:
    """Every final event that has arrived, whoever asked for it."""

    def __init__(self, aws: Any) -> None:
        self._sqs, self._queue = aws.client("sqs"), aws.outputs["Events"]
        self._seen: list[dict[str, Any]] = []

    def of(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """A job's final events, once there are so many."""

        def arrived() -> list[dict[str, Any]] | None:
            found = [event for event in self._seen if event["detail"]["TransformJobName"] == name]
            if len(found) >= count:
                return found
            batch = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in batch.get("Messages", []):
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
                self._seen.append(json.loads(message["Body"]))
            return None

        return eventually(arrived)
